package tabline

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/serve"
)

// stream is a Source that is never idle for long.
type stream struct {
	io.Reader
	calls    []string
	draining bool
	held     int // bytes, what Hold was told last
	room     int // most that Hold grants; 0: everything
}

func (s *stream) Idle() bool { s.calls = append(s.calls, "idle"); return !s.draining }
func (s *stream) Busy() bool { s.calls = append(s.calls, "busy"); return s.draining }

func (s *stream) Hold(size int) bool {
	if s.room > 0 && size > s.room {
		return false
	}
	s.held = size
	return true
}

// lines reads everything and returns copies.
func lines(r *Reader) (all []string, err error) {
	for {
		line, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, string(line))
	}
}

func TestNext(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name, sent string
		limit      int
		want       []string
		err        error
	}{
		{"LF", "a\tb\nc\n", 100, []string{"a\tb", "c"}, io.EOF},
		{"CRLF", "a\r\nb\r\r\n", 100, []string{"a", "b\r"}, io.EOF},
		{"empty lines", "\n\r\n\n", 100, []string{"", "", ""}, io.EOF},
		{"no line end", "a\nhalf", 100, []string{"a"}, ErrTruncated},
		{"longer than the resting buffer", long + "\nb\n" + long + "\r\n", 6000, []string{long, "b", long}, io.EOF},
		{"just the limit", "1234\n1234\r\n", 4, []string{"1234", "1234"}, io.EOF},
		{"one over the limit", "1234\n12345\n", 4, []string{"1234"}, ErrTooLong},
		{"far over the limit without an end", "1\n" + long, 4, []string{"1"}, ErrTooLong},
		{"far over the limit and over the buffer", long + long, 5000, nil, ErrTooLong},
	}
	for _, tt := range tests {
		for how, reader := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "in halves": iotest.HalfReader,
		} {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				got, err := lines(NewReader(&stream{Reader: reader(strings.NewReader(tt.sent))}, tt.limit))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("lines of %.40q differ (-want +got):\n%s", tt.sent, diff)
				}
				if !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
			})
		}
	}
}

// chunks hands out at most one slice a Read.
type chunks [][]byte

func (c *chunks) Read(p []byte) (int, error) {
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*c)[0])
	if (*c)[0] = (*c)[0][n:]; len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	return n, nil
}

