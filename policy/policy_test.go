package policy_test

import (
	"fmt"
	"math"
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

// from is a request of an authenticated sender that writes in its own name.
func from(login string) policy.Request {
	return policy.Request{Stage: policy.AtRecipient, Login: []byte(at(login)), Sender: []byte(at(login))}
}

func sized(n int64) policy.Request { return policy.Request{Stage: policy.AtRecipient, Size: n} }

// Every rule has a row that makes it fire and one that just does not.
func TestRules(t *testing.T) {
	const pass = "none DUNNO"
	as := func(login, sender string) policy.Request {
		return policy.Request{Stage: policy.AtRecipient, Login: []byte(login), Sender: []byte(sender)}
	}
	end := func(n int64) policy.Request {
		return policy.Request{Stage: policy.AtEndOfMessage, Size: n, Reserve: true}
	}
	endFrom := func(login string) policy.Request {
		req := from(login)
		req.Stage = policy.AtEndOfMessage
		return req
	}
	const (
		disabledSender = "sender-disabled 550 5.7.1 Account disabled"
		noSubmit       = "sender-no-submit 550 5.7.1 This account may not send mail"
		ownOnly        = "sender-local-only 550 5.7.1 This account may only send to its own domain"
		listedOnly     = "sender-local-only 550 5.7.1 This account may only send to certain domains"
		senderFull     = "sender-over-quota 552 5.2.2 Your mailbox is full; delete mail before sending"
		notOwner       = "sender-not-owner 553 5.7.1 This sender address does not belong to the account"
		disabled       = "recipient-disabled 550 5.2.1 Mailbox disabled"
		frozen         = "recipient-frozen 450 4.2.1 Mailbox temporarily unavailable"
		sendOnly       = "recipient-send-only 550 5.2.1 This account does not receive mail"
		full           = "recipient-over-quota 552 5.2.2 Mailbox full"
	)
	tests := []struct {
		name string
		req  policy.Request
		to   []string
		want string
	}{
		{"nobody logged in", sized(0), []string{"alice"}, pass},
		{"nobody logged in, to outside", sized(0), []string{"x@elsewhere.test"}, pass},
		{"unknown recipient", sized(0), []string{"nobody"}, pass},
		{"recipient that is no address", sized(0), []string{"=disabled"}, pass},

		{"disabled sender", from("disabled"), []string{"alice"}, disabledSender},
		{"archived sender", from("archived"), []string{"alice"}, disabledSender},
		{"suspended sender", from("suspended"), []string{"alice"}, disabledSender},
		{"frozen sender", from("frozen"), []string{"alice"}, disabledSender},
		{"deleted sender", from("deleted"), []string{"alice"}, disabledSender},
		{"login that cannot be a name", as("\xff@example.test", ""), []string{"alice"}, disabledSender},
		{"login that is an alias", from("team"), []string{"alice"}, disabledSender},
		{"sender in a disabled domain", from("carol@closed.test"), []string{"alice"}, disabledSender},
		{"disabled sender at the end", endFrom("disabled"), []string{"alice"}, disabledSender},
		{"disabled sender, null sender address", as("disabled@example.test", ""), []string{"alice"}, disabledSender},
		{"active sender", from("alice"), []string{"bob"}, pass},
		{"active sender in a frozen domain", from("carol@frozen.test"), []string{"bob"}, pass},
		{"disabled address as MAIL FROM of a stranger", policy.Request{Stage: policy.AtRecipient, Sender: []byte("disabled@example.test")}, []string{"bob"}, pass},

		{"receive-only sender", from("receiveonly"), []string{"alice"}, noSubmit},
		{"receive-only sender at the end", endFrom("receiveonly"), []string{"alice"}, noSubmit},
		{"sender without the service smtp", from("noservice"), []string{"alice"}, noSubmit},
		{"send-only sender", from("sendonly"), []string{"alice"}, pass},

		{"local-only, own domain", from("localonly"), []string{"alice"}, pass},
		{"local-only, own domain written otherwise", from("localonly"), []string{"Alice@EXAMPLE.Test."}, pass},
		{"local-only, unknown in the own domain", from("localonly"), []string{"nobody"}, pass},
		{"local-only, percent hack", from("localonly"), []string{"x%elsewhere.test@example.test"}, pass},
		{"local-only, outside", from("localonly"), []string{"x@elsewhere.test"}, ownOnly},
		{"local-only, other domain of ours", from("localonly"), []string{"carol@other.test"}, ownOnly},
		{"local-only, subdomain", from("localonly"), []string{"x@sub.example.test"}, ownOnly},
		{"local-only, alias that leads outside", from("localonly"), []string{"outside"}, ownOnly},
		{"local-only, alias to another domain of ours", from("localonly"), []string{"carols"}, ownOnly},
		{"local-only, alias with one target outside", from("localonly"), []string{"escape"}, ownOnly},
		{"local-only, alias in two steps", from("localonly"), []string{"nested"}, ownOnly},
		{"local-only, alias inside", from("localonly"), []string{"team"}, pass},
		{"local-only, alias elsewhere that leads home", from("localonly"), []string{"here@frozen.test"}, frozen},
		{"local-only, address literal", from("localonly"), []string{"x@[127.0.0.1]"}, ownOnly},
		{"local-only, no domain", from("localonly"), []string{"=postmaster"}, ownOnly},
		{"local-only, at sign in the local part", from("localonly"), []string{"x@elsewhere.test@example.test"}, pass},
		{"local-only, null sender address", as("localonly@example.test", ""), []string{"x@elsewhere.test"}, ownOnly},
		{"local-only and send-only", from("localsend"), []string{"x@elsewhere.test"}, ownOnly},
		{"local-only at the end, one outside", endFrom("localonly"), []string{"alice", "x@elsewhere.test"}, ownOnly},
		{"local-only at the end, one unreadable", endFrom("localonly"), []string{"\xff@example.test", "alice"}, ownOnly},
		{"local-only at the end, all inside", endFrom("localonly"), []string{"alice", "team"}, pass},
		{"local-only at the end, nothing remembered", endFrom("localonly"), nil, pass},
		{"listed domain", from("listed"), []string{"carol@other.test"}, pass},
		{"domain that is not listed", from("listed"), []string{"alice"}, listedOnly},

		{"full sender", from("full"), []string{"alice"}, senderFull},
		{"full sender at the end", endFrom("full"), []string{"alice"}, senderFull},
		{"sender with room", from("busy"), []string{"alice"}, pass},
		{"sender of unknown usage", from("unknownusage"), []string{"alice"}, pass},

		{"own further address", as("alice@example.test", "al@example.test"), []string{"bob"}, pass},
		{"own address with detail", as("alice@example.test", "Alice+x@example.test"), []string{"bob"}, pass},
		{"login name", as("alice", "alice@example.test"), []string{"bob"}, pass},
		{"alias that leads to the sender", as("alice@example.test", "team@example.test"), []string{"bob"}, pass},
		{"alias in two steps", as("bob@example.test", "nested@example.test"), []string{"bob"}, pass},
		{"null sender address", as("alice@example.test", ""), []string{"bob"}, pass},
		{"alias of somebody who forwards", as("forward@example.test", "writes@example.test"), []string{"bob"}, pass},
		{"alias of somebody whose mail is forwarded to the sender", as("bob@example.test", "writes@example.test"), []string{"bob"}, notOwner},
		{"address that is forwarded to the sender", as("bob@example.test", "forward@example.test"), []string{"bob"}, notOwner},
		{"name of a catch-all", as("carol@other.test", "any@other.test"), []string{"bob"}, notOwner},
		{"another user's address", as("alice@example.test", "bob@example.test"), []string{"bob"}, notOwner},
		{"alias that does not lead to the sender", as("alice@example.test", "mixedfull@example.test"), []string{"bob"}, notOwner},
		{"unknown address", as("alice@example.test", "nobody@example.test"), []string{"bob"}, notOwner},
		{"foreign address", as("alice@example.test", "alice@elsewhere.test"), []string{"bob"}, notOwner},
		{"address that cannot be one", as("alice@example.test", "alice"), []string{"bob"}, notOwner},

		{"disabled", sized(0), []string{"disabled"}, disabled},
		{"disabled, with detail", sized(0), []string{"Disabled+x@example.test"}, disabled},
		{"archived", sized(0), []string{"archived"}, disabled},
		{"disabled domain", sized(0), []string{"carol@closed.test"}, disabled},
		{"unknown name in a disabled domain", sized(0), []string{"nobody@closed.test"}, disabled},
		{"disabled, forwarded", sized(0), []string{"moved"}, disabled},
		{"alias to nobody who receives", sized(0), []string{"dead"}, disabled},
		{"alias with one who receives", sized(0), []string{"mixed"}, pass},
		{"disabled at the end", end(10), []string{"disabled"}, pass},
		{"suspended", sized(0), []string{"suspended"}, pass},

		{"frozen", sized(0), []string{"frozen"}, frozen},
		{"deferring", sized(0), []string{"deferred"}, frozen},
		{"pending domain", sized(0), []string{"carol@pending.test"}, frozen},
		{"frozen domain", sized(0), []string{"carol@frozen.test"}, frozen},
		{"unknown name in a frozen domain", sized(0), []string{"nobody@frozen.test"}, frozen},
		{"alias into a frozen domain", sized(0), []string{"onhold"}, frozen},
		{"alias of a frozen domain", sized(0), []string{"here@frozen.test"}, frozen},
		{"frozen beside disabled", sized(0), []string{"later"}, frozen},
		{"disabled beside frozen", sized(0), []string{"gone"}, frozen},
		{"discarding", sized(0), []string{"discard"}, pass},

		{"send-only", sized(0), []string{"sendonly"}, sendOnly},
		{"send-only and local-only", sized(0), []string{"localsend"}, sendOnly},
		{"suspended that does not receive", sized(0), []string{"quiet"}, sendOnly},
		{"receive-only", sized(0), []string{"receiveonly"}, pass},
		{"from a user with an account", from("alice"), []string{"sendonly"}, sendOnly},

		{"full without SIZE", sized(0), []string{"full"}, full},
		{"fits exactly", sized(testkit.Limit - 60_000), []string{"busy"}, pass},
		{"one byte too many", sized(testkit.Limit - 60_000 + 1), []string{"busy"}, full},
		{"room, without SIZE", sized(0), []string{"busy"}, pass},
		{"absurd SIZE", sized(math.MaxInt64), []string{"busy"}, full},
		{"absurd SIZE, no limit", sized(math.MaxInt64), []string{"alice"}, pass},
		{"unknown usage", sized(math.MaxInt64), []string{"unknownusage"}, pass},
		{"alias to a full one", sized(0), []string{"fulls"}, full},
		{"alias with one who has room", sized(0), []string{"somefull"}, pass},
		{"alias to two, one of them full", sized(0), []string{"twofull"}, pass},
		{"alias to two, both too full", sized(50_000), []string{"twofull"}, full},
		{"alias to a full one and one who refuses", sized(0), []string{"mixedfull"}, full},
		{"alias with one who discards", sized(0), []string{"throw"}, pass},
		{"alias with one who defers", sized(0), []string{"parked"}, pass},
		{"full beside the world", sized(0), []string{"nested"}, pass},
		{"at the end, one recipient", end(50_000), []string{"busy"}, full},
		{"at the end, it fits", end(40_000), []string{"busy"}, pass},
		{"at the end, every recipient", end(50_000), []string{"busy", "full", "fulls"}, full},
		{"at the end, one has room", end(50_000), []string{"busy", "full", "alice"}, pass},
		{"at the end, one is outside", end(50_000), []string{"full", "x@elsewhere.test"}, pass},
		{"at the end, nothing remembered", end(50_000), nil, pass},
		{"at the end, more than is remembered", policy.Request{Stage: policy.AtEndOfMessage, Size: 50_000, Partial: true}, []string{"full"}, pass},

		{"state of the sender before that of the recipient", from("disabled"), []string{"sendonly"}, disabledSender},
		{"scope of the sender before its quota", as("localonly@example.test", "bob@example.test"), []string{"x@elsewhere.test"}, ownOnly},
		{"quota of the sender before that of the recipient", from("boss"), []string{"full"}, senderFull},
		{"state before quota", sized(math.MaxInt64), []string{"disabled"}, disabled},
		{"another state", policy.Request{}, []string{"disabled"}, pass},
	}
	fired := map[policy.RuleID]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t).ask(t, &policy.Modes{}, tt.req, tt.to...)
			if got := fmt.Sprint(d.Rule, " ", d.Reply); got != tt.want {
				t.Errorf("decision %q, want %q", got, tt.want)
			}
			fired[d.Rule] = true
		})
	}
	for r := range policy.Rules() {
		if !fired[r.ID] {
			t.Errorf("no row makes %s fire", r.Name)
		}
	}
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
	end := policy.Request{Stage: policy.AtEndOfMessage, Size: 30_000, Reserve: true}
	if d := h.ask(t, &policy.Modes{}, end, "busy", "Busy+x@example.test", "twofull"); d.Action != policy.Pass {
		t.Fatalf("decision %v", d.Reply)
	}
	u := h.View().User(key("busy@example.test"))
	if got := h.ledger.Flight(u.Mailbox(), testkit.Noon); got != 30_000 {
		t.Errorf("in flight: %d bytes, want 30000", got)
	}
}
