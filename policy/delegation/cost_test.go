package delegation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

// newSession is a connection without a socket.
func newSession(t testing.TB, s *Server) *session {
	s.once.Do(s.prepare)
	return &session{server: s, ctx: t.Context()}
}

// once answers one request.
func (s *session) once(t testing.TB, request []byte) []byte {
	n, err := s.Decode(request)
	if n != len(request) {
		t.Fatalf("Decode = %d, %v, want %d", n, err, len(request))
	}
	reply, err := s.Answer(request)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// FuzzConversation sends anything, in pieces of any size: each request that is
// one gets one reply, written at once, and nothing else is said.
func FuzzConversation(f *testing.F) {
	seed(f)
	d, l := testkit.Standard(f)
	server := &Server{Directory: d, Ledger: l}
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		requests := 0
		for rest := data; ; requests++ {
			n, _ := new(decoder).Decode(rest)
			if n == 0 {
				break
			}
			rest = rest[n:]
		}
		c := doortest.Pieces(data, int(piece)+1)
		err := exchange.Run(c, newSession(t, server), MaxRequest)
		if _, is := malformation(err); err != nil && !is {
			t.Fatalf("Run: %v", err)
		}
		replies := strings.Split(c.Written.String(), "\n\n")
		if last := len(replies) - 1; last != requests || c.Writes != requests || replies[last] != "" {
			t.Fatalf("%d requests got %q in %d writes", requests, c.Written.String(), c.Writes)
		}
		for _, r := range replies[:requests] {
			action, ok := strings.CutPrefix(r, "action=")
			if !ok || strings.Contains(action, "\n") || action != dunno && !strings.ContainsAny(action[:1], "45D") || len(action) < 5 {
				t.Fatalf("reply %q", r)
			}
		}
	})
}

// BenchmarkAnswer is the way from bytes to bytes, for recipients chosen at
// random: RCPT alone, and a message with its RCPT and its end.
func BenchmarkAnswer(b *testing.B) {
	requests, err := transcript.Requests()
	if err != nil {
		b.Fatal(err)
	}
	recorded := string(requests[0].Data)
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("users=%d", n), func(b *testing.B) {
			d, l := doortest.Crowd(b, n)
			s := newSession(b, &Server{Directory: d, Ledger: l})
			rcpt, end := make([][]byte, 1<<12), make([][]byte, 1<<12)
			for i := range rcpt {
				text := strings.Replace(recorded, "alice@example.test", fmt.Sprintf("user%d@example.test", rand.IntN(n)), 1)
				text = strings.Replace(text, "instance=", fmt.Sprintf("instance=%d.", i), 1)
				rcpt[i] = []byte(text)
				end[i] = []byte(strings.Replace(text, "protocol_state=RCPT", "protocol_state=END-OF-MESSAGE", 1))
			}
			b.Run("rcpt", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					s.once(b, rcpt[i%len(rcpt)])
				}
			})
			b.Run("message", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					s.once(b, rcpt[i%len(rcpt)])
					s.once(b, end[i%len(end)])
				}
			})
		})
	}
}
