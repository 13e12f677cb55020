package policy_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// row asks about recipients, in example.test unless they hold "@", and wants a
// rule and its reply.
type row struct {
	name string
	req  policy.Request
	to   []string
	want string
}

const (
	pass           = "none DUNNO"
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

// from is a request of an authenticated sender that writes in its own name.
func from(login string) policy.Request { return as(at(login), at(login)) }

func as(login, sender string) policy.Request {
	return policy.Request{Stage: policy.AtRecipient, Login: []byte(login), Sender: []byte(sender)}
}

func sized(n int64) policy.Request { return policy.Request{Stage: policy.AtRecipient, Size: n} }

func end(n int64) policy.Request {
	return policy.Request{Stage: policy.AtEndOfMessage, Size: n, Reserve: true}
}

func endFrom(login string) policy.Request {
	req := from(login)
	req.Stage = policy.AtEndOfMessage
	return req
}

// Every rule has a row that makes it fire and one that just does not.
func TestRules(t *testing.T) {
	fired := map[policy.RuleID]bool{}
	for _, tt := range slices.Concat(senderRows, recipientRows, quotaRows, orderRows) {
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

var senderRows = []row{
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
}

var recipientRows = []row{
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
}

var quotaRows = []row{
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
}

var orderRows = []row{
	{"state of the sender before that of the recipient", from("disabled"), []string{"sendonly"}, disabledSender},
	{"scope of the sender before its quota", as("localonly@example.test", "bob@example.test"), []string{"x@elsewhere.test"}, ownOnly},
	{"quota of the sender before that of the recipient", from("boss"), []string{"full"}, senderFull},
	{"state before quota", sized(math.MaxInt64), []string{"disabled"}, disabled},
	{"another state", policy.Request{}, []string{"disabled"}, pass},
}
