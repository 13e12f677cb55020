//go:build !race

// Under the race detector a sync.Pool forgets things at random.

package delegation

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

// The whole way from the bytes of a request to those of its reply allocates
// nothing, whatever is asked.
func TestNoAllocation(t *testing.T) {
	sub := mail{instance: "8de.6b026b4d.b838d.0", login: "localonly@example.test", sender: "localonly@example.test", size: 300}
	mx := mail{instance: "8de.6b026b4d.b838d.1", sender: "a@sender.test", size: 30_000}
	sequences := map[string][]string{
		"RCPT":                 {mx.rcpt("alice@example.test")},
		"refused RCPT":         {mx.rcpt("disabled@example.test")},
		"message":              {mx.rcpt("busy@example.test"), mx.rcpt("team@example.test"), mx.end(30_000)},
		"refused message":      {mx.rcpt("busy@example.test"), mx.rcpt("busy+x@example.test"), mx.end(50_000)},
		"submission":           {sub.rcpt("alice@example.test"), sub.rcpt("bob@example.test"), sub.end(300)},
		"refused submission":   {sub.rcpt("outside@example.test")},
		"other state":          {mx.request("DATA", "")},
		"recipient named":      {mx.rcpt("busy@example.test"), mx.request("END-OF-MESSAGE", "busy@example.test")},
		"nothing is known":     {mx.end(300)},
		"recipient is no name": {mx.rcpt("\xff\x01")},
	}
	requests, err := transcript.Requests()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if !strings.ContainsAny(string(r.Data), "éü") { // IDNA and NFC of what is not ASCII allocate
			sequences[r.Name] = []string{string(r.Data)}
		}
	}
	d, l := testkit.Standard(t)
	s := newSession(t, &Server{Directory: d, Ledger: l, Log: slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))})
	for name, sequence := range sequences {
		t.Run(name, func(t *testing.T) {
			var raw [][]byte
			for _, r := range sequence {
				raw = append(raw, []byte(r))
			}
			allocs := testing.AllocsPerRun(200, func() {
				for _, r := range raw {
					s.once(t, r)
				}
				q := s.server.questions.Get().(*question)
				q.facts.Release() // what the last one of the sequence reserved
				s.server.questions.Put(q)
			})
			if allocs != 0 {
				t.Errorf("%v allocations, want 0", allocs)
			}
		})
	}
}

// And so it is when an event loop has several answered together.
func TestNoAllocationTogether(t *testing.T) {
	d, l := testkit.Standard(t)
	s := &Server{Directory: d, Ledger: l, Log: slog.New(slog.DiscardHandler)}
	s.once.Do(s.prepare)
	p := s.prompter()
	exchanges, _ := together()
	if allocs := testing.AllocsPerRun(200, func() { p.Prompt(exchanges) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
