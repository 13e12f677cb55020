package serve

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/peercred"
)

// lastLook is how long a connection woken by a drain looks for a request that
// had arrived already. Such a request is there at once; the rest is room for
// the scheduler.
const lastLook = 20 * time.Millisecond

// Conn is a connection a handler serves. Its deadlines belong to this package:
// a handler uses Idle, Busy and SetIdleTimeout instead of SetDeadline and its
// like. Idle, Busy and Read are for one goroutine at a time; Write, Close,
// Peer and Draining may be called from any.
type Conn struct {
	net.Conn

	// RequestTimeout is how long the rest of a request may take after Busy. The
	// handler may change it before it calls Busy.
	RequestTimeout time.Duration

	server       *Server
	from         *serving
	writeTimeout time.Duration
	opened       time.Time
	renewWrite   atomic.Int64 // when the write deadline must be renewed, in ns since opened
	heard        atomic.Int64 // when something came last, in ns since opened; only for a Server that lingers
	peer         peercred.Cred
	hasPeer      bool

	unanswered []byte // an event loop has read it: for Read
	unsent     []byte // an event loop could not write it: for Flush
	crowded    bool   // an event loop has read something for which there is no room
	held, lent int    // bytes of the Server's room that the handler's buffer takes, and those two

	armed atomic.Bool // Idle has a deadline to set or to clear

	mu          sync.Mutex    // guards the read deadline and what follows
	busy        bool          // half a request has been read
	looked      bool          // the last look was taken
	late        bool          // the drain begins with a look: it was accepted, or left by an event loop, and nobody has looked yet
	idleTimeout time.Duration // 0: none
	idleSince   time.Time     // when the idle deadline was set last
}

func newConn(s *Server, from *serving, conn net.Conn) *Conn {
	c := &Conn{
		Conn:           conn,
		RequestTimeout: DefaultRequestTimeout,
		server:         s,
		from:           from,
		writeTimeout:   DefaultWriteTimeout,
		opened:         time.Now(),
	}
	if s.RequestTimeout > 0 {
		c.RequestTimeout = s.RequestTimeout
	}
	if s.WriteTimeout > 0 {
		c.writeTimeout = s.WriteTimeout
	}
	if cred, err := peercred.Of(conn); err == nil {
		c.peer, c.hasPeer = cred, true
	}
	return c
}

// Idle tells that the handler is about to wait for the first byte of a
// request. It reports false when the server drains: the handler must return.
// While idle there is no read deadline, except for the one of SetIdleTimeout
// and for the end of lingering.
func (c *Conn) Idle() bool {
	if c.armed.Load() {
		c.rearm()
	}
	return len(c.unanswered) > 0 || c.crowded || !c.server.draining.Load() || c.stays()
}

// Flush writes what an event loop could not write of a reply. The handler calls
// it before everything else.
func (c *Conn) Flush() error {
	if len(c.unsent) == 0 {
		return nil
	}
	_, err := c.Write(c.unsent)
	c.unsent = nil
	c.lendBack()
	return err
}

// rearm ends a request's deadline and begins the idle one. It may undo a
// wake-up; then Idle sees that the server drains.
func (c *Conn) rearm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	wasBusy := c.busy
	c.busy = false
	c.armed.Store(c.idleTimeout > 0)
	if c.idleTimeout == 0 {
		_ = c.SetReadDeadline(time.Time{})
		return
	}
	// A tenth of the timeout is precise enough, and setting costs.
	if now := time.Now(); wasBusy || now.Sub(c.idleSince) > c.idleTimeout/10 {
		_ = c.SetReadDeadline(now.Add(c.idleTimeout))
		c.idleSince = now
	}
}

// Busy tells that a part of a request was read, and the handler is about to
// read more of it. The rest must come within RequestTimeout, or Read fails; a
// drain does not cut it. Calling it again for the same request does not give
// it more time; Idle ends the request. When a whole request and a part of the
// next were read together, call Idle, whatever it says, and then Busy.
//
// A handler that has the whole request need not call Busy. Busy reports
// whether the server drains, in which case this request is the last.
func (c *Conn) Busy() (draining bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		c.busy = true
		c.armed.Store(true)
		_ = c.SetReadDeadline(time.Now().Add(c.RequestTimeout))
	}
	return c.server.draining.Load()
}

// SetIdleTimeout sets how long the connection may wait for a request, from the
// next Idle on; it may end up to a tenth early. 0: for ever.
func (c *Conn) SetIdleTimeout(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idleTimeout = d
	c.idleSince = time.Time{}
	c.armed.Store(true)
}

// wake ends an idle connection's Read when the server begins to drain, at once
// or when it has lingered.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy {
		_ = c.SetReadDeadline(c.lingersUntil())
	}
}

// Read reads as net.Conn does. When the server begins to drain, an idle
// connection's Read returns a request that had come already, or that comes while
// the connection lingers, or an error. It returns
// [ErrNoRoom] when a request had begun for which there is none.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.unanswered) > 0 {
		n := copy(p, c.unanswered)
		if c.unanswered = c.unanswered[n:]; len(c.unanswered) == 0 {
			c.unanswered = nil // else the bytes live as long as the connection
			c.lendBack()
		}
		return n, nil
	}
	if c.crowded {
		return 0, ErrNoRoom
	}
	n, err := c.Conn.Read(p)
	if err != nil && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.lookOnce() {
		n, err = c.Conn.Read(p)
	}
	if n > 0 && c.server.LingerIdle > 0 {
		c.heard.Store(int64(time.Since(c.opened)))
	}
	return n, err
}

// lookOnce prepares the last look of an idle connection that was woken.
func (c *Conn) lookOnce() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy || c.looked || !c.server.draining.Load() {
		return false
	}
	c.looked = true
	_ = c.SetReadDeadline(time.Now().Add(lastLook))
	return true
}

// Write writes all of p, or fails after at most WriteTimeout: a peer that does
// not read cannot hold a handler. A deadline is set once in a tenth of
// WriteTimeout, because it costs: 1.57 µs for a small write so, 1.95 µs with a
// deadline each, 1.40 µs with none.
func (c *Conn) Write(p []byte) (int, error) {
	if now := time.Since(c.opened); int64(now) >= c.renewWrite.Load() {
		if err := c.SetWriteDeadline(c.opened.Add(now + c.writeTimeout)); err != nil {
			return 0, err
		}
		c.renewWrite.Store(int64(now + c.writeTimeout/10))
	}
	return c.Conn.Write(p)
}

// SetWriteTimeout sets for how long the next writes may take. Only the goroutine
// that writes may call it.
func (c *Conn) SetWriteTimeout(d time.Duration) {
	if d != c.writeTimeout {
		c.writeTimeout = d
		c.renewWrite.Store(0) // the next Write sets its deadline
	}
}

// Peer returns who connected; false when the connection is not a Unix socket.
func (c *Conn) Peer() (peercred.Cred, bool) { return c.peer, c.hasPeer }

// Draining reports whether the server drains.
func (c *Conn) Draining() bool { return c.server.draining.Load() }

// NetConn returns the connection beneath.
func (c *Conn) NetConn() net.Conn { return c.Conn }