// Idle before the first byte of a line, Busy once when it is not complete.
func TestNextTellsTheSource(t *testing.T) {
	s := &stream{Reader: &chunks{[]byte("whole\nhal"), []byte("f"), []byte("\n"), []byte("two\nlines\n")}}
	got, _ := lines(NewReader(s, 100))
	if diff := cmp.Diff([]string{"whole", "half", "two", "lines"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	want := []string{"idle", "idle", "busy", "idle", "idle"}
	if diff := cmp.Diff(want, s.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestNextDrains(t *testing.T) {
	s := &stream{Reader: &chunks{[]byte("one\ntwo\nthr"), []byte("ee\n"), []byte("never read\n")}}
	r := NewReader(s, 100)
	if line, err := r.Next(); string(line) != "one" || err != nil {
		t.Fatalf("Next() = %q, %v", line, err)
	}
	s.draining = true
	got, err := lines(r)
	if diff := cmp.Diff([]string{"two", "three"}, got); diff != "" || err != ErrDraining {
		t.Errorf("while draining: error %v, lines (-want +got):\n%s", err, diff)
	}
}

// What the source is told of the buffer is true while a line grows, and after it.
func TestNextHolds(t *testing.T) {
	long := strings.Repeat("x", 5000)
	s := &stream{Reader: &chunks{[]byte("short\n"), []byte(long), []byte("\n"), []byte("short\n")}}
	r := NewReader(s, 6000)
	for _, tt := range []struct {
		name    string
		least   int
		longest int
	}{{"short", 5, restingBuffer}, {"long", 5000, 7026}, {"short again", 5, restingBuffer}} {
		line, err := r.Next()
		if err != nil || len(line) < tt.least {
			t.Fatalf("%s: %d bytes, %v", tt.name, len(line), err)
		}
		if s.held != len(r.buf) || s.held > tt.longest {
			t.Errorf("%s: a buffer of %d bytes, %d counted, want at most %d", tt.name, len(r.buf), s.held, tt.longest)
		}
	}
}

// A line for which there is no room ends the connection, and what has come of it
// is wiped.
func TestNextFindsNoRoom(t *testing.T) {
	sent := "short\n" + strings.Repeat("y", 4000) + "\n" + strings.Repeat("x", 5000) + "\nshort\n"
	s := &stream{Reader: strings.NewReader(sent), room: growth * restingBuffer}
	r := NewReader(s, 6000)
	got, err := lines(r)
	if len(got) != 2 || !errors.Is(err, serve.ErrNoRoom) {
		t.Errorf("%d lines, %v, want 2, %v", len(got), err, serve.ErrNoRoom)
	}
	if m, is := Malformed(err); m != NoRoom || !is || m.String() != "no-room" {
		t.Errorf("Malformed = %v, %v", m, is)
	}
	if s.held > s.room || bytes.Contains(r.buf, []byte("x")) {
		t.Errorf("%d bytes are counted, the buffer begins with %.20q", s.held, r.buf)
	}
}

// No byte of a line stays in the buffer after the next call, wherever the line
// was moved to, nor after an error.
func TestNextWipes(t *testing.T) {
	secret := strings.Repeat("s", 3000)
	sent := "short\n" + secret + "\n" + strings.Repeat("p\n", 400) + secret + "\nend\n"
	for _, reader := range []func(io.Reader) io.Reader{iotest.HalfReader, iotest.OneByteReader} {
		var buffers [][]byte
		r := NewReader(&stream{Reader: reader(strings.NewReader(sent))}, 4000)
		for {
			line, err := r.Next()
			if len(buffers) == 0 || &buffers[len(buffers)-1][0] != &r.buf[0] {
				buffers = append(buffers, r.buf)
			}
			if err != nil {
				break
			}
			if string(line) == secret {
				continue
			}
			for _, b := range buffers {
				rest := b
				if &b[0] == &r.buf[0] {
					rest = slices.Concat(b[:r.start], b[r.end:])
				}
				if bytes.Contains(rest, []byte("ss")) {
					t.Fatalf("at line %q an old one is still in memory", line)
				}
			}
		}
		if bytes.Contains(bytes.Join(buffers, nil), []byte("end")) {
			t.Error("something is left after the end")
		}
	}
}

func TestEscape(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"plain", "alice@example.test", "alice@example.test"},
		{"all", "\x00\x01\t\r\n", "\x010\x011\x01t\x01r\x01n"},
		{"recorded", "weird+t\tx@example.test", "weird+t\x01tx@example.test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendEscaped(nil, tt.value)); got != tt.want {
				t.Errorf("AppendEscaped(%q) = %q, want %q", tt.value, got, tt.want)
			}
			if got := string(Unescape([]byte(tt.want))); got != tt.value {
				t.Errorf("Unescape(%q) = %q, want %q", tt.want, got, tt.value)
			}
		})
	}
	for in, want := range map[string]string{"a\x01": "a", "\x01xy": "xy", "\x01\x01": "\x01"} {
		if got := string(Unescape([]byte(in))); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestParseID(t *testing.T) {
	tests := []struct {
		text string
		want uint32
		ok   bool
	}{
		{"1", 1, true}, {"4294967295", 1<<32 - 1, true}, {"0", 0, true}, {"007", 7, true},
		{"4294967296", 0, false}, {"99999999999", 0, false}, {"", 0, false}, {"-1", 0, false}, {"+1", 0, false}, {"1 ", 0, false}, {"0x1", 0, false},
	}
	for _, tt := range tests {
		got, ok := ParseID([]byte(tt.text))
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("ParseID(%q) = %d, %v, want %d, %v", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

func TestCutPair(t *testing.T) {
	for field, want := range map[string][2]string{
		"secured": {"secured", ""}, "rip=1": {"rip", "1"}, "a=b=c": {"a", "b=c"}, "forward_fields=foo=bar\x01tx": {"forward_fields", "foo=bar\tx"}, "": {},
	} {
		name, value := CutPair([]byte(field))
		if got := [2]string{string(name), string(value)}; got != want {
			t.Errorf("CutPair(%q) = %q, want %q", field, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte("a\x00\x01\t\r\n"))
	f.Fuzz(func(t *testing.T, value []byte) {
		escaped := AppendEscaped(nil, value)
		if bytes.ContainsAny(escaped, "\x00\t\r\n") {
			t.Errorf("AppendEscaped(%q) = %q would end a field or a line", value, escaped)
		}
		if got := Unescape(bytes.Clone(escaped)); !bytes.Equal(got, value) {
			t.Errorf("Unescape(AppendEscaped(%q)) = %q", value, got)
		}
		if n := len(Unescape(bytes.Clone(value))); n > len(value) {
			t.Errorf("Unescape(%q) is longer", value)
		}
	})
}

// However a stream is cut into pieces, the lines are the same and the buffer
// stays within its limit.
func FuzzReader(f *testing.F) {
	f.Add([]byte("VERSION\t1\t2\r\nCPID\t1\n\nAUTH\t1\n"), uint8(3))
	f.Add([]byte("0123456789012345678901234567890123456789\n"), uint8(1))
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8) {
		const limit = 30
		whole, wantErr := lines(NewReader(&stream{Reader: bytes.NewReader(sent)}, limit))
		pieces := chunks(slices.Collect(slices.Chunk(sent, int(piece)+1)))
		r := NewReader(&stream{Reader: &pieces}, limit)
		cut, err := lines(r)
		if !slices.Equal(whole, cut) || !errors.Is(err, wantErr) {
			t.Errorf("%q in pieces of %d: %q, %v; at once: %q, %v", sent, piece+1, cut, err, whole, wantErr)
		}
		if len(r.buf) > limit+2+restingBuffer {
			t.Errorf("buffer of %d bytes", len(r.buf))
		}
	})
}
