package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// conn is one connection, driven by the loop's thread.
type conn struct {
	fd       int
	dialogue Dialogue
	out      []byte
	in       []byte // what came of the reply
	due      time.Duration
	waiting  bool // for a reply
}

const (
	openTimeout = 30 * time.Second
	maxReply    = 4 << 10
)

func dial(ctx context.Context, p Plan) ([]*conn, error) {
	var conns []*conn
	for i := range p.Conns {
		c, err := open(ctx, p, p.Dialogue(i))
		if err != nil {
			return conns, fmt.Errorf("connection %d: %w", i, err)
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// open connects through package net and then takes the descriptor for itself:
// what follows goes past the Go scheduler.
func open(ctx context.Context, p Plan, d Dialogue) (*conn, error) {
	nc, err := Dial(ctx, p.Network, p.Address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = nc.Close() }()
	if err := nc.SetDeadline(time.Now().Add(openTimeout)); err != nil {
		return nil, err
	}
	if err := d.Open(nc); err != nil {
		return nil, err
	}
	fd, err := duplicate(nc)
	if err != nil {
		return nil, err
	}
	return &conn{fd: fd, dialogue: d, in: make([]byte, 0, maxReply)}, nil
}

// Dial connects. It tries again while the server's backlog is full.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	for end := time.Now().Add(openTimeout); ; time.Sleep(time.Millisecond) {
		conn, err := dialer.DialContext(ctx, network, address)
		if !errors.Is(err, syscall.EAGAIN) || time.Now().After(end) {
			return conn, err
		}
	}
}

// duplicate returns a descriptor of the connection, which does not block.
func duplicate(nc net.Conn) (fd int, err error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, errors.New("a connection without descriptor")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	dup := func(of uintptr) { fd, err = syscall.Dup(int(of)) }
	if failed := raw.Control(dup); failed != nil {
		return 0, failed
	}
	return fd, err
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		_ = syscall.Close(c.fd)
	}
}

// send sends the next request, which was due at a time.
func (c *conn) send(due time.Duration) error {
	c.out = c.dialogue.Request(c.out[:0])
	c.in = c.in[:0]
	c.due, c.waiting = due, true
	n, err := write(c.fd, c.out)
	switch {
	case err != nil:
		return fmt.Errorf("send: %w", err)
	case n < len(c.out):
		return fmt.Errorf("send: %d of %d bytes were taken", n, len(c.out))
	}
	return nil
}

// receive reads once and reports whether the reply is whole.
func (c *conn) receive() (bool, error) {
	n, err := read(c.fd, c.in[len(c.in):cap(c.in)])
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("receive: %w", err)
	case n == 0:
		return false, errors.New("receive: the server closed the connection")
	case !c.waiting:
		return false, errors.New("receive: a reply without request")
	}
	c.in = c.in[:len(c.in)+n]
	whole, err := c.dialogue.Reply(c.in)
	if err != nil {
		return false, fmt.Errorf("reply %.200q to %.600q: %w", c.in, c.out, err)
	}
	if !whole && len(c.in) == cap(c.in) {
		return false, fmt.Errorf("reply of more than %d bytes", maxReply)
	}
	c.waiting = !whole
	return whole, nil
}
