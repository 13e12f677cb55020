package exchange_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/serve"
)

const limit = 3000

var (
	errBad  = errors.New("bad request")
	errStop = errors.New("stop")
)

// shouter answers each line with the line in capitals. It does not look twice at
// what it has seen of a line.
type shouter struct {
	out  []byte
	seen int
}

func (s *shouter) Decode(b []byte) (int, error) {
	if b[0] == '!' {
		return 0, errBad
	}
	n := bytes.IndexByte(b[s.seen:], '\n') + 1
	if n == 0 {
		s.seen = len(b)
		return 0, nil
	}
	n += s.seen
	s.seen = 0
	return n, nil
}

func (s *shouter) Answer(request []byte) ([]byte, error) {
	s.out = s.out[:0]
	for _, c := range request {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		s.out = append(s.out, c)
	}
	if string(request) == "stop\n" {
		return s.out, errStop
	}
	return s.out, nil
}

// wire is a connection whose reads are given one by one.
type wire struct {
	reads   []string
	end     error // of the read behind the last
	written bytes.Buffer
	writes  int
	calls   string // of Idle and Busy
	broken  bool   // Write fails
	flush   error  // of Flush
	drain   int    // Idle says no from this call on; 0: never
	held    int    // bytes, what Hold was told last
	room    int    // most that Hold grants; 0: everything
}

func (w *wire) Idle() bool {
	w.calls += "i"
	return w.drain == 0 || strings.Count(w.calls, "i") < w.drain
}

func (w *wire) Busy() bool { w.calls += "b"; return false }

func (w *wire) Hold(size int) bool { w.held = size; return w.room == 0 || size <= w.room }

func (w *wire) Flush() error { return w.flush }

func (w *wire) Read(p []byte) (int, error) {
	if len(w.reads) == 0 {
		return 0, w.end
	}
	n := copy(p, w.reads[0])
	if w.reads[0] = w.reads[0][n:]; w.reads[0] == "" {
		w.reads = w.reads[1:]
	}
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if w.broken {
		return 0, io.ErrClosedPipe
	}
	w.writes++
	return w.written.Write(p)
}

func TestRun(t *testing.T) {
	long := strings.Repeat("x", limit-1) + "\n"
	tests := []struct {
		name  string
		wire  wire
		want  string
		err   error
		calls string
	}{
		{"one request", wire{reads: []string{"a\n"}, end: io.EOF}, "A\n", nil, "ii"},
		{"nothing", wire{end: io.EOF}, "", nil, "i"},
		{"two at once", wire{reads: []string{"a\nb\n"}, end: io.EOF}, "A\nB\n", nil, "iii"},
		{"in parts", wire{reads: []string{"a", "b", "\n"}, end: io.EOF}, "AB\n", nil, "ibbi"},
		{"one and a part", wire{reads: []string{"a\nb", "\n"}, end: io.EOF}, "A\nB\n", nil, "iibi"},
		{"bad", wire{reads: []string{"a\n!\nb\n"}, end: io.EOF}, "A\n", errBad, "ii"},
		{"half", wire{reads: []string{"a\nb"}, end: io.EOF}, "A\n", exchange.ErrTruncated, "iib"},
		{"half and reset", wire{reads: []string{"b"}, end: io.ErrUnexpectedEOF}, "", exchange.ErrTruncated, "ib"},
		{"half and silence", wire{reads: []string{"b"}, end: os.ErrDeadlineExceeded}, "", exchange.ErrTimeout, "ib"},
		{"silence", wire{end: os.ErrDeadlineExceeded}, "", nil, "i"},
		{"answered, then over", wire{reads: []string{"stop\na\n"}, end: io.EOF}, "STOP\n", errStop, "i"},
		{"no writer", wire{reads: []string{"a\n"}, broken: true}, "", io.ErrClosedPipe, "i"},
		{"no writer at the end", wire{reads: []string{"stop\n"}, broken: true}, "", errStop, "i"},
		{"no reader of what was left", wire{reads: []string{"a\n"}, flush: io.ErrClosedPipe}, "", io.ErrClosedPipe, ""},
		{"draining", wire{reads: []string{"a\nb\n"}, drain: 2}, "A\n", nil, "ii"},
		{"as large as may be", wire{reads: []string{long, "a\n" + long}, end: io.EOF}, strings.ToUpper(long + "a\n" + long), nil, ""},
		{"larger than may be", wire{reads: []string{"a\n", "x" + long}, end: io.EOF}, "A\n", exchange.ErrTooLarge, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := exchange.Run(&tt.wire, &shouter{}, limit)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("Run = %v, want %v", err, tt.err)
			}
			if got := tt.wire.written.String(); got != tt.want {
				t.Errorf("wrote %.80q, want %.80q", got, tt.want)
			}
			if replies := strings.Count(tt.want, "\n"); tt.wire.writes != replies {
				t.Errorf("%d writes for %d replies", tt.wire.writes, replies)
			}
			if tt.calls != "" && tt.wire.calls != tt.calls {
				t.Errorf("called %q, want %q", tt.wire.calls, tt.calls)
			}
		})
	}
}

// loop reads the same request n times.
type loop struct {
	request string
	left    int
}

func (l *loop) Idle() bool    { return true }
func (l *loop) Busy() bool    { return false }
func (l *loop) Hold(int) bool { return true }
func (l *loop) Flush() error  { return nil }

func (l *loop) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	l.left--
	return copy(p, l.request), nil
}

func (l *loop) Write(p []byte) (int, error) { return len(p), nil }

// greedy is a wire that notes how much it was asked for last.
type greedy struct {
	wire
	asked int
}

