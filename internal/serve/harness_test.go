package serve

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// door is a server on a real Unix socket. The test's end shuts it down.
type door struct {
	*Server
	t      *testing.T
	path   string
	served chan error // what Serve returned
	log    *logBuffer
}

func open(t *testing.T, s *Server) *door {
	t.Helper()
	d := &door{Server: s, t: t, path: filepath.Join(t.TempDir(), "s"), served: make(chan error, 1), log: &logBuffer{}}
	s.Name = "test"
	s.Log = slog.New(slog.NewTextHandler(d.log, nil))
	l, err := Listen("unix:"+d.path, ListenOptions{UID: -1, GID: -1})
	if err != nil {
		t.Fatal(err)
	}
	go func() { d.served <- s.Serve(t.Context(), l) }()
	t.Cleanup(func() {
		d.shutdown()
		checkNoGoroutines(t)
	})
	return d
}

// shutdown drains with much time.
func (d *door) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Shutdown(ctx); err != nil {
		d.t.Errorf("Shutdown = %v, want nil", err)
	}
}

// dial connects a client.
func (d *door) dial() *client {
	d.t.Helper()
	conn, err := net.DialTimeout("unix", d.path, patience)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	d.t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReader(conn), d.t}
}

type client struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatalf("send %q: %v", s, err)
	}
}

// wants reads one line.
func (c *client) wants(want string) {
	c.t.Helper()
	if got, err := c.r.ReadString('\n'); err != nil || got != want {
		c.t.Fatalf("reply = %q, %v, want %q", got, err, want)
	}
}

// wantsEnd waits for the server to close.
func (c *client) wantsEnd() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err != io.EOF && !strings.Contains(err.Error(), "reset") {
		c.t.Fatalf("read %q, %v, want the end of the connection", b, err)
	}
}

// lines is a handler that echoes lines, and tells when it read a part of one.
type lines struct {
	partial chan struct{} // nil: not told
}

func (h lines) handle(_ context.Context, c *Conn) {
	buf, n := make([]byte, 3*promptSize), 0
	for c.Idle() {
		m, err := c.Read(buf)
		for n = m; err == nil && !bytes.HasSuffix(buf[:n], []byte("\n")); n += m {
			c.Busy()
			if h.partial != nil {
				h.partial <- struct{}{}
			}
			m, err = c.Read(buf[n:])
		}
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// checkNoGoroutines waits until no goroutine of this package is left. One that
// told its WaitGroup may need a moment to vanish.
func checkNoGoroutines(t *testing.T) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "serve.(*Server)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines were left:\n%s", stacks)
		}
	}
}

// logBuffer collects a log from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
