package serve

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	d := open(t, &Server{Handle: lines{}.handle})
	one, two := d.dial(), d.dial()
	for range 3 {
		one.send("hello\n")
		one.wants("hello\n")
		two.send("hel")
		two.send("lo\n")
		two.wants("hello\n")
	}
	d.shutdown()
	one.wantsEnd()
	two.wantsEnd()
	if err := <-d.served; err != nil {
		t.Errorf("Serve = %v after Shutdown, want nil", err)
	}
}

func TestServeSeveralListeners(t *testing.T) {
	d := open(t, &Server{Handle: lines{}.handle})
	second := *d
	second.path, second.served = filepath.Join(t.TempDir(), "second"), make(chan error, 1)
	l, err := Listen("unix:"+second.path, ListenOptions{UID: -1, GID: -1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { second.served <- d.Serve(ctx, l) }()
	one, two := d.dial(), second.dial()
	one.send("a\n")
	one.wants("a\n")
	two.send("b\n")
	two.wants("b\n")

	cancel() // ends the second listener and its connections, nothing else
	two.wantsEnd()
	if err := <-second.served; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve = %v after its context ended, want context.Canceled", err)
	}
	one.send("c\n")
	one.wants("c\n")
}

func TestServeClosedListener(t *testing.T) {
	s := &Server{Handle: lines{}.handle}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(t.Context(), l) }()
	_ = l.Close()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v when somebody closed the listener, want net.ErrClosed", err)
	}
}

func TestShutdownBeforeServe(t *testing.T) {
	s := &Server{Handle: lines{}.handle}
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatalf("Shutdown = %v, want nil", err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), l); err != nil {
		t.Errorf("Serve = %v after Shutdown, want nil", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v after Serve, want the listener closed", err)
	}
}

func TestLimit(t *testing.T) {
	refused := make(chan struct{}, 10)
	open1 := make(chan int, 10)
	d := open(t, &Server{Handle: lines{}.handle, MaxConns: 1, Hooks: Hooks{
		Refused: func() { refused <- struct{}{} },
		Conns:   func(n int) { open1 <- n },
	}})
	first := d.dial()
	first.send("a\n")
	first.wants("a\n")
	for range 2 {
		d.dial().wantsEnd()
		<-refused
	}
	_ = first.Close()
	if opened, closed := <-open1, <-open1; opened != 1 || closed != 0 {
		t.Errorf("Conns told %d and %d, want 1 and 0", opened, closed)
	}
	again := d.dial()
	again.send("b\n")
	again.wants("b\n")
	if log := d.log.String(); strings.Count(log, "too many connections") != 1 || !strings.Contains(log, "door=test limit=1 refused=1") {
		t.Errorf("log = %q, want one line about the limit", log)
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	panicked := make(chan struct{}, 1)
	d := open(t, &Server{
		Hooks: Hooks{Panicked: func() { panicked <- struct{}{} }},
		Handle: func(ctx context.Context, c *Conn) {
			buf := make([]byte, 1)
			if _, err := c.Read(buf); err == nil && buf[0] == '!' {
				panic("boom")
			}
			lines{}.handle(ctx, c)
		},
	})
	other := d.dial()
	other.send("a")
	bad := d.dial()
	bad.send("!")
	bad.wantsEnd()
	<-panicked
	other.send("b\n")
	other.wants("b\n")
	if log := d.log.String(); !strings.Contains(log, "handler panicked") || !strings.Contains(log, "boom") || !strings.Contains(log, "server_test.go") {
		t.Errorf("log = %q, want the panic and its stack", log)
	}
}

func TestPeer(t *testing.T) {
	handle := func(_ context.Context, c *Conn) {
		cred, ok := c.Peer()
		text := "nobody\n"
		if ok && cred.PID != 0 {
			text = "somebody\n"
		}
		_, _ = c.Write([]byte(text))
	}
	d := open(t, &Server{Handle: handle})
	d.dial().wants("somebody\n")

	l, err := Listen("tcp:127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.Serve(t.Context(), l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 16)
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "nobody\n" {
		t.Errorf("over TCP: %q, %v, want nobody", buf[:n], err)
	}
}
