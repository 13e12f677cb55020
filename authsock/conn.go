package authsock

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
)

// conn is one client connection. Its methods belong to the goroutine that
// reads, except finish and those it calls.
type conn struct {
	*serve.Conn
	server  *Server
	in      *tabline.Reader
	session *session
	minor   uint32 // of the client's version

	work    context.Context // ends when verifications must
	running sync.WaitGroup  // verifications

	mu        sync.Mutex           // guards what follows, and that replies leave one by one
	exchanges map[uint32]*exchange // unfinished requests by id
	verifying int                  // of them, those that are verified now
	silent    bool                 // nothing may be written any more
}

func newConn(ctx context.Context, s *Server, sc *serve.Conn) *conn {
	return &conn{
		Conn:      sc,
		server:    s,
		in:        tabline.NewReader(sc, maxLine),
		session:   s.Requests.connect(),
		work:      ctx,
		exchanges: map[uint32]*exchange{},
	}
}

// serve greets the client and answers it until one of the two has enough.
// cancel ends all verifications.
func (c *conn) serve(cancel context.CancelFunc) {
	if _, err := c.Write(appendGreeting(nil, c.server.Requests.spid, c.session)); err != nil {
		return
	}
	drained := false
	defer func() {
		if drained { // the grants stay: mail processes may still ask for them
			c.failWaiting()
			c.running.Wait()
			return
		}
		c.hush()
		cancel()
		c.running.Wait()
		c.resumeAll()
		c.server.Requests.leave(c.session)
	}()
	drained = c.converse()
}

// converse handles what the client sends. It returns true when the server has
// drained the connection, false when it is to end for another reason.
func (c *conn) converse() (drained bool) {
	c.SetIdleTimeout(handshakeTimeout)
	next := c.version
	for {
		line, err := c.in.Next()
		if err == nil {
			next, err = next(line)
		}
		if err != nil {
			tabline.Complain(c.server.log, c.server.Malformed, c.Conn, err)
			return c.Draining() && (errors.Is(err, tabline.ErrDraining) || errors.Is(err, os.ErrDeadlineExceeded))
		}
	}
}

// state handles a line and says how the next one is handled.
type state func(line []byte) (state, error)

func (c *conn) version(line []byte) (state, error) {
	minor, err := parseVersion(line)
	c.minor = minor
	return c.cpid, err
}

func (c *conn) cpid(line []byte) (state, error) {
	word, rest, _ := tabline.Cut(line)
	id, _, err := parseID(rest)
	if string(word) != "CPID" || err != nil || id == 0 {
		return nil, errCPID
	}
	c.server.Requests.join(c.session, id)
	c.SetIdleTimeout(0)
	return c.command, nil
}

func (c *conn) command(line []byte) (state, error) {
	word, args, _ := tabline.Cut(line)
	switch string(word) {
	case "AUTH":
		return c.command, c.auth(args)
	case "CONT":
		return c.command, c.cont(args)
	case "CANCEL":
		return c.command, c.cancel(args)
	}
	return nil, errCommand
}

// resumeAll makes no exchange wait any more: the connection has ended.
func (c *conn) resumeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.exchanges {
		c.resume(x)
	}
}

// hush keeps replies from being written: the connection is about to be closed.
func (c *conn) hush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
}

// write writes a reply. It runs under mu. A peer that does not read ends the
// connection.
func (c *conn) write(reply []byte) {
	if c.silent {
		return
	}
	if _, err := c.Write(reply); err != nil {
		tabline.Complain(c.server.log, c.server.Malformed, c.Conn, err)
		c.silent = true
		_ = c.Close()
	}
}

// failWaiting ends the exchanges that wait for their client, because nothing
// will be read any more.
func (c *conn) failWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.exchanges {
		if x.waiting {
			c.trouble(x)
		}
	}
}