func (g *greedy) Read(p []byte) (int, error) {
	g.asked = len(p)
	return g.wire.Read(p)
}

// What a large request needed is given back.
func TestBufferShrinks(t *testing.T) {
	for _, size := range []int{3_000, 60_000} {
		large := strings.Repeat("x", size) + "\n"
		g := &greedy{wire: wire{reads: []string{large}, end: io.EOF}}
		if err := exchange.Run(g, &shouter{}, 64<<10); err != nil {
			t.Fatal(err)
		}
		if g.asked > 2048 || g.held > 2048 {
			t.Errorf("after a request of %d bytes a buffer of %d bytes is kept, and %d are counted", size, g.asked, g.held)
		}
	}
}

// A request that needs more than there is ends the connection with its reason.
func TestNoRoom(t *testing.T) {
	w := &wire{reads: []string{"a\n", strings.Repeat("x", 5_000) + "\n"}, end: io.EOF, room: 4096}
	err := exchange.Run(w, &shouter{}, 64<<10)
	if !errors.Is(err, serve.ErrNoRoom) || w.written.String() != "A\n" {
		t.Errorf("Run = %v, wrote %q", err, &w.written)
	}
	if why, is := exchange.Malformed(err, reason(1), reason(2), reason(3), reason(4)); !is || why != 4 {
		t.Errorf("Malformed = %v, %v", why, is)
	}
}

func TestNoAllocation(t *testing.T) {
	const requests = 1000
	allocs := testing.AllocsPerRun(5, func() {
		if err := exchange.Run(&loop{"hello\n", requests}, &shouter{}, limit); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 10 { // for the connection
		t.Errorf("%v allocations for %d requests", allocs, requests)
	}
}

// What is one whole request is answered, everything else is left to Run, and
// leaves nothing behind.
func TestPrompter(t *testing.T) {
	p := exchange.Prompter[*shouter]{New: func() *shouter { return &shouter{} }}
	rows := []struct {
		name, b, want string
		err           error
	}{
		{"whole", "a\n", "A\n", nil},
		{"half", "long", "", nil},
		{"whole again", "b\n", "B\n", nil},
		{"two", "a\nb\n", "", nil},
		{"bad", "!\n", "", nil},
		{"the last", "stop\n", "STOP\n", errStop},
	}
	check := func(together []serve.Exchange, from int) {
		t.Helper()
		for i, x := range together {
			if tt := rows[from+i]; string(x.Reply) != tt.want || !errors.Is(x.Err, tt.err) {
				t.Errorf("%s: the reply to %q = %q, %v, want %q, %v", tt.name, x.Request, x.Reply, x.Err, tt.want, tt.err)
			}
		}
	}
	var all []serve.Exchange
	for i, tt := range rows {
		alone := []serve.Exchange{{Request: []byte(tt.b)}}
		p.Prompt(alone)
		check(alone, i)
		all = append(all, serve.Exchange{Request: []byte(tt.b)})
	}
	p.Prompt(all)
	check(all, 0)
}

// Ahead hears of what is answered next, all of it and nothing else.
func TestPrompterAhead(t *testing.T) {
	var heard strings.Builder
	p := exchange.Prompter[*shouter]{New: func() *shouter { return &shouter{} }, Ahead: func(asked []exchange.Asked[*shouter]) {
		for _, a := range asked {
			if len(a.Peer.out) > 0 && string(a.Peer.out) != "A\n" {
				t.Errorf("%q was answered already", a.Request)
			}
			heard.Write(a.Request)
		}
	}}
	for _, together := range [][]string{{"a\n"}, {"x", "a\n", "!"}, {"x"}, {"a\n", "a\n"}} {
		var exchanges []serve.Exchange
		for _, b := range together {
			exchanges = append(exchanges, serve.Exchange{Request: []byte(b)})
		}
		p.Prompt(exchanges)
		heard.WriteByte(';')
	}
	if want := "a\n;a\n;;a\na\n;"; heard.String() != want {
		t.Errorf("heard %q, want %q", heard.String(), want)
	}
}

// What ends a connection is told as what it is, and counted when it is the
// request.
func TestComplain(t *testing.T) {
	for _, tt := range []struct {
		name    string
		err     error
		says    string
		counted int
	}{
		{"the door's own reason", reason(9), `level=WARN msg="malformed request, connection closed" reason=reason err=reason`, 9},
		{"too large", exchange.ErrTooLarge, `reason=reason err="request is too large"`, 1},
		{"half", exchange.ErrTruncated, `reason=reason err="connection ended in the middle of a request"`, 2},
		{"half and silence", exchange.ErrTimeout, `reason=reason err="rest of the request did not come in time"`, 3},
		{"no room", serve.ErrNoRoom, `reason=reason err="incomplete requests take too much memory"`, 4},
		{"does not read", &os.PathError{Op: "write", Err: os.ErrDeadlineExceeded}, `level=WARN msg="a peer does not read its replies, connection closed"`, 0},
		{"left", io.ErrClosedPipe, `level=DEBUG msg="connection ended" err="io: read/write on closed pipe"`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said bytes.Buffer
			log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
			named := func(err error) (reason, bool) {
				return exchange.Malformed(err, reason(1), reason(2), reason(3), reason(4))
			}
			counted := reason(0)
			exchange.Complain(log, tt.err, named, func(r reason) { counted = r })
			if !strings.Contains(said.String(), tt.says) || strings.Count(said.String(), "\n") != 1 || int(counted) != tt.counted {
				t.Errorf("said %q, counted %d, want %q, %d", &said, counted, tt.says, tt.counted)
			}
			exchange.Complain(log, tt.err, named, nil) // nobody counts
		})
	}
}

type reason int

func (reason) Error() string { return "reason" }
