package socketmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

// fixture is a running server over the standard directory.
type fixture struct {
	*Server
	t    testing.TB
	dial func() (net.Conn, error)

	mu     sync.Mutex // guards what follows
	events []string   // what the hooks were told
	log    bytes.Buffer
}

// Write takes a log line.
func (f *fixture) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.Write(p)
}

func (f *fixture) told(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, fmt.Sprintf(format, args...))
}

// taken returns what happened since the last call: events and log lines.
func (f *fixture) taken() (events []string, lines string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	events, lines = f.events, f.log.String()
	f.events = nil
	f.log.Reset()
	return events, lines
}

func prepare(t testing.TB) *fixture {
	t.Helper()
	d, _ := testkit.Standard(t)
	testkit.Update(t, d, furnish)
	f := &fixture{t: t}
	f.Server = &Server{Directory: d, Log: slog.New(slog.NewTextHandler(f, nil)), Hooks: Hooks{
		Query: func(m Map, r Result, took time.Duration) {
			f.told("%v %v", m, r)
			if took < 0 {
				f.told("took %v", took)
			}
		},
		Malformed: func(m Malformation) { f.told("malformed %v", m) },
		Panicked:  func() { f.told("panicked") },
	}}
	return f
}

// serve runs the server on l until the test ends.
func (f *fixture) serve(l net.Listener) {
	done := make(chan error, 1)
	go func() { done <- f.Serve(context.Background(), l) }()
	f.t.Cleanup(func() {
		f.stop()
		if err := <-done; err != nil {
			f.t.Errorf("Serve: %v", err)
		}
	})
}

// stop ends the server and every connection.
func (f *fixture) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.Shutdown(ctx); err != nil {
		f.t.Errorf("Shutdown: %v", err)
	}
}

func (f *fixture) listen() {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "socketmap")
	l, err := net.Listen("unix", path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.dial = func() (net.Conn, error) { return net.Dial("unix", path) }
	f.serve(l)
}

// open runs a server on a Unix socket.
func open(t testing.TB) *fixture {
	t.Helper()
	f := prepare(t)
	f.listen()
	return f
}

// client is one connection to the server.
type client struct {
	net.Conn
	t testing.TB
}

func (f *fixture) connect() *client {
	f.t.Helper()
	c, err := f.dial()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{c, f.t}
}

// query asks and returns the reply without its frame.
func (c *client) query(text string) string {
	c.t.Helper()
	if _, err := io.WriteString(c, netstring(text)); err != nil {
		c.t.Fatalf("%q: %v", text, err)
	}
	buf := make([]byte, 512)
	n, err := c.Read(buf)
	if err != nil {
		c.t.Fatalf("%q: %v", text, err)
	}
	return unframe(c.t, string(buf[:n]))
}

// rest reads to the end of the connection.
func (c *client) rest() string {
	c.t.Helper()
	rest, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // reset: the server left bytes unread
		c.t.Errorf("the connection stays open: %v", err)
	}
	return string(rest)
}

// The recorded dialogues. Names that the standard directory holds as the
// recorded server did are compared; all must have one reply that Postfix takes.
func TestRecordedDialogues(t *testing.T) {
	compared := []string{"alice", "bob", "disabled", "sendonly", "Alice+x", "Alice+News", "ALICE", "alice+news", "alice+x", "sendonly+x", "nobody", "a b", "al ice"}
	dialogues, err := transcript.Postfix()
	if err != nil {
		t.Fatal(err)
	}
	played, same := 0, 0
	f := open(t)
	for _, d := range dialogues {
		for _, c := range d.Conns {
			if c.Kind != transcript.Socketmap {
				continue
			}
			for _, e := range transcript.Replay(t, c, f.dial).Exchanges {
				played++
				got := unframe(t, string(e.Answered))
				query, _, _ := decode(e.Request)
				_, key, _ := strings.Cut(string(query), " ")
				local, domain, _ := strings.Cut(key, "@")
				isDomain := strings.HasPrefix(string(query), "domains ") && slices.Contains([]string{"example.test", "sender.test", "elsewhere.invalid", "[10.0.0.1]"}, key)
				if key != "*" && !isDomain && (!strings.EqualFold(domain, "example.test") || !slices.Contains(compared, local)) {
					continue
				}
				if e.Recorded == nil || deliberate(string(e.Recorded)) {
					continue
				}
				same++
				if want := unframe(t, string(e.Recorded)); got != want {
					t.Errorf("%s %s: %q answered %q, recorded %q", d.Name, c.Name, query, got, want)
				}
			}
		}
	}
	if played < 500 || same < 300 {
		t.Errorf("%d exchanges played and %d compared", played, same)
	}
}

// deliberate reports whether the recorded server was told to answer wrongly.
func deliberate(frame string) bool {
	_, payload, _ := strings.Cut(strings.TrimSuffix(frame, ","), ":")
	word, data, _ := strings.Cut(payload, " ")
	return word != "OK" && payload != "NOTFOUND " || word == "OK" && (data == "" || strings.HasPrefix(data, "xx"))
}

