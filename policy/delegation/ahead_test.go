package delegation

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/testkit"
)

// What is looked up ahead are the names and the message of a request.
func TestAheadNotes(t *testing.T) {
	for _, tt := range []struct {
		name, request, names string
	}{
		{"from outside", mail{instance: "i", sender: "s@sender.test"}.rcpt("r@example.test"), "-r@example.test"},
		{"submission", mail{instance: "i", login: "l@example.test", sender: "l@example.test"}.rcpt("r@example.test"), "l@example.test-r@example.test"},
		{"in another name", mail{instance: "i", login: "l@example.test", sender: "o@example.test"}.rcpt("r@example.test"), "l@example.test-r@example.test-o@example.test"},
		{"end", mail{instance: "i", sender: "s@sender.test"}.end(1), "-"},
	} {
		a, s, request := ahead{}, &session{}, []byte(tt.request)
		if n, err := s.Decode(request); n != len(request) {
			t.Fatal(n, err)
		}
		a.note(s, request)
		if got := string(bytes.Join(a.names, []byte("-"))); got != tt.names || len(a.instances) != 1 || string(a.instances[0]) != "i" {
			t.Errorf("%s: names %q and messages %q, want %q and i", tt.name, got, a.instances, tt.names)
		}
	}
}

// Nothing of a request is kept when its answer was prepared.
func TestAheadKeepsNothing(t *testing.T) {
	d, l := testkit.Standard(t)
	a := ahead{server: &Server{Directory: d, Ledger: l}}
	a.server.once.Do(a.server.prepare)
	s, request := newSession(t, a.server), []byte(mail{instance: "i", login: "alice@example.test"}.rcpt("bob@example.test"))
	if _, err := s.Decode(request); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a.prefetch([]exchange.Asked[*session]{{Peer: s, Request: request}, {Peer: s, Request: request}})
		for _, kept := range append(a.names[:cap(a.names)], a.instances[:cap(a.instances)]...) {
			if kept != nil {
				t.Errorf("%q is kept", kept)
			}
		}
		if len(a.names)+len(a.instances) > 0 {
			t.Errorf("%d names and %d messages are kept", len(a.names), len(a.instances))
		}
	}
}

// together is what an event loop has read: each recipient is another one, and so
// is the reply.
func together() (exchanges []serve.Exchange, want []string) {
	for i := range serve.Together {
		recipient, reply := "alice@example.test", "action=DUNNO\n\n"
		if i%3 == 1 {
			recipient, reply = "sendonly@example.test", "action=550 5.2.1 This account does not receive mail\n\n"
		}
		m := mail{instance: fmt.Sprint(i), sender: "a@sender.test"}
		exchanges = append(exchanges, serve.Exchange{Request: []byte(m.rcpt(recipient))})
		want = append(want, reply)
	}
	return exchanges, want
}

// Who is asked about together is answered as if alone.
func TestTogether(t *testing.T) {
	f := prepare(t)
	f.once.Do(f.Server.prepare)
	p := f.prompter()
	exchanges, want := together()
	exchanges[4].Request, want[4] = []byte("request=smtpd_acc"), ""
	for range 2 {
		p.Prompt(exchanges)
		for i, x := range exchanges {
			if string(x.Reply) != want[i] || x.Err != nil {
				t.Errorf("%d: reply %q, %v, want %q", i, x.Reply, x.Err, want[i])
			}
			exchanges[i].Reply = nil
		}
	}
}
