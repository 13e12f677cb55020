package authsock

import (
	"bytes"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/transcript"
)

// seed adds what the recorded clients of a kind sent.
func seed(f *testing.F, kind transcript.Kind) {
	f.Helper()
	for _, load := range []func() ([]*transcript.Dialogue, error){transcript.Dovecot, transcript.Postfix} {
		dialogues, err := load()
		if err != nil {
			f.Fatal(err)
		}
		for _, d := range dialogues {
			for _, c := range d.Conns {
				var sent []byte
				for _, s := range c.Steps {
					if s.FromClient {
						sent = append(sent, s.Data...)
					}
				}
				if c.Kind == kind && len(sent) > 0 {
					f.Add(sent)
				}
			}
		}
	}
}

// memory is the connection of a fuzzed client: what is written is kept.
type memory struct {
	net.Conn
	text   bytes.Buffer
	closed bool
}

func (m *memory) Write(p []byte) (int, error)      { return m.text.Write(p) }
func (m *memory) Close() error                     { m.closed = true; return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }

// Whatever lines a client sends: every AUTH has one reply, or ends the
// connection; every CONT, too; CANCEL has one for 2.4 alone. Nothing grows
// beyond its limit.
func FuzzClient(f *testing.F) {
	seed(f, transcript.Auth)
	f.Add([]byte("VERSION\t1\t4\nCPID\t1\nAUTH\t1\tLOGIN\tprotocol=imap\nCONT\t1\tYQ==\nCONT\t1\tYQ==\nCANCEL\t1\nCONT\t1\t\n"))
	f.Add([]byte("VERSION\t1\t0\nCPID\t1\nAUTH\t1\tPLAIN\tservice=smtp\tresp=\nCONT\t1\tAGEAYg==\nAUTH\t2\tPLAIN\tservice=smtp\tresp=AGEAYg==\n"))
	results := []login.Outcome{{}, {Result: login.Refused}, {Result: login.Denied, Rule: &login.Rules()[0]}, {Result: login.Denied, Rule: &login.Rules()[2]}, {Result: login.OK, Grant: login.Grant{Address: []byte("a@b")}}}
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := &Server{Requests: NewRequests(), Check: func(_ context.Context, a login.Attempt) login.Outcome { return results[len(a.Name)%len(results)] }}
		s.prepare()
		out := &memory{}
		c := newConn(context.Background(), s, &serve.Conn{Conn: out})
		want := 0
		next := c.version
		for line := range bytes.SplitSeq(sent, []byte("\n")) {
			word, _, _ := strings.Cut(string(line), "\t")
			var err error
			if next, err = next(bytes.Clone(line)); err != nil {
				break
			}
			c.running.Wait() // one at a time, so that replies can be counted
			if out.closed {
				break
			}
			if word == "AUTH" || word == "CONT" || word == "CANCEL" && c.minor >= 4 {
				want++
			}
			checkReplies(t, line, out, want)
		}
		c.running.Wait()
		if n := len(c.exchanges); n > maxWaiting+maxVerifying {
			t.Errorf("%d exchanges", n)
		}
	})
}

func checkReplies(t *testing.T, line []byte, out *memory, want int) {
	t.Helper()
	replies := strings.SplitAfter(out.text.String(), "\n")
	if got := len(replies) - 1; got != want || replies[got] != "" {
		t.Fatalf("after %q there are the replies %q, want %d", line, replies, want)
	}
	if want == 0 {
		return
	}
	last := replies[want-1]
	word, _, _ := strings.Cut(last, "\t")
	if !slices.Contains([]string{"OK", "FAIL", "CONT", "CANCELLED"}, word) || len(last) > 1000 || !utf8.ValidString(last) || strings.ContainsAny(last, "\x00\x01\r") {
		t.Errorf("%q answered %q", line, last)
	}
}

