// Package doortest is what tests of doors share: running a server on a socket
// or on pipes, keeping what its hooks and its log were told, sending a
// conversation in pieces, and a directory with a crowd of users. Only _test.go
// files import it.
package doortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that is not a matter of time.
const patience = 10 * time.Second

// Server is a door.
type Server interface {
	Serve(ctx context.Context, l net.Listener) error
	Shutdown(ctx context.Context) error
}

// Dial connects to a door.
type Dial func() (net.Conn, error)

// Unix runs s on a Unix socket until the test ends.
func Unix(t testing.TB, s Server) Dial {
	t.Helper()
	path := filepath.Join(t.TempDir(), "door")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s, l)
	return func() (net.Conn, error) { return net.Dial("unix", path) }
}

// Pipes runs s on pipes until the test ends, for bubbles of synctest.
func Pipes(t testing.TB, s Server) Dial {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	run(t, s, l)
	return func() (net.Conn, error) {
		client, server := net.Pipe()
		l.conns <- server
		return client, nil
	}
}

func run(t testing.TB, s Server, l net.Listener) {
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), l) }() // ends with Stop
	t.Cleanup(func() {
		Stop(t, s)
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// Stop shuts s down: afterwards its connections have ended and its hooks were
// told everything.
func Stop(t testing.TB, s Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// Client is a connection to a door. What fails ends the test.
type Client struct {
	net.Conn
	t testing.TB
}

// Connect dials a connection that is closed when the test ends.
func Connect(t testing.TB, dial Dial) *Client {
	t.Helper()
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &Client{c, t}
}

// Send writes text.
func (c *Client) Send(text string) {
	c.t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send %.80q: %v", text, err)
	}
}

// Ask sends a request and returns what one read brings.
func (c *Client) Ask(request string) string {
	c.t.Helper()
	c.Send(request)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		c.t.Fatalf("reply to %.80q: %v", request, err)
	}
	return string(buf[:n])
}

// CloseWrite says that nothing more comes.
func (c *Client) CloseWrite() {
	c.t.Helper()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.t.Fatal("this connection cannot be closed for one direction")
	}
}

// HalfRequests makes n connections with dial, over pipes, and sends the same
// beginning of a request on each. It returns those that the server keeps, how many
// it has closed, and by how many bytes the heap has grown meanwhile.
func HalfRequests(t testing.TB, n int, begin string, dial func() *Client) (kept []*Client, closed int, grown int64) {
	t.Helper()
	all := make([]*Client, n)
	for i := range all {
		all[i] = dial()
	}
	before := Heap()
	for _, c := range all {
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		switch _, err := io.WriteString(c, begin); { // a pipe takes it when the server has read it
		case errors.Is(err, io.ErrClosedPipe):
			closed++
		case err != nil:
			t.Fatalf("send %.80q: %v", begin, err)
		default:
			kept = append(kept, c)
		}
	}
	return kept, closed, Heap() - before
}

// Heap returns how many bytes of the heap are in use.
func Heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Rest returns what the server still says before it closes the connection,
// which it must.
func (c *Client) Rest() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // reset: the server left bytes unread
		c.t.Errorf("the connection stays open: %v", err)
	}
	return string(rest)
}

// Record keeps what hooks and a log were told.
type Record struct {
	mu     sync.Mutex // guards what follows
	events []string
	log    bytes.Buffer
}

// Write takes a line of the log.
func (r *Record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

// Told takes an event.
func (r *Record) Told(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

// String returns the log since the last Taken.
func (r *Record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// Taken returns the events and the log since the last call.
func (r *Record) Taken() (events []string, log string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, log = r.events, r.log.String()
	r.events = nil
	r.log.Reset()
	return events, log
}

// Conversation is a connection that reads what it was given in pieces, and
// keeps what is written.
type Conversation struct {
	*bytes.Reader
	piece   int
	Written bytes.Buffer
	Writes  int
}

// Pieces returns a conversation that reads at most n bytes of data at a time.
func Pieces(data []byte, n int) *Conversation {
	return &Conversation{Reader: bytes.NewReader(data), piece: n}
}

// Idle reports true: nobody drains.
func (*Conversation) Idle() bool { return true }

// Busy reports false: nobody drains.
func (*Conversation) Busy() bool { return false }

// Hold grants what is asked.
func (*Conversation) Hold(int) bool { return true }

// Flush has nothing to write.
func (*Conversation) Flush() error { return nil }

func (c *Conversation) Read(p []byte) (int, error) {
	return c.Reader.Read(p[:min(len(p), c.piece)])
}

func (c *Conversation) Write(p []byte) (int, error) {
	c.Writes++
	return c.Written.Write(p)
}
