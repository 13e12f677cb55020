package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// watchQuestion is a policy request about nobody; the answer is DUNNO.
	watchQuestion = "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=watchdog@invalid\n\n"
	watchAnswer   = "action=DUNNO\n\n"
	watchPatience = 5 * time.Second
)

// watchdog tells systemd that the daemon lives, each time after a policy
// question was answered on the way that Postfix's questions take: the same
// server, rules and memory, over a connection of its own inside the process. A
// daemon that cannot decide any more is so restarted.
type watchdog struct {
	every time.Duration // half of what systemd waits
	tell  func()        // feeds it
	log   *slog.Logger
	inner *innerListener
}

// run asks and tells until ctx ends.
func (w *watchdog) run(ctx context.Context) {
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		switch err := w.ask(); {
		case err == nil:
			w.tell()
		case errors.Is(err, net.ErrClosed):
			return // the door was shut: the daemon ends
		default:
			w.log.Error("the policy door does not answer, systemd is not told that we live", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ask asks the policy door one question.
func (w *watchdog) ask() error {
	c, err := w.inner.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(watchPatience)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, watchQuestion); err != nil {
		return err
	}
	answer := make([]byte, len(watchAnswer))
	if n, err := io.ReadFull(c, answer); err != nil {
		return fmt.Errorf("answer %q: %w", answer[:n], err)
	}
	if string(answer) != watchAnswer {
		return fmt.Errorf("answer %q", strings.TrimSpace(string(answer)))
	}
	return nil
}

// innerListener accepts connections from inside the process.
type innerListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newInnerListener() *innerListener {
	return &innerListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// dial connects, as soon as somebody accepts.
func (l *innerListener) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	timer := time.NewTimer(watchPatience)
	defer timer.Stop()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-timer.C:
		return nil, errors.New("nobody accepts the connection")
	}
}

// Accept waits for dial.
func (l *innerListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *innerListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr names the listener in logs.
func (l *innerListener) Addr() net.Addr { return innerAddr{} }

type innerAddr struct{}

func (innerAddr) Network() string { return "inner" }
func (innerAddr) String() string  { return "watchdog" }
