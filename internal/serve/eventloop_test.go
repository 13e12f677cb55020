package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// prompt echoes whole lines. "panic" and "end" do what they say, "decline" is
// the handler's, and "flood" gets more than a socket takes.
type prompt struct{}

func (prompt) Prompt(together []Exchange) {
	for i, x := range together {
		together[i].Reply, together[i].Err = echoed(x.Request)
	}
}

func echoed(b []byte) ([]byte, error) {
	switch {
	case bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' || string(b) == "decline\n":
		return nil, nil
	case string(b) == "panic\n":
		panic("boom")
	case string(b) == "end\n":
		return b, errors.New("the end")
	case string(b) == "flood\n":
		return bytes.Repeat([]byte("x"), flood), nil
	}
	return b, nil
}

const flood = 8 << 20

// looped is a server that echoes lines, by event loops as far as it can; handled
// counts the connections that got a handler.
func looped(t *testing.T, s *Server) (d *door, handled *atomic.Int32) {
	handled = new(atomic.Int32)
	if s.Prompter == nil {
		s.Prompter = func() Prompter { return prompt{} }
	}
	s.Handle = func(ctx context.Context, c *Conn) {
		handled.Add(1)
		if err := c.Flush(); err != nil {
			s.log().Warn("not flushed", "err", err)
			return
		}
		lines{}.handle(ctx, c)
	}
	return open(t, s), handled
}

func TestEventLoop(t *testing.T) {
	for _, tt := range []struct {
		name    string
		send    []string
		want    []string
		handled int32
	}{
		{"whole requests", []string{"a\n", "b\n", "c\n"}, []string{"a\n", "b\n", "c\n"}, 0},
		{"one that is declined", []string{"a\n", "decline\n", "b\n"}, []string{"a\n", "decline\n", "b\n"}, 1},
		{"two at once", []string{"a\nb\n"}, []string{"a\n", "b\n"}, 1},
		{"a large one", []string{strings.Repeat("x", 100) + "\n", "b\n"}, []string{strings.Repeat("x", 100) + "\n", "b\n"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, handled := looped(t, &Server{})
			c := d.dial()
			for i, s := range tt.send {
				c.send(s)
				if len(tt.send) == len(tt.want) {
					c.wants(tt.want[i])
				}
			}
			if len(tt.send) != len(tt.want) {
				for _, want := range tt.want {
					c.wants(want)
				}
			}
			if got := handled.Load(); got != tt.handled {
				t.Errorf("%d handlers, want %d", got, tt.handled)
			}
		})
	}
}

// Half a request is the handler's, and has its time.
func TestEventLoopHalfARequest(t *testing.T) {
	d, handled := looped(t, &Server{RequestTimeout: 50 * time.Millisecond})
	c := d.dial()
	c.send("hel")
	c.wantsEnd()
	if handled.Load() != 1 {
		t.Errorf("%d handlers, want 1", handled.Load())
	}
	c = d.dial()
	c.send("a\n")
	c.wants("a\n")
}

// A peer that shuts its side gets its reply and the end.
func TestEventLoopHalfClosed(t *testing.T) {
	d, _ := looped(t, &Server{})
	for _, first := range []string{"", "a\n"} {
		c := d.dial()
		if first != "" {
			c.send(first)
			c.wants(first)
		}
		c.send("b\n")
		if err := c.Conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		c.wants("b\n")
		c.wantsEnd()
	}
}

// A peer that does not take its reply is waited for, and closed in the end; one
// that takes it late gets all of it.
func TestEventLoopPeerThatNeverReads(t *testing.T) {
	conns := make(chan int, 10)
	d, handled := looped(t, &Server{WriteTimeout: 100 * time.Millisecond, Hooks: Hooks{Conns: func(n int) { conns <- n }}})
	d.dial().send("flood\n")
	if opened, closed := <-conns, <-conns; opened != 1 || closed != 0 {
		t.Errorf("Conns told %d and %d, want 1 and 0", opened, closed)
	}
	if handled.Load() != 1 || !strings.Contains(d.log.String(), "i/o timeout") {
		t.Errorf("%d handlers, log %q, want one that timed out", handled.Load(), d.log)
	}
}

func TestEventLoopPeerThatReadsLate(t *testing.T) {
	d, _ := looped(t, &Server{})
	c := d.dial()
	c.send("flood\n")
	if n, err := io.CopyN(io.Discard, c.r, flood); err != nil {
		t.Fatalf("%d bytes of the reply, %v", n, err)
	}
	c.send("a\n")
	c.wants("a\n")
}

// After a panic of the Prompter the handlers serve those that it left without a
// reply, and the loop goes on.
func TestEventLoopPanic(t *testing.T) {
	var made atomic.Int32
	d, handled := looped(t, &Server{Prompter: func() Prompter { made.Add(1); return prompt{} }})
	other, bad := d.dial(), d.dial()
	other.send("a\n")
	other.wants("a\n")
	before := made.Load()
	bad.send("panic\n")
	bad.wants("panic\n")
	other.send("b\n")
	other.wants("b\n")
	if n, more := handled.Load(), made.Load()-before; n != 1 || more != 1 {
		t.Errorf("%d handlers and %d more Prompters, want 1 of each", n, more)
	}
	if log := d.log.String(); !strings.Contains(log, "handler panicked") || !strings.Contains(log, "boom") {
		t.Errorf("log = %q, want the panic", log)
	}
}

