package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// house is the standard directory and what the tests of this room add to it:
//
//	alias later      frozen, disabled
//	alias gone       disabled, frozen
//	alias escape     alice, x@elsewhere.test
//	alias onhold     carol@frozen.test
//	alias mixedfull  full, sendonly
//	alias twofull    full, busy
//	alias throw      discard, full
//	alias parked     deferred, full
//	alias writes     forward, keep
//	alias carols     carol@other.test
//	alias here@frozen.test   alice
//	user  boss       limit 100, 100 used, submits anywhere
//	user  moved      disabled, forwarded to bob
//	user  quiet      suspended, receive reject
//	user  noservice  services imap only
type house struct {
	*directory.Directory
	ledger *quota.Ledger
	facts  policy.Facts
}

func open(t testing.TB) *house {
	t.Helper()
	d, l := testkit.Standard(t)
	testkit.Update(t, d, furnish)
	testkit.Report(t, d, l, "boss@example.test", 100)
	return &house{Directory: d, ledger: l}
}

func furnish(tx *directory.Tx) error {
	user := func(name string, set func(*directory.UserFields)) error {
		u := directory.UserFields{Address: testkit.Addr(name + "@example.test"), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit}
		set(&u)
		return tx.CreateUser(u)
	}
	for name, set := range map[string]func(*directory.UserFields){
		"boss": func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: 100} },
		"moved": func(u *directory.UserFields) {
			u.State, u.Forward = directory.Disabled, append(u.Forward, testkit.Addr("bob@example.test"))
		},
		"quiet": func(u *directory.UserFields) {
			u.State, u.Switches.Receive = directory.Suspended, directory.ReceiveReject
		},
		"noservice": func(u *directory.UserFields) { u.Switches.Services = directory.IMAP },
	} {
		if err := user(name, set); err != nil {
			return err
		}
	}
	for name, targets := range map[string][]string{
		"later@example.test":     {"frozen@example.test", "disabled@example.test"},
		"gone@example.test":      {"disabled@example.test", "frozen@example.test"},
		"escape@example.test":    {"alice@example.test", "x@elsewhere.test"},
		"onhold@example.test":    {"carol@frozen.test"},
		"mixedfull@example.test": {"full@example.test", "sendonly@example.test"},
		"twofull@example.test":   {"full@example.test", "busy@example.test"},
		"throw@example.test":     {"discard@example.test", "full@example.test"},
		"parked@example.test":    {"deferred@example.test", "full@example.test"},
		"writes@example.test":    {"forward@example.test", "keep@example.test"},
		"carols@example.test":    {"carol@other.test"},
		"here@frozen.test":       {"alice@example.test"},
	} {
		a := directory.AliasFields{Address: testkit.Addr(name)}
		for _, to := range targets {
			a.Targets = append(a.Targets, testkit.Addr(to))
		}
		if err := tx.CreateAlias(a); err != nil {
			return err
		}
	}
	return nil
}

// ask gathers and decides. to are the recipients, in example.test unless they
// hold "@".
func (h *house) ask(t testing.TB, m *policy.Modes, req policy.Request, to ...string) policy.Decision {
	t.Helper()
	for _, r := range to {
		req.Recipients = append(req.Recipients, []byte(at(r)))
	}
	if req.Now.IsZero() {
		req.Now = testkit.Noon
	}
	if err := policy.Gather(h.View(), h.ledger, &req, &h.facts); err != nil {
		t.Fatalf("Gather(%q): %v", req.Recipients, err)
	}
	return policy.Decide(&h.facts, m)
}

// at completes a name; "=" before it takes it as it is.
func at(name string) string {
	if literal, ok := strings.CutPrefix(name, "="); ok {
		return literal
	}
	if strings.Contains(name, "@") {
		return name
	}
	return name + "@example.test"
}

func TestUnknownFacts(t *testing.T) {
	tests := []struct {
		name string
		req  policy.Request
		to   []string
		want []policy.Unknown
	}{
		{"all known", from("busy"), []string{"busy"}, nil},
		{"recipient", sized(10), []string{"unknownusage"}, []policy.Unknown{policy.RecipientUsage}},
		{"sender", from("unknownusage"), []string{"alice"}, []policy.Unknown{policy.SenderUsage}},
		{"recipients", policy.Request{Stage: policy.AtEndOfMessage}, nil, []policy.Unknown{policy.MessageRecipients}},
		{"some recipients", policy.Request{Stage: policy.AtEndOfMessage, Partial: true}, []string{"alice"}, []policy.Unknown{policy.MessageRecipients}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t)
			h.ask(t, &policy.Modes{}, tt.req, tt.to...)
			var got []policy.Unknown
			for u := range policy.UnknownCount {
				if h.facts.Unknown.Has(u) {
					got = append(got, u)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("unknown facts %v, want %v", got, tt.want)
			}
		})
	}
}

// Two messages that fit alone do not fit together: the second is told to come
// again, until the first is released or known to have arrived.
func TestReservation(t *testing.T) {
	h := open(t)
	end := policy.Request{Stage: policy.AtEndOfMessage, Size: 30_000, Reserve: true}
	now := &policy.Modes{}
	if d := h.ask(t, now, end, "busy"); d.Action != policy.Pass {
		t.Fatalf("first message: %v", d.Reply)
	}
	second := policy.Facts{}
	req := end
	req.Now, req.Recipients = testkit.Noon, [][]byte{[]byte("busy@example.test"), []byte("full@example.test")}
	ask := func() policy.Reply {
		t.Helper()
		if err := policy.Gather(h.View(), h.ledger, &req, &second); err != nil {
			t.Fatal(err)
		}
		d := policy.Decide(&second, now)
		if d.Action.Refuses() {
			second.Release()
		}
		return d.Reply
	}
	if got := ask(); got != policy.MailboxFullNow {
		t.Errorf("while the first is in flight: %v, want %v", got, policy.MailboxFullNow)
	}
	h.facts.Release()
	h.facts.Release() // does nothing
	if got := ask(); got != policy.Dunno {
		t.Errorf("after its release: %v, want %v", got, policy.Dunno)
	}
	if got := ask(); got != policy.MailboxFullNow {
		t.Errorf("while the second is in flight: %v, want %v", got, policy.MailboxFullNow)
	}
	req.Now = testkit.Noon.Add(quota.FlightTime + time.Second)
	if got := ask(); got != policy.Dunno {
		t.Errorf("after its flight: %v, want %v", got, policy.Dunno)
	}
}

// A recipient that is named twice, or reached twice, is reserved once.
func TestReservedOnce(t *testing.T) {
	h := open(t)
	if d := h.ask(t, &policy.Modes{}, end(10_000), "busy", "Busy+x@example.test", "twofull"); d.Action != policy.Pass {
		t.Fatalf("decision %v", d.Reply)
	}
	u := h.View().User(key("busy@example.test"))
	if got := h.ledger.Flight(u.Mailbox(), testkit.Noon); got != 10_000 {
		t.Errorf("in flight: %d bytes, want 10000", got)
	}
}
