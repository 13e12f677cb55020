package serve

import (
	"io"
	"net"
	"testing"
	"time"
)

// The path of a whole request must not allocate.
func TestNoAllocations(t *testing.T) {
	conn := idleConn(t)
	reply := []byte("action=DUNNO\n\n")
	if n := testing.AllocsPerRun(100, func() {
		if !conn.Idle() {
			t.Fatal("draining")
		}
		_, _ = conn.Write(reply)
	}); n != 0 {
		t.Errorf("%v allocations a request, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { conn.Busy(); conn.Idle() }); n != 0 {
		t.Errorf("%v allocations a half request, want 0", n)
	}
}

// idleConn is a connection whose peer reads everything.
func idleConn(t testing.TB) *Conn {
	l, err := Listen("unix:"+t.TempDir()+"/s", ListenOptions{UID: -1, GID: -1})
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, client); close(done) }()
	t.Cleanup(func() { _, _, _ = server.Close(), l.Close(), client.Close(); <-done })
	return newConn(&Server{}, &serving{}, server)
}

func BenchmarkIdle(b *testing.B) {
	c := idleConn(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Idle()
	}
}

// BenchmarkBusyIdle is the price of a request that came in two parts.
func BenchmarkBusyIdle(b *testing.B) {
	c := idleConn(b)
	b.ReportAllocs()
	for b.Loop() {
		c.Busy()
		c.Idle()
	}
}

func BenchmarkIdleWithTimeout(b *testing.B) {
	c := idleConn(b)
	c.SetIdleTimeout(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		c.Idle()
	}
}

func BenchmarkWrite(b *testing.B) {
	c, reply := idleConn(b), []byte("action=DUNNO\n\n")
	for name, write := range map[string]func([]byte) (int, error){
		"ours": c.Write,
		"bare": c.Conn.Write,
		"deadline each": func(p []byte) (int, error) {
			_ = c.SetWriteDeadline(time.Now().Add(DefaultWriteTimeout))
			return c.Conn.Write(p)
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := write(reply); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSetDeadline(b *testing.B) {
	c := idleConn(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	}
}

// BenchmarkEventLoop is the price of a request, of one connection among 64 that
// ask in turn.
func BenchmarkEventLoop(b *testing.B) {
	s := &Server{Prompter: func() Prompter { return prompt{} }, Handle: lines{}.handle}
	l, err := Listen("unix:"+b.TempDir()+"/s", ListenOptions{UID: -1, GID: -1})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(b.Context(), l) }()
	conns := make([]net.Conn, 64)
	for i := range conns {
		if conns[i], err = net.Dial("unix", l.Addr().String()); err != nil {
			b.Fatal(err)
		}
	}
	request, buf := []byte("hello\n"), make([]byte, 16)
	i := 0
	for b.Loop() {
		c := conns[i%len(conns)]
		_, _ = c.Write(request)
		_, _ = c.Read(buf)
		i++
	}
}