func TestEventLoopLastReply(t *testing.T) {
	d, _ := looped(t, &Server{})
	c := d.dial()
	c.send("end\n")
	c.wants("end\n")
	c.wantsEnd()
}

// The limit counts the connections of a loop too.
func TestEventLoopLimit(t *testing.T) {
	d, _ := looped(t, &Server{MaxConns: 1})
	c := d.dial()
	c.send("a\n")
	c.wants("a\n")
	d.dial().wantsEnd()
	c.send("b\n")
	c.wants("b\n")
}

// A drain answers what had come: whole, or in two parts of which one had.
func TestEventLoopDrain(t *testing.T) {
	d, _ := looped(t, &Server{RequestTimeout: patience})
	idle, whole, half := d.dial(), d.dial(), d.dial()
	for _, c := range []*client{idle, whole, half} {
		c.send("a\n")
		c.wants("a\n")
	}
	half.send("hel")
	whole.send("hello\n")
	done := d.startShutdown(t.Context())
	whole.wants("hello\n")
	whole.wantsEnd()
	idle.wantsEnd()
	half.send("lo\n")
	half.wants("hello\n")
	half.wantsEnd()
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v, want nil", err)
	}
}

// A drain answers what had come, also when that is more than a loop hears of at
// once.
func TestEventLoopDrainMany(t *testing.T) {
	var clients []*client
	d, _, free := gated(t, func(d *door) *client {
		for range 2 * eventBatch {
			c := d.dial()
			c.send("a\n")
			c.wants("a\n")
			clients = append(clients, c)
		}
		return clients[0]
	})
	done := d.startShutdown(t.Context())
	d.mu.Lock() // when it is free the bell has rung: the loop hears of it first
	draining := d.draining.Load()
	d.mu.Unlock()
	if !draining {
		t.Fatal("the drain has not begun")
	}
	for i, c := range clients {
		c.send(strconv.Itoa(i) + "\n")
	}
	free()
	for i, c := range clients {
		c.wants(strconv.Itoa(i) + "\n")
		c.wantsEnd()
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v, want nil", err)
	}
}

// When the context of Serve ends, its connections end, in a loop or not; those of
// another listener stay.
func TestEventLoopContext(t *testing.T) {
	d, _ := looped(t, &Server{RequestTimeout: time.Hour})
	l, err := Listen("unix:"+t.TempDir()+"/second", ListenOptions{UID: -1, GID: -1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	second := *d
	second.path, second.served = l.Addr().String(), make(chan error, 1)
	go func() { second.served <- d.Serve(ctx, l) }()
	stays, goes, half := d.dial(), second.dial(), second.dial()
	for _, c := range []*client{stays, goes, half} {
		c.send("a\n")
		c.wants("a\n")
	}
	half.send("hel")
	cancel()
	goes.wantsEnd()
	half.wantsEnd()
	if err := <-second.served; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve = %v, want context.Canceled", err)
	}
	stays.send("b\n")
	stays.wants("b\n")
}

// Clients ask as fast as they can, whole and in parts, while the server drains:
// nobody gets part of a reply.
func TestEventLoopDrainUnderLoad(t *testing.T) {
	d, _ := looped(t, &Server{})
	var all, warm sync.WaitGroup
	for i := range 32 {
		conn, err := net.Dial("unix", d.path)
		if err != nil {
			t.Fatal(err)
		}
		warm.Add(1)
		all.Go(func() {
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(patience))
			ask(t, conn, i%2 == 0, warm.Done)
		})
	}
	warm.Wait()
	d.shutdown()
	all.Wait()
}

// Who has no descriptor to spare is served without a loop.
func TestDetachWithoutDescriptor(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	if d := detach(ours); d != nil {
		t.Error("a pipe was detached")
	}
}

// A detached connection has its addresses, and deadlines once it is attached.
func TestDetached(t *testing.T) {
	conn := idleConn(t).Conn
	remote := conn.RemoteAddr()
	d := detach(conn)
	if d == nil || d.RemoteAddr() != remote || d.LocalAddr() == nil {
		t.Fatalf("detach = %+v", d)
	}
	if err := errors.Join(d.SetDeadline(time.Now()), d.Close()); err != nil {
		t.Errorf("before attach: %v, want nothing done", err)
	}
	d.attach()
	if err := d.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read = %v after the deadline", err)
	}
	if err := errors.Join(d.SetReadDeadline(time.Time{}), d.SetWriteDeadline(time.Time{}), d.Close()); err != nil {
		t.Error(err)
	}
}

// A request that an event loop answers allocates nothing.
func TestEventLoopAllocates(t *testing.T) {
	d, handled := looped(t, &Server{})
	c := d.dial()
	request, buf := []byte("hello\n"), make([]byte, 16)
	if n := testing.AllocsPerRun(500, func() {
		_, _ = c.Write(request)
		_, _ = c.Conn.Read(buf)
	}); n != 0 || handled.Load() != 0 {
		t.Errorf("%v allocations a request, %d handlers, want none", n, handled.Load())
	}
}
