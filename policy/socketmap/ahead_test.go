package socketmap

import (
	"testing"

	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/serve"
)

// What is looked up ahead is the key of a query, of which nothing is kept.
func TestAhead(t *testing.T) {
	s := newSession(t)
	a := ahead{server: s.server}
	a.note([]byte(netstring("aliases alice@example.test")))
	if len(a.names) != 1 || string(a.names[0]) != "alice@example.test" {
		t.Errorf("names %q", a.names)
	}
	for range 2 {
		a.prefetch([]exchange.Asked[*prompted]{{Request: []byte(netstring("transport *"))}, {Request: []byte(netstring("mailboxes "))}})
		if len(a.names) > 0 || a.names[:1][0] != nil {
			t.Errorf("%q is kept", a.names[:1])
		}
	}
}

// Who is asked about together is answered as if alone, without an allocation; what
// is not one whole query is the handler's.
func TestTogether(t *testing.T) {
	s := newSession(t)
	queries := []string{"domains example.test", "mailboxes al@example.test", "aliases nested@example.test", "typo x", "senders al@example.test",
		"domains elsewhere.test", "transport disabled@example.test"}
	var together []serve.Exchange
	for i := range serve.Together {
		together = append(together, serve.Exchange{Request: []byte(netstring(queries[i%len(queries)]))})
	}
	p := s.server.prompter()
	if allocs := testing.AllocsPerRun(100, func() { p.Prompt(together) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
	together[8] = serve.Exchange{Request: together[8].Request[:5]}
	p.Prompt(together)
	for i, x := range together {
		want := ""
		if query := queries[i%len(queries)]; query != "typo x" && i != 8 {
			want = s.ask(t, query)
		}
		got := string(x.Reply)
		if want != "" {
			got = unframe(t, got)
		}
		if got != want || x.Err != nil {
			t.Errorf("%s: reply %q, %v, want %q", x.Request, got, x.Err, want)
		}
	}
}