// Every malformed query ends its connection without a reply, with one log line
// and one call of the hook; what was asked before it is answered.
func TestMalformed(t *testing.T) {
	tests := append(slices.Clone(malformed), []struct {
		name, text string
		want       Malformation
	}{
		{"half a length", "1", Truncated},
		{"half a query", "20:domains exam", Truncated},
		{"no comma and no more", "3:a b", Truncated},
	}...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			c := f.connect()
			c.query("mailboxes alice@example.test")
			f.taken()
			io.WriteString(c, tt.text)
			c.Conn.(*net.UnixConn).CloseWrite()
			if rest := c.rest(); rest != "" {
				t.Errorf("reply %q, want none", rest)
			}
			f.stop()
			events, log := f.taken()
			if want := []string{"malformed " + tt.want.String()}; !slices.Equal(events, want) {
				t.Errorf("events %q, want %q", events, want)
			}
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=WARN") || !strings.Contains(log, "reason="+tt.want.String()) {
				t.Errorf("log %q, want one warning", log)
			}
		})
	}
}

// pipes is a listener whose connections are pipes, for bubbles of synctest.
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

// Half a query has 5 s; an idle connection stays.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prepare(t)
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		f.dial = func() (net.Conn, error) {
			client, server := net.Pipe()
			l.conns <- server
			return client, nil
		}
		f.serve(l)
		idle := f.connect()
		idle.SetDeadline(time.Time{})
		time.Sleep(24 * time.Hour)
		if got := idle.query("domains example.test"); got != "OK example.test" {
			t.Errorf("after a day: %q", got)
		}
		begin := time.Now()
		half := f.connect()
		io.WriteString(half, "20:domains")
		if rest := half.rest(); rest != "" {
			t.Errorf("half a query was answered: %q", rest)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("half a query waited %v, want 5s", took)
		}
		synctest.Wait()
		if events, _ := f.taken(); !slices.Equal(events, []string{"domains ok", "malformed timeout"}) {
			t.Errorf("events %q", events)
		}
	})
}

// The hook is told each query, and a wrong map is logged once a connection.
func TestHooks(t *testing.T) {
	f := open(t)
	c := f.connect()
	for _, q := range []string{"domains example.test", "mailboxes nobody@example.test", "typo x", "typo y"} {
		c.query(q)
	}
	f.stop()
	events, log := f.taken()
	if want := []string{"domains ok", "mailboxes notfound", "unknown temp", "unknown temp"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, "map=typo") {
		t.Errorf("log %q, want one line about the map", log)
	}
}

// A bug costs one connection and says nothing to Postfix.
func TestPanic(t *testing.T) {
	f := prepare(t)
	f.Directory = nil
	f.listen()
	c := f.connect()
	io.WriteString(c, netstring("domains example.test"))
	if rest := c.rest(); rest != "" {
		t.Errorf("reply %q", rest)
	}
	f.stop()
	if events, log := f.taken(); !slices.Equal(events, []string{"panicked"}) || !strings.Contains(log, "level=ERROR") {
		t.Errorf("events %q, log %q", events, log)
	}
}

// conversation is a connection that reads what it was given in pieces.
type conversation struct {
	*bytes.Reader
	piece   int
	written bytes.Buffer
	writes  int
}

func (*conversation) Idle() bool { return true }
func (*conversation) Busy() bool { return false }

func (c *conversation) Read(p []byte) (int, error) {
	return c.Reader.Read(p[:min(len(p), c.piece)])
}

func (c *conversation) Write(p []byte) (int, error) {
	c.writes++
	return c.written.Write(p)
}

// FuzzConversation sends anything, in pieces of any size: each query that is one
// gets one reply that Postfix takes, written at once, and nothing else is said.
func FuzzConversation(f *testing.F) {
	dialogues, err := transcript.Postfix()
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range dialogues {
		for _, c := range d.Conns {
			for _, s := range c.Steps {
				if c.Kind == transcript.Socketmap && s.FromClient && len(c.Steps) < 10 {
					f.Add(s.Data, uint16(len(s.Data)/2))
				}
			}
		}
	}
	for _, m := range malformed {
		f.Add([]byte(m.text), uint16(1))
		f.Add([]byte(netstring("domains example.test")+m.text), uint16(30))
	}
	for _, q := range []string{"aliases nested@example.test", `aliases "x y"@example.test`, "senders team@example.test", "transport *", "transport DISABLED@Example.test.", "domains straße.test"} {
		f.Add([]byte(netstring(q)+netstring(q)), uint16(7))
	}
	shared := newSession(f).server
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		queries := 0
		for rest := data; ; queries++ {
			_, n, err := decode(rest)
			if n < 0 || n > len(rest) || n > maxRequest || err != nil && n > 0 {
				t.Fatalf("decode = %d, %v of %d bytes", n, err, len(rest))
			}
			if n == 0 {
				break
			}
			rest = rest[n:]
		}
		c := &conversation{Reader: bytes.NewReader(data), piece: int(piece) + 1}
		err := exchange.Run(c, &session{server: shared, log: shared.log}, maxRequest)
		if _, is := malformation(err); err != nil && !is {
			t.Fatalf("Run: %v", err)
		}
		if c.writes != queries {
			t.Fatalf("%d queries got %d replies", queries, c.writes)
		}
		for rest := c.written.Bytes(); len(rest) > 0; {
			_, n, err := decode(rest)
			if n == 0 {
				t.Fatalf("reply %q: %v", rest, err)
			}
			unframe(t, string(rest[:n]))
			rest = rest[n:]
		}
	})
}
