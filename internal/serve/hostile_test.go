package serve

import (
	"bufio"
	"context"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// gate is a prompt that holds its event loop while it answers "gate".
type gate struct {
	prompt
	entered, release chan struct{}
}

func (g gate) Prompt(together []Exchange) {
	for _, x := range together {
		if string(x.Request) == "gate\n" {
			g.entered <- struct{}{}
			<-g.release
		}
	}
	g.prompt.Prompt(together)
}

// gated is a server with one event loop, which is held, and a connection that
// the loop owns; free lets the loop go on.
func gated(t *testing.T, dial func(d *door) *client) (d *door, c *client, free func()) {
	procs := runtime.GOMAXPROCS(2)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
	g := gate{entered: make(chan struct{}), release: make(chan struct{})}
	d = open(t, &Server{Prompter: func() Prompter { return g }, Handle: func(ctx context.Context, c *Conn) {
		if c.Flush() == nil {
			lines{}.handle(ctx, c)
		}
	}})
	c = dial(d)
	c.send("a\n")
	c.wants("a\n")
	holder := d.dial()
	holder.send("gate\n")
	<-g.entered
	return d, c, func() { close(g.release) }
}

// A request that had come when the drain began is answered, also when its peer
// has shut its side behind it.
func TestEventLoopDrainHalfClosed(t *testing.T) {
	d, c, free := gated(t, (*door).dial)
	c.send("b\n")
	if err := c.Conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	done := d.startShutdown(t.Context())
	for !d.draining.Load() {
		runtime.Gosched()
	}
	free()
	c.wants("b\n")
	c.wantsEnd()
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
}

// A read stops behind a request that carries a descriptor, and the next request
// is answered all the same.
func TestEventLoopRights(t *testing.T) {
	_, c, free := gated(t, (*door).dial)
	if _, _, err := c.Conn.(*net.UnixConn).WriteMsgUnix([]byte("b\n"), syscall.UnixRights(0), nil); err != nil {
		t.Fatal(err)
	}
	c.send("c\n")
	free()
	c.wants("b\n")
	c.wants("c\n")
}

// A read stops before urgent data, and what lies behind it is answered.
func TestEventLoopUrgentData(t *testing.T) {
	_, c, free := gated(t, dialTCP)
	c.send("b\n")
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = syscall.Sendto(int(fd), []byte("!"), syscall.MSG_OOB, nil) }); err != nil || sent != nil {
		t.Fatal(err, sent)
	}
	c.send("c\n")
	free()
	c.wants("b\n")
	c.wants("c\n")
}

// dialTCP connects to another listener of the server.
func dialTCP(d *door) *client {
	l, err := Listen("tcp:127.0.0.1:0", ListenOptions{})
	if err != nil {
		d.t.Fatal(err)
	}
	go func() { _ = d.Serve(d.t.Context(), l) }()
	conn, err := net.DialTimeout("tcp", l.Addr().String(), patience)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	d.t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReader(conn), d.t}
}
