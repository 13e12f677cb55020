package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// refusalLogEvery is how often refused connections are logged, at most.
const refusalLogEvery = 10 * time.Second

// How long accepting rests after an error, doubling from one to the other.
const (
	minRest = 5 * time.Millisecond
	maxRest = time.Second
)

// accept admits connections until the listener is closed. An error of any
// other kind, EMFILE and ENFILE above all, passes when something else ends, so
// it is waited out: a mail system that stops accepting for good because of a
// burst needs a human, one that waits does not.
func (s *Server) accept(v *serving) error {
	trouble := episode{log: s.log()}
	drain := s.drainBegun()
	for {
		conn, err := v.listener.Accept()
		switch {
		case err == nil:
			trouble.over()
			s.admit(v, conn)
		case s.draining.Load() || v.ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept: %w", err)
		default:
			rest(v.ctx, drain, trouble.next(err))
		}
	}
}

// rest sleeps, unless the server ends.
func rest(ctx context.Context, drain <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-drain:
	case <-ctx.Done():
	}
}

// episode is a time in which nothing can be accepted. It is logged once when
// it begins and once when it is over.
type episode struct {
	log   *slog.Logger
	since time.Time     // zero: no trouble
	rest  time.Duration // the latest rest
}

// next notes an error and returns how long to rest.
func (e *episode) next(err error) time.Duration {
	if e.since.IsZero() {
		e.since, e.rest = time.Now(), minRest/2
		e.log.Warn("cannot accept connections, trying again", "err", err)
	}
	e.rest = min(2*e.rest, maxRest)
	return e.rest
}

func (e *episode) over() {
	if e.since.IsZero() {
		return
	}
	e.log.Info("accepting connections again", "took", time.Since(e.since))
	e.since = time.Time{}
}

// admit gives a connection to an event loop or starts its handler, or closes it.
func (s *Server) admit(v *serving, conn net.Conn) {
	c := newConn(s, v, conn)
	loop, fd := s.loop(v, c)
	switch s.add(c) {
	case admitted:
		v.handlers.Add(1)
		if loop == nil || !loop.take(c, fd) {
			s.start(c)
			v.handlers.Done()
		}
		return
	case overLimit:
		s.refuse()
	}
	if d, is := c.Conn.(*detached); is {
		d.attach()
	}
	_ = c.Close()
}

// start starts a connection's handler.
func (s *Server) start(c *Conn) {
	if d, is := c.Conn.(*detached); is {
		d.attach()
		if c.from.ctx.Err() != nil { // closeConns may have come before
			_ = d.Close()
		}
	}
	c.from.handlers.Go(func() { s.run(c) })
}

type admission int

const (
	ending    admission = iota // the server was cancelled
	overLimit                  // there are MaxConns
	admitted
)

// add registers a connection. A context that ended is looked for under the
// mutex, because closeConns takes it afterwards. A connection that was accepted
// just as the drain began is served like those that were there before: closing
// it would lose what its client sends, and a login process of Dovecot that
// cannot send its first line never connects again.
func (s *Server) add(c *Conn) admission {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.from.ctx.Err() != nil:
		return ending
	case len(s.conns) >= s.maxConns():
		return overLimit
	}
	c.late = s.draining.Load()
	s.conns[c] = struct{}{}
	s.countConns()
	return admitted
}

// remove closes a connection and forgets it.
func (s *Server) remove(c *Conn) {
	_ = c.Close()
	c.Hold(0)
	c.lendBack()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.countConns()
}

// countConns runs under mu, so that the last number told is the true one.
func (s *Server) countConns() {
	if s.Hooks.Conns != nil {
		s.Hooks.Conns(len(s.conns))
	}
}

func (s *Server) maxConns() int {
	if s.MaxConns > 0 {
		return s.MaxConns
	}
	return DefaultMaxConns
}

// refuse tells of a connection over the limit.
func (s *Server) refuse() {
	if s.Hooks.Refused != nil {
		s.Hooks.Refused()
	}
	if n := s.refusals.add(time.Now()); n > 0 {
		s.log().Warn("too many connections, closing new ones", "limit", s.maxConns(), "refused", n)
	}
}

// refusals counts refused connections between two log lines.
type refusals struct {
	mu     sync.Mutex // guards what follows
	count  int        // not logged yet
	logged time.Time
}

// add counts one and returns how many to log now, 0 for none.
func (r *refusals) add(now time.Time) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if now.Sub(r.logged) < refusalLogEvery {
		return 0
	}
	n, r.count, r.logged = r.count, 0, now
	return n
}
