package delegation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// fixture is a running server over the standard directory.
type fixture struct {
	*Server
	t      testing.TB
	ledger *quota.Ledger
	dial   func() (net.Conn, error)

	mu     sync.Mutex // guards what follows
	events []string   // what the hooks were told
	log    bytes.Buffer
}

// Write takes a log line.
func (f *fixture) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

func (f *fixture) told(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, fmt.Sprintf(format, args...))
}

// taken returns what happened since the last call: events and log lines.
func (f *fixture) taken() (events []string, lines string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	events, lines = f.events, f.log.String()
	f.events = nil
	f.log.Reset()
	return events, lines
}

func prepare(t testing.TB) *fixture {
	t.Helper()
	d, l := testkit.Standard(t)
	f := &fixture{t: t, ledger: l}
	f.Server = &Server{Directory: d, Ledger: l, Log: slog.New(slog.NewTextHandler(f, nil)), Hooks: Hooks{
		Decision: func(s policy.Stage, r policy.RuleID, a policy.Action, took time.Duration) {
			f.told("%v %v %v", s, r, a)
			if took < 0 {
				f.told("took %v", took)
			}
		},
		Watched:   func(s policy.Stage, r policy.RuleID, m policy.Mode) { f.told("%v %v %v", s, r, m) },
		Unknown:   func(u policy.Unknown) { f.told("unknown %v", u) },
		Malformed: func(m Malformation) { f.told("malformed %v", m) },
		Panicked:  func() { f.told("panicked") },
	}}
	return f
}

// serve runs the server on l until the test ends.
func (f *fixture) serve(l net.Listener) {
	done := make(chan error, 1)
	go func() { done <- f.Serve(context.Background(), l) }()
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			f.t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil {
			f.t.Errorf("Serve: %v", err)
		}
	})
}

// open runs a server on a Unix socket.
func open(t testing.TB) *fixture {
	t.Helper()
	f := prepare(t)
	f.listen()
	return f
}

func (f *fixture) listen() {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "policy")
	l, err := net.Listen("unix", path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.dial = func() (net.Conn, error) { return net.Dial("unix", path) }
	f.serve(l)
}

// pipes is a listener whose connections are pipes, for bubbles of synctest.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// piped runs a server on pipes.
func (f *fixture) piped() {
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	f.dial = func() (net.Conn, error) {
		client, server := net.Pipe()
		l.conns <- server
		return client, nil
	}
	f.serve(l)
}

// client is one connection to the server.
type client struct {
	net.Conn
	t testing.TB
}

func (f *fixture) connect() *client {
	f.t.Helper()
	c, err := f.dial()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	return &client{c, f.t}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send %.80q: %v", text, err)
	}
}

// reply reads one reply and returns its action.
func (c *client) reply() string {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	text := string(buf[:n])
	action, ok := strings.CutPrefix(text, "action=")
	action, ended := strings.CutSuffix(action, "\n\n")
	if err != nil || !ok || !ended || strings.Contains(action, "\n") {
		c.t.Fatalf("reply %q, %v: want one action", text, err)
	}
	return action
}

// rest reads to the end of the connection.
func (c *client) rest() string {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	rest, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // reset: the server left bytes unread
		c.t.Errorf("the connection stays open: %v", err)
	}
	return string(rest)
}

// ask sends a request and returns the action.
func (c *client) ask(text string) string {
	c.t.Helper()
	c.send(text)
	return c.reply()
}

// mail tells requests about one message.
type mail struct {
	instance, login, sender string
	size                    int
}

func (m mail) request(state, recipient string) string {
	return fmt.Sprintf("%sprotocol_state=%s\nsender=%s\nrecipient=%s\ninstance=%s\nsize=%d\nsasl_username=%s\n\n",
		head, state, m.sender, recipient, m.instance, m.size, m.login)
}

func (m mail) rcpt(recipient string) string { return m.request("RCPT", recipient) }

func (m mail) end(size int) string {
	m.size = size
	return m.request("END-OF-MESSAGE", "")
}

// set changes one user.
func (f *fixture) set(address string, fn func(*directory.UserFields)) {
	f.t.Helper()
	testkit.Update(f.t, f.Directory, func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr(address), directory.AnyRevision, func(u *directory.UserFields) error {
			fn(u)
			return nil
		})
	})
}
