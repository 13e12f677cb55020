package adminsock

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
)

// listener gives connections that tell when their peer does not read: net/http
// closes such a one without a word.
type listener struct {
	net.Listener
	log *slog.Logger
}

// Accept waits for the next connection.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, log: l.log}, nil
}

type conn struct {
	net.Conn
	log  *slog.Logger
	once sync.Once // for the log line
}

// NetConn returns the connection beneath, which knows its peer.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Write writes all of b, or fails when the peer does not read in time.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.once.Do(func() { c.log.Warn("a peer does not read its replies, connection closed", "err", err) })
	}
	return n, err
}
