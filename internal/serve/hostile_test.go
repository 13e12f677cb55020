package serve

import (
	"context"
	"net"
	"runtime"
	"testing"
)

// gate is a prompt that holds its event loop while it answers "gate".
type gate struct {
	prompt
	entered, release chan struct{}
}

func (g gate) Prompt(b []byte) ([]byte, error) {
	if string(b) == "gate\n" {
		g.entered <- struct{}{}
		<-g.release
	}
	return g.prompt.Prompt(b)
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
