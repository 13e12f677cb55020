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

// How long accepting rests after an error, doubling from one to the other.
const (
	minRest = 5 * time.Millisecond
	maxRest = time.Second
)

// accept admits connections until the listener is closed. An error of any
// other kind, EMFILE and ENFILE above all, passes when something else ends, so
// it is waited out: a mail system that stops accepting for good because of a
// burst needs a human, one that waits does not.
func (s *Server) accept(ctx context.Context, l net.Listener, handlers *sync.WaitGroup) error {
	trouble := episode{log: s.log()}
	drain := s.drainBegun()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			trouble.over()
			s.admit(ctx, l, conn, handlers)
		case s.draining.Load() || ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept: %w", err)
		default:
			rest(ctx, drain, trouble.next(err))
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

// admit starts the handler of a connection, or closes it.
func (s *Server) admit(ctx context.Context, l net.Listener, conn net.Conn, handlers *sync.WaitGroup) {
	c := newConn(s, l, conn)
	if !s.add(ctx, c) {
		_ = conn.Close()
		return
	}
	handlers.Go(func() { s.run(ctx, c) })
}

// add registers a connection; false: it must be closed. A context that ended
// is looked for under the mutex, because closeConns takes it afterwards.
func (s *Server) add(ctx context.Context, c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() || ctx.Err() != nil {
		return false
	}
	if len(s.conns) >= s.maxConns() {
		s.refuse()
		return false
	}
	s.conns[c] = struct{}{}
	s.countConns()
	return true
}

// remove closes a connection and forgets it.
func (s *Server) remove(c *Conn) {
	_ = c.Close()
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

// refuse counts a connection over the limit. It runs under mu.
func (s *Server) refuse() {
	s.refused++
	if s.Hooks.Refused != nil {
		s.Hooks.Refused()
	}
	if now := time.Now(); now.Sub(s.refusedLog) >= refusalLogEvery {
		s.log().Warn("too many connections, closing new ones", "limit", s.maxConns(), "refused", s.refused)
		s.refused, s.refusedLog = 0, now
	}
}