// Whatever lines a master sends: each has one reply with its id, or ends the
// connection; LIST may have more lines. Replies stay below what Dovecot reads.
func FuzzMaster(f *testing.F) {
	seed(f, transcript.Master)
	f.Add([]byte("VERSION\t1\t1\nLIST\t1\tuser=*a?*\nPASS\t2\tal@example.test\nREQUEST\t3\t1\t1\t0123456789abcdef0123456789abcdef\tsession_pid=1\trequest_auth_token\nCACHE-FLUSH\t4\n"))
	r := newRig(f, nil)
	r.master.once.Do(r.master.prepare)
	f.Fuzz(func(t *testing.T, sent []byte) {
		out := &memory{}
		c := newMasterConn(r.master, &serve.Conn{Conn: out})
		lines := bytes.Split(sent, []byte("\n"))
		if _, err := parseVersion(bytes.Clone(lines[0])); err != nil {
			return
		}
		for _, line := range lines[1:] {
			word, rest, _ := strings.Cut(string(line), "\t")
			id, _, _ := strings.Cut(rest, "\t")
			out.text.Reset()
			if err := c.handle(bytes.Clone(line)); err != nil {
				return
			}
			replies := strings.SplitAfter(out.text.String(), "\n")
			end := replies[len(replies)-2]
			if word != "LIST" && len(replies) != 2 || len(end) >= 8192 || replies[len(replies)-1] != "" {
				t.Fatalf("%q answered %q", line, replies)
			}
			if got := strings.Split(strings.TrimSuffix(end, "\n"), "\t")[1]; got != strings.TrimLeft(id, "0") && strings.Trim(id, "0") != "" {
				t.Errorf("%q answered %q, another id", line, end)
			}
		}
	})
}

// A name that a client gave reaches the other side as one field, readable and
// not too long.
func FuzzEchoedName(f *testing.F) {
	f.Add([]byte("alice@example.test"))
	f.Add([]byte("a\tb\nc\x01\xff\xc3"))
	f.Add([]byte(strings.Repeat("é", 200)))
	f.Fuzz(func(t *testing.T, name []byte) {
		got := appendName(nil, name)
		if len(got) > maxEchoedName || !utf8.Valid(got) || bytes.ContainsAny(got, "\x00\x01\t\r\n") || utf8.RuneCount(got) > utf8.RuneCount(name) {
			t.Errorf("appendName(%q) = %q", name, got)
		}
	})
}

// The matcher agrees with one that is slow and plain.
func FuzzMatches(f *testing.F) {
	f.Add([]byte("al*@example.?"), []byte("alice@example.t"))
	f.Add([]byte("*a*b"), []byte("xxaxxb"))
	f.Add([]byte("*??"), []byte("稨"))
	f.Add([]byte("*é?"), []byte("éée"))
	f.Fuzz(func(t *testing.T, mask, name []byte) {
		if len(mask) > 20 || len(name) > 40 || !utf8.Valid(mask) || !utf8.Valid(name) { // no address is other than UTF-8
			return
		}
		if got, want := matches(mask, name), plainly(mask, name, map[[2]int]bool{}); got != want {
			t.Errorf("matches(%q, %q) = %v, want %v", mask, name, got, want)
		}
	})
}

// plainly is matches, trying everything; failed remembers where it was in vain.
func plainly(mask, name []byte, failed map[[2]int]bool) (matched bool) {
	at := [2]int{len(mask), len(name)}
	if failed[at] {
		return false
	}
	defer func() { failed[at] = !matched }()
	switch {
	case len(mask) == 0:
		return len(name) == 0
	case mask[0] == '*' && plainly(mask[1:], name, failed):
		return true
	case len(name) == 0:
		return false
	case mask[0] == '*':
		_, size := utf8.DecodeRune(name)
		return plainly(mask, name[size:], failed)
	case mask[0] == '?':
		_, size := utf8.DecodeRune(name)
		return plainly(mask[1:], name[size:], failed)
	}
	return mask[0] == name[0] && plainly(mask[1:], name[1:], failed)
}
