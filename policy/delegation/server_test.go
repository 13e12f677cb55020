package delegation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

const (
	dunno       = "DUNNO"
	disabled    = "550 5.2.1 Mailbox disabled"
	full        = "552 5.2.2 Mailbox full"
	fullNow     = "452 4.2.2 Mailbox full"
	ownOnly     = "550 5.7.1 This account may only send to its own domain"
	unavailable = "DEFER_IF_PERMIT 4.3.0 Account policy temporarily unavailable"
)

// The recorded requests, each answered once. Disabled users are refused at RCPT
// and nowhere else.
func TestRecordedRequests(t *testing.T) {
	f := open(t)
	f.set("bob@example.test", func(u *directory.UserFields) { u.State = directory.Disabled })
	requests, err := transcript.Requests()
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) != 92 {
		t.Errorf("%d recorded requests, want 92", len(requests))
	}
	c := f.connect()
	for _, r := range requests {
		want := dunno
		if strings.Contains(string(r.Data), "\nprotocol_state=RCPT\n") && strings.Contains(string(r.Data), "\nrecipient=bob@") {
			want = disabled
		}
		if got := c.ask(string(r.Data)); got != want {
			t.Errorf("%s: action %q, want %q", r.Name, got, want)
		}
	}
}

// The recorded dialogues, connection by connection. What the recorded server
// was told to say is compared where gatepost says it on its own.
func TestRecordedDialogues(t *testing.T) {
	dialogues, err := transcript.Postfix()
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, d := range dialogues {
		t.Run(d.Name, func(t *testing.T) {
			f := open(t)
			for _, c := range d.Conns {
				if c.Kind != transcript.Policy {
					continue
				}
				for _, e := range transcript.Replay(t, c, f.dial).Exchanges {
					played++
					if got, want := string(e.Answered), "action="+wanted(string(e.Request))+"\n\n"; got != want {
						t.Errorf("%s: answered %q, want %q", c.Name, got, want)
					}
				}
			}
		})
	}
	if played < 100 {
		t.Errorf("%d recorded exchanges, want at least 100", played)
	}
}

// wanted is what the standard directory makes of a recorded request.
func wanted(request string) string {
	if strings.Contains(request, "protocol_state=RCPT\n") && strings.Contains(request, "\nrecipient=disabled@") {
		return disabled
	}
	return dunno
}

// Every malformed request ends its connection without a reply, with one log
// line and one call of the hook; what was asked before it is answered.
func TestMalformed(t *testing.T) {
	tests := append(slices.Clone(malformed), []struct {
		name, text string
		want       Malformation
	}{
		{"half a line", "request=smtpd", Truncated},
		{"no empty line", head + "protocol_state=RCPT\n", Truncated},
	}...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			c := f.connect()
			if got := c.ask(mail{}.rcpt("disabled@example.test")); got != disabled {
				t.Errorf("before: %q", got)
			}
			f.Taken()
			c.Send(tt.text)
			c.CloseWrite()
			if rest := c.Rest(); rest != "" {
				t.Errorf("reply %q, want none", rest)
			}
			doortest.Stop(t, f)
			events, log := f.Taken()
			if want := []string{"malformed " + tt.want.String()}; !slices.Equal(events, want) {
				t.Errorf("events %q, want %q", events, want)
			}
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=WARN") || !strings.Contains(log, tt.want.String()) {
				t.Errorf("log %q, want one warning", log)
			}
		})
	}
}

// Half a request has 5 s; an idle connection stays for longer than Postfix
// keeps it; a peer that does not read is left.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prepare(t)
		f.dial = doortest.Pipes(t, f)
		idle := f.connect()
		time.Sleep(24 * time.Hour)
		if got := idle.ask(mail{}.rcpt("disabled@example.test")); got != disabled {
			t.Errorf("after a day: %q", got)
		}
		f.Taken()
		begin := time.Now()
		half := f.connect()
		half.Send(head)
		if rest := half.Rest(); rest != "" {
			t.Errorf("half a request was answered: %q", rest)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("half a request waited %v, want 5s", took)
		}
		synctest.Wait()
		if events, _ := f.Taken(); !slices.Equal(events, []string{"malformed timeout"}) {
			t.Errorf("events %q", events)
		}
		begin = time.Now()
		deaf := f.connect()
		deaf.Send(mail{}.rcpt("disabled@example.test"))
		if _, err := deaf.Write([]byte(head)); err == nil {
			t.Error("a peer that does not read can write on")
		}
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("a peer that does not read held its connection for %v", took)
		}
	})
}

