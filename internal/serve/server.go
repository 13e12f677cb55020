package serve

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of a Server whose fields are zero.
const (
	DefaultMaxConns       = 16384
	DefaultRequestTimeout = 5 * time.Second  // Postfix gives up after 100 s, Dovecot after 60 s
	DefaultWriteTimeout   = 10 * time.Second // replies are small; a peer that does not take one is gone
)

// Hooks are called as the server works. A nil field is skipped. They must not
// block and must not call the Server.
type Hooks struct {
	Conns    func(open int) // a connection was opened or closed; in the order in which it happened
	Refused  func()         // a connection was closed at once, because there are MaxConns already
	Panicked func()         // a handler panicked, its connection was closed; or a Prompter, whose requests went to handlers
}

// Server runs a handler for each connection of its listeners. The exported
// fields must not change once Serve was called. A Server is used once: after
// Shutdown it serves no more.
type Server struct {
	Name           string                             // the door: an attribute of each log line
	Handle         func(ctx context.Context, c *Conn) // one goroutine per connection; the connection is closed when it returns. ctx ends when the connection must end now
	Prompter       func() Prompter                    // makes one for each event loop, see Prompter; nil: Handle serves every connection from the beginning
	MaxConns       int                                // 0: DefaultMaxConns
	RequestTimeout time.Duration                      // 0: DefaultRequestTimeout; see Conn.Busy
	WriteTimeout   time.Duration                      // 0: DefaultWriteTimeout; see Conn.Write
	Hooks          Hooks
	Log            *slog.Logger // nil: no log

	// LingerIdle and LingerMax are for protocols whose clients cannot repeat a
	// request that met the end of its connection. When draining begins nothing is
	// accepted any more, but each connection stays until nothing came from it for
	// LingerIdle, at most for LingerMax. 0: what has come is answered, no more.
	LingerIdle, LingerMax time.Duration

	lingerEnd time.Time // set before draining

	draining atomic.Bool
	running  sync.WaitGroup // one for each Serve that has not returned; Add only under mu and before draining

	refusals refusals // for the log
	room     room

	mu     sync.Mutex            // guards what follows
	drain  chan struct{}         // closed when draining begins; made by the first user
	serves map[*serving]struct{} // each Serve that has not returned
	conns  map[*Conn]struct{}    // open connections
}

// serving is one call of Serve.
type serving struct {
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc // ends it now
	handlers sync.WaitGroup     // of its connections
	looping  sync.WaitGroup     // of its event loops

	// Guarded by the server's mu.
	loops    []*eventLoop
	loopless bool // no loop could be made
}

// Serve accepts connections from l until Shutdown, then returns nil. It may be
// called for several listeners, from a goroutine each. When ctx ends, the
// listener and its connections are closed at once and Serve returns the
// context's error. It also returns when somebody else closed l; any other
// error of Accept is waited out. It closes l in each case, and returns after
// the last of its handlers did.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer func() { _ = l.Close() }()
	v := &serving{listener: l}
	v.ctx, v.cancel = context.WithCancel(ctx)
	defer v.cancel()
	if !s.begin(v) {
		return nil
	}
	defer s.end(v)
	var watcher sync.WaitGroup
	watcher.Go(func() {
		<-v.ctx.Done()
		_ = l.Close()
		s.closeConns(v)
	})
	err := s.accept(v)
	_ = l.Close()
	v.handlers.Wait()
	v.cancel()
	watcher.Wait()
	v.looping.Wait()
	if s.draining.Load() {
		return nil
	}
	return errors.Join(ctx.Err(), err)
}

// Shutdown stops accepting, wakes idle connections and waits for requests in
// progress. When ctx ends first, it closes the remaining connections, waits
// for their handlers and returns the context's error. It may be called before
// Serve, and more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.beginDrain()
	done := make(chan struct{})
	go func() { // ends with the last Serve, which we wait for
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.cancelAll()
		<-done
		return ctx.Err()
	}
}

// begin registers a Serve; false: the server is draining.
func (s *Server) begin(v *serving) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	if s.serves == nil {
		s.serves = make(map[*serving]struct{})
		s.conns = make(map[*Conn]struct{})
	}
	s.serves[v] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Server) end(v *serving) {
	s.mu.Lock()
	delete(s.serves, v)
	s.mu.Unlock()
	s.running.Done()
}

// loop returns an event loop for a new connection, and its descriptor; nil: it
// must have a handler.
func (s *Server) loop(v *serving, c *Conn) (*eventLoop, int) {
	if s.Prompter == nil {
		return nil, 0
	}
	d := detach(c.Conn)
	if d == nil {
		return nil, 0
	}
	c.Conn = d
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startLoops(v)
	if len(v.loops) == 0 {
		return nil, 0
	}
	return slices.MinFunc(v.loops, func(a, b *eventLoop) int { return cmp.Compare(a.load(), b.load()) }), d.fd
}

// startLoops starts event loops, at the first connection: as many as half of the
// processors, since the other half belongs to those who ask.
func (s *Server) startLoops(v *serving) {
	if len(v.loops) > 0 || v.loopless || s.draining.Load() || v.ctx.Err() != nil {
		return
	}
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		l, err := newEventLoop(s, v)
		if err != nil {
			v.loopless = len(v.loops) == 0
			s.log().Warn("cannot make an event loop, connections are served one by one", "err", err)
			return
		}
		v.loops = append(v.loops, l)
		v.looping.Go(l.run)
	}
}

// ring ends the event loops. The caller holds the server's mu.
func (v *serving) ring() {
	for _, l := range v.loops {
		l.ring()
	}
}

// drainBegun returns the channel that is closed when draining begins.
func (s *Server) drainBegun() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drainLocked()
}

func (s *Server) drainLocked() chan struct{} {
	if s.drain == nil {
		s.drain = make(chan struct{})
	}
	return s.drain
}

// beginDrain wakes everybody, once. The flag is set before the first wake-up,
// so that a connection which misses its wake-up sees the flag.
func (s *Server) beginDrain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return
	}
	s.lingerEnd = time.Now().Add(s.LingerMax)
	s.draining.Store(true)
	close(s.drainLocked())
	for v := range s.serves {
		_ = v.listener.Close()
		v.ring()
	}
	for c := range s.conns {
		c.wake()
	}
}

func (s *Server) cancelAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.serves {
		v.cancel()
	}
}

// closeConns closes the connections that v accepted.
func (s *Server) closeConns(v *serving) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.ring()
	for c := range s.conns {
		if c.from == v {
			_ = c.Close()
		}
	}
}

// run serves one connection to its end.
func (s *Server) run(c *Conn) {
	ctx, cancel := context.WithCancel(c.from.ctx)
	defer s.remove(c)
	defer cancel()
	defer s.rescue()
	s.Handle(ctx, c)
}

// rescue turns a panic of the handler into the end of one connection.
func (s *Server) rescue() {
	if cause := recover(); cause != nil {
		s.panicked(cause)
	}
}

func (s *Server) panicked(cause any) {
	s.log().Error("handler panicked", "err", cause, "stack", string(debug.Stack()))
	if s.Hooks.Panicked != nil {
		s.Hooks.Panicked()
	}
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log.With("door", s.Name)
}