// A message is judged at its end by the recipients that were asked about,
// on whichever connection that was.
func TestEndOfMessage(t *testing.T) {
	local := mail{instance: "i", login: "localonly@example.test", sender: "localonly@example.test"}
	tests := []struct {
		name  string
		mail  mail
		rcpts []string
		size  int
		want  string
		event string // of the end
	}{
		{"fits", mail{instance: "i"}, []string{"busy@example.test"}, 1000, dunno, "none dunno"},
		{"every one is over", mail{instance: "i"}, []string{"busy@example.test", "Busy+x@Example.test"}, 50_000, full, "recipient-over-quota reject"},
		{"one has room", mail{instance: "i"}, []string{"busy@example.test", "bob@example.test"}, 50_000, dunno, "none dunno"},
		{"one was refused", mail{instance: "i"}, []string{"disabled@example.test", "busy@example.test"}, 50_000, full, "recipient-over-quota reject"},
		{"one is outside", mail{instance: "i"}, []string{"busy@example.test", "x@elsewhere.test"}, 50_000, dunno, "none dunno"},
		{"nothing is remembered", mail{instance: "i"}, nil, 50_000, dunno, "none dunno"},
		{"without instance", mail{}, []string{"busy@example.test"}, 50_000, dunno, "none dunno"},
		{"local-only, the one outside was refused", local, []string{"alice@example.test", "x@elsewhere.test"}, 10, dunno, "none dunno"},
		{"local-only inside", local, []string{"alice@example.test", "team@example.test"}, 10, dunno, "none dunno"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			for _, r := range tt.rcpts {
				f.connect().ask(tt.mail.rcpt(r))
			}
			f.Taken()
			if got := f.connect().ask(tt.mail.end(tt.size)); got != tt.want {
				t.Errorf("action %q, want %q", got, tt.want)
			}
			events, _ := f.Taken()
			if events[0] != "end-of-message "+tt.event {
				t.Errorf("event %q, want %q", events[0], tt.event)
			}
			known := len(tt.rcpts) > 0 && tt.mail.instance != ""
			if unknown := slices.Contains(events, "unknown message-recipients"); unknown == known {
				t.Errorf("recipients unknown: %v", unknown)
			}
		})
	}
}

// A single recipient is named at the end and needs no memory.
func TestEndOfMessageNamesRecipient(t *testing.T) {
	c := open(t).connect()
	if got := c.ask(mail{size: 50_000}.request("END-OF-MESSAGE", "busy@example.test")); got != full {
		t.Errorf("action %q, want %q", got, full)
	}
}

// A refused END-OF-MESSAGE leaves the transaction open: the recipients stay
// remembered, nothing stays reserved. A passed one ends it.
func TestRefusedEndIsRemembered(t *testing.T) {
	f := open(t)
	c, m := f.connect(), mail{instance: "i"}
	busy := f.Directory.View().User(mailaddr.KeyOf(testkit.Addr("busy@example.test"))).Mailbox()
	c.ask(m.rcpt("busy@example.test"))
	c.ask(m.rcpt("full@example.test")) // refused
	for range 2 {
		if got := c.ask(m.end(50_000)); got != full {
			t.Errorf("action %q, want %q", got, full)
		}
		if n := f.ledger.Flight(busy, time.Now()); n != 0 {
			t.Errorf("%d bytes stay reserved", n)
		}
	}
	if got := c.ask(m.end(30_000)); got != dunno {
		t.Errorf("smaller message: %q", got)
	}
	if n := f.ledger.Flight(busy, time.Now()); n != 30_000 {
		t.Errorf("%d bytes in flight, want 30000", n)
	}
	if got := c.ask(m.end(50_000)); got != dunno {
		t.Errorf("after the end: %q, want %q", got, dunno)
	}
	other := mail{instance: "j", size: 30_000}
	if got := c.ask(other.rcpt("busy@example.test")); got != fullNow {
		t.Errorf("beside mail in flight: %q, want %q", got, fullNow)
	}
}

// The sender's rules are asked again at the end: a change between RCPT and the
// end is obeyed.
func TestChangeWithinTransaction(t *testing.T) {
	f := open(t)
	c := f.connect()
	m := mail{instance: "i", login: "alice@example.test", sender: "alice@example.test"}
	for _, r := range []string{"busy@example.test", "x@elsewhere.test"} {
		if got := c.ask(m.rcpt(r)); got != dunno {
			t.Fatalf("%s: %q", r, got)
		}
	}
	f.set("alice@example.test", func(u *directory.UserFields) { u.Switches.Submit = directory.SubmitOwn })
	if got := c.ask(m.end(10)); got != ownOnly {
		t.Errorf("local-only meanwhile: %q, want %q", got, ownOnly)
	}
	busy := f.Directory.View().User(mailaddr.KeyOf(testkit.Addr("busy@example.test"))).Mailbox()
	if n := f.ledger.Flight(busy, time.Now()); n != 0 {
		t.Errorf("%d bytes of the refused message stay reserved", n)
	}
	f.set("alice@example.test", func(u *directory.UserFields) { u.State = directory.Disabled })
	if got := c.ask(m.end(10)); got != "550 5.7.1 Account disabled" {
		t.Errorf("disabled meanwhile: %q", got)
	}
	if got := c.ask(mail{}.rcpt("alice@example.test")); got != disabled {
		t.Errorf("as recipient: %q, want %q", got, disabled)
	}
}

// After an hour a message is forgotten.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prepare(t)
		f.dial = doortest.Pipes(t, f)
		c, m := f.connect(), mail{instance: "i"}
		c.ask(m.rcpt("busy@example.test"))
		time.Sleep(59 * time.Minute)
		if got := c.ask(m.end(50_000)); got != full {
			t.Errorf("after 59 minutes: %q, want %q", got, full)
		}
		time.Sleep(2 * time.Minute)
		if got := c.ask(m.end(50_000)); got != dunno {
			t.Errorf("after 61 minutes: %q, want %q", got, dunno)
		}
	})
}
