package socketmap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// furnish adds to the standard directory:
//
//	alias later            frozen, disabled
//	alias quoted           "a, b"@elsewhere.test, alice
//	alias "x y"            bob
//	alias exactly+plus     bob
//	alias here@closed.test, here@frozen.test   alice
//	alias writes           forward, keep
//	user  sleeping         disabled, forwarded to bob
//	user  away             forwarded to disabled, with the further address far
//	user  josé@straße.test, whose domain is xn--strae-oqa.test
//	user  moved            with the further address moved@frozen.test
func furnish(tx *directory.Tx) error {
	if err := tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("xn--strae-oqa.test"), Quota: directory.InheritLimit}); err != nil {
		return err
	}
	for _, u := range []directory.UserFields{
		{Address: testkit.Addr("sleeping@example.test"), State: directory.Disabled, Forward: []mailaddr.Addr{testkit.Addr("bob@example.test")}},
		{Address: testkit.Addr("away@example.test"), Addresses: []mailaddr.Addr{testkit.Addr("far@example.test")}, Forward: []mailaddr.Addr{testkit.Addr("disabled@example.test")}},
		{Address: testkit.Addr("josé@xn--strae-oqa.test")},
		{Address: testkit.Addr("moved@example.test"), Addresses: []mailaddr.Addr{testkit.Addr("moved@frozen.test")}},
	} {
		u.Switches, u.Quota = directory.DefaultSwitches(), directory.InheritLimit
		if err := tx.CreateUser(u); err != nil {
			return err
		}
	}
	for name, targets := range map[string][]string{
		"later@example.test":        {"frozen@example.test", "disabled@example.test"},
		"quoted@example.test":       {`"a, b"@elsewhere.test`, "alice@example.test"},
		`"x y"@example.test`:        {"bob@example.test"},
		"exactly+plus@example.test": {"bob@example.test"},
		"here@closed.test":          {"alice@example.test"},
		"here@frozen.test":          {"alice@example.test"},
		"writes@example.test":       {"forward@example.test", "keep@example.test"},
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

// newSession is a connection without a socket.
func newSession(t testing.TB) *session {
	t.Helper()
	d, _ := testkit.Standard(t)
	testkit.Update(t, d, furnish)
	s := &Server{Directory: d}
	s.prepare()
	return &session{server: s, log: s.log}
}

func netstring(payload string) string { return fmt.Sprintf("%d:%s,", len(payload), payload) }

// ask answers one query and returns the reply without its frame.
func (s *session) ask(t testing.TB, query string) string {
	t.Helper()
	request := []byte(netstring(query))
	if n, err := s.Decode(request); n != len(request) || err != nil {
		t.Fatalf("Decode(%q) = %d, %v", request, n, err)
	}
	reply, err := s.Answer(request)
	if err != nil {
		t.Fatal(err)
	}
	return unframe(t, string(reply))
}

func unframe(t testing.TB, reply string) string {
	t.Helper()
	_, rest, _ := strings.Cut(reply, ":")
	payload := strings.TrimSuffix(rest, ",")
	if netstring(payload) != reply || !strings.HasPrefix(payload, "OK ") && payload != "NOTFOUND " && !strings.HasPrefix(payload, "TEMP ") || payload == "OK " {
		t.Fatalf("reply %.200q is not one that Postfix takes", reply)
	}
	return payload
}

func TestMaps(t *testing.T) {
	const (
		none      = "NOTFOUND "
		disabled  = "OK error:5.2.1 Mailbox disabled"
		noMail    = "OK error:5.2.1 This account does not receive mail"
		later     = "OK retry:4.2.1 Mailbox temporarily unavailable"
		alice     = "OK alice@example.test"
		bob       = "OK bob@example.test"
		carol     = "OK carol@other.test"
		aliceBob  = "OK alice@example.test, bob@example.test"
		outsiders = "OK alice@example.test, bob@example.test, x@elsewhere.test"
	)
	tests := []struct{ query, want string }{
		{"domains example.test", "OK example.test"},
		{"domains EXAMPLE.Test", "OK example.test"},
		{"domains example.test.", "OK example.test"},
		{"domains straße.test", "OK xn--strae-oqa.test"},
		{"domains xn--strae-oqa.test", "OK xn--strae-oqa.test"},
		{"domains pending.test", "OK pending.test"},
		{"domains frozen.test", "OK frozen.test"},
		{"domains closed.test", "OK closed.test"},
		{"domains elsewhere.test", none},
		{"domains sub.example.test", none},
		{"domains test", none},
		{"domains [127.0.0.1]", none},
		{"domains alice@example.test", none},
		{"domains alice", none},
		{"domains ", none},
		{"domains \xff.test", none},

		{"mailboxes alice@example.test", alice},
		{"mailboxes Alice+News@Example.Test", alice},
		{`mailboxes "alice"@example.test`, alice},
		{"mailboxes al@example.test", alice},
		{"mailboxes al+x@example.test", alice},
		{"mailboxes disabled@example.test", "OK disabled@example.test"},
		{"mailboxes archived@example.test", "OK archived@example.test"},
		{"mailboxes sendonly@example.test", "OK sendonly@example.test"},
		{"mailboxes full@example.test", "OK full@example.test"},
		{"mailboxes forward@example.test", "OK forward@example.test"},
		{"mailboxes carol@closed.test", "OK carol@closed.test"},
		{"mailboxes JOSÉ@straße.test", "OK josé@xn--strae-oqa.test"},
		{"mailboxes team@example.test", none},
		{"mailboxes exactly+plus@example.test", none},
		{"mailboxes exactly@example.test", none},
		{"mailboxes nobody@example.test", none},
		{"mailboxes any@other.test", none},
		{"mailboxes alice@elsewhere.test", none},
		{"mailboxes alice", none},
		{"mailboxes @example.test", none},
		{"mailboxes ", none},

		{"aliases team@example.test", aliceBob},
		{"aliases Team+x@example.test", aliceBob},
		{"aliases nested@example.test", outsiders},
		{"aliases outside@example.test", "OK x@elsewhere.test"},
		{"aliases mixed@example.test", alice},
		{"aliases dead@example.test", "OK disabled@example.test, sendonly@example.test"},
		{"aliases later@example.test", "OK frozen@example.test"},
		{"aliases fulls@example.test", "OK full@example.test"},
		{"aliases quoted@example.test", `OK "a, b"@elsewhere.test, alice@example.test`},
		{`aliases "x y"@example.test`, bob},
		{"aliases x y@example.test", bob},
		{"aliases exactly+plus@example.test", bob},
		{"aliases exactly@example.test", none},
		{"aliases forward@example.test", bob},
		{"aliases forward+x@example.test", bob},
		{"aliases keep@example.test", "OK keep@example.test, bob@example.test"},
		{"aliases writes@example.test", "OK bob@example.test, keep@example.test"},
		{"aliases away@example.test", "OK disabled@example.test"},
		{"aliases far@example.test", "OK disabled@example.test"},
		{"aliases sleeping@example.test", none},
		{"aliases any@other.test", carol},
		{"aliases carol@other.test", none},
		{"aliases carol+x@other.test", none},
		{"aliases alice@example.test", none},
		{"aliases alice+x@example.test", none},
		{"aliases al@example.test", none},
		{"aliases sendonly@example.test", none},
		{"aliases nobody@example.test", none},
		{"aliases here@frozen.test", alice},
		{"aliases here@closed.test", none},
		{"aliases x@elsewhere.test", none},
		{"aliases alice", none},
		{"aliases \xff@example.test", "TEMP the key is not UTF-8"},

		{"senders alice@example.test", alice},
		{"senders ALICE+x@example.test", alice},
		{"senders al@example.test", alice},
		{"senders team@example.test", aliceBob},
		{"senders nested@example.test", aliceBob},
		{"senders mixed@example.test", "OK alice@example.test, disabled@example.test, sendonly@example.test"},
		{"senders sendonly@example.test", "OK sendonly@example.test"},
		{"senders writes@example.test", "OK forward@example.test, keep@example.test"},
		{"senders outside@example.test", none},
		{"senders any@other.test", none},
		{"senders nobody@example.test", none},
		{"senders me@elsewhere.test", none},
		{"senders <>", none},
		{"senders ", none},

		{"transport *", none},
		{"transport alice@example.test", none},
		{"transport full@example.test", none},
		{"transport suspended@example.test", none},
		{"transport forward@example.test", none},
		{"transport team@example.test", none},
		{"transport dead@example.test", none},
		{"transport nobody@example.test", none},
		{"transport any@other.test", none},
		{"transport x@elsewhere.test", none},
		{"transport example.test", none},
		{"transport disabled@example.test", disabled},
		{"transport Disabled+x@example.test", disabled},
		{"transport archived@example.test", disabled},
		{"transport carol@closed.test", disabled},
		{"transport nobody@closed.test", disabled},
		{"transport here@closed.test", disabled},
		{"transport sendonly@example.test", noMail},
		{"transport localsend@example.test", noMail},
		{"transport frozen@example.test", later},
		{"transport deferred@example.test", later},
		{"transport carol@pending.test", later},
		{"transport carol@frozen.test", later},
		{"transport nobody@frozen.test", later},
		{"transport moved@frozen.test", later},
		{"transport moved@example.test", none},
		{"transport here@frozen.test", none},
		{"transport discard@example.test", "OK discard:"},

		{"mailboxs alice@example.test", "TEMP there is no such map"},
		{"Domains example.test", "TEMP there is no such map"},
		{" domains example.test", "TEMP there is no such map"},
		{"unknown x", "TEMP there is no such map"},
	}
	s := newSession(t)
	for _, tt := range tests {
		if got := s.ask(t, tt.query); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.query, got, tt.want)
		}
	}
}

// What the maps say agrees with each other and with the policy: a name is a
// mailbox or leads somewhere, and mail that the policy refuses is refused by the
// transport map as well.
func TestMapsAgree(t *testing.T) {
	s := newSession(t)
	d := s.server.Directory
	var names []string
	for _, kind := range []directory.Kind{directory.KindUser, directory.KindAddress, directory.KindAlias} {
		for r := range d.View().All(kind) {
			names = append(names, string(r.Key()))
		}
	}
	slices.Sort(names)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(append(names, "nobody@example.test", "any@other.test", "x@elsewhere.test")).Draw(rt, "name")
		if at := strings.LastIndexByte(name, '@'); rapid.Bool().Draw(rt, "detail") && !strings.Contains(name, "+") {
			name = name[:at] + "+x" + name[at:]
		}
		mailbox, alias, transport := s.ask(t, "mailboxes "+name), s.ask(t, "aliases "+name), s.ask(t, "transport "+name)
		var f policy.Facts
		req := policy.Request{Stage: policy.AtRecipient, Now: testkit.Noon, Recipients: [][]byte{[]byte(name)}}
		if err := policy.Gather(d.View(), &quota.Ledger{}, &req, &f); err != nil {
			rt.Fatal(err)
		}
		passes := !policy.Decide(&f, &policy.Modes{}).Action.Refuses()
		stopped := strings.HasPrefix(transport, "OK error:") || strings.HasPrefix(transport, "OK retry:")
		if mailbox != "NOTFOUND " && alias == "NOTFOUND " && passes == stopped {
			rt.Fatalf("%s: policy passes it: %v; transport %q", name, passes, transport)
		}
		for to := range strings.SplitSeq(strings.TrimPrefix(alias, "OK "), ", ") {
			if alias == "NOTFOUND " || !passes || strings.Contains(to, `"`) || strings.HasSuffix(to, ` b"@elsewhere.test`) {
				continue
			}
			if got := s.ask(t, "transport "+to); strings.HasPrefix(got, "OK error:") {
				rt.Fatalf("%s passes and leads to %s, which is refused: %q", name, to, got)
			}
		}
	})
}

// A list that is too long for Postfix is our trouble, and the next query is not
// touched by it.
func TestReplyTooLarge(t *testing.T) {
	s := newSession(t)
	testkit.Update(t, s.server.Directory, func(tx *directory.Tx) error {
		a := directory.AliasFields{Address: testkit.Addr("everybody@example.test")}
		for i := range directory.MaxTargets {
			a.Targets = append(a.Targets, testkit.Addr(fmt.Sprintf("someone-with-a-long-name-%d@%s.test", i, strings.Repeat("x", 60))))
		}
		return tx.CreateAlias(a)
	})
	got := s.ask(t, "aliases everybody@example.test")
	if got == "TEMP too many addresses" || len(got) > MaxReply {
		t.Fatalf("1000 targets: %.80q of %d bytes, want a list", got, len(got))
	}
	testkit.Update(t, s.server.Directory, func(tx *directory.Tx) error {
		return tx.ChangeAlias(testkit.Addr("everybody@example.test"), directory.AnyRevision, func(a *directory.AliasFields) error {
			for i := range a.Targets {
				a.Targets[i] = testkit.Addr(fmt.Sprintf("%d-%s@%s.test", i, strings.Repeat("y", 50), strings.Repeat("x", 60)))
			}
			return nil
		})
	})
	if got := s.ask(t, "aliases everybody@example.test"); got != "TEMP too many addresses" {
		t.Errorf("too large: %.80q of %d bytes", got, len(got))
	}
	if got := s.ask(t, "mailboxes alice@example.test"); got != "OK alice@example.test" {
		t.Errorf("afterwards: %q", got)
	}
	if cap(s.reply.b) > keptReply || cap(s.targets) > keptNames {
		t.Errorf("the connection keeps %d bytes and %d targets", cap(s.reply.b), cap(s.targets))
	}
}

// An alias that was written under another recipient_delimiter can lead back to
// itself. Maps that only look never fail.
func TestExpansionError(t *testing.T) {
	s := newSession(t)
	testkit.Update(t, s.server.Directory, func(tx *directory.Tx) error {
		return tx.CreateAlias(directory.AliasFields{
			Address: testkit.Addr("loop@other.test"), Targets: []mailaddr.Addr{testkit.Addr("loop-x@other.test")},
		})
	})
	s.server.Directory.Configure(directory.Settings{Delimiters: "-"})
	for query, want := range map[string]string{
		"aliases loop@other.test": "TEMP alias expansion failed", "senders loop@other.test": "TEMP alias expansion failed",
		"transport loop@other.test": "NOTFOUND ", "domains other.test": "OK other.test", "mailboxes loop@other.test": "NOTFOUND ",
	} {
		if got := s.ask(t, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// A target that is nobody's any more is left out; nothing of a query is kept.
func TestTargetWithoutUser(t *testing.T) {
	s := newSession(t)
	d := s.server.Directory
	d.Configure(directory.Settings{Delimiters: "+-"})
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.CreateAlias(directory.AliasFields{Address: testkit.Addr("half@example.test"),
			Targets: []mailaddr.Addr{testkit.Addr("bob-x@example.test"), testkit.Addr("alice@example.test")}})
	})
	if got := s.ask(t, "aliases half@example.test"); got != "OK bob@example.test, alice@example.test" {
		t.Errorf("before: %q", got)
	}
	d.Configure(directory.Settings{Delimiters: "+"})
	if got := s.ask(t, "aliases half@example.test"); got != "OK alice@example.test" {
		t.Errorf("after: %q", got)
	}
	for _, kept := range s.targets[:cap(s.targets)] {
		if kept.Address != nil || kept.User.Exists() {
			t.Errorf("target %s is kept", kept.Address)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	s := newSession(t)
	for _, query := range []string{
		"domains example.test", "domains elsewhere.test", "mailboxes Alice+x@Example.test", "mailboxes al@example.test",
		"aliases alice@example.test", "aliases nested@example.test", "aliases any@other.test", "aliases keep@example.test",
		"senders nested@example.test", "senders al@example.test", "transport *", "transport alice@example.test",
		"transport disabled@example.test", "transport discard@example.test", "transport frozen@example.test", "mailboxes alice",
	} {
		request := []byte(netstring(query))
		allocs := testing.AllocsPerRun(200, func() {
			if n, err := s.Decode(request); n != len(request) || err != nil {
				t.Fatal(err)
			}
			s.Answer(request)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations, want 0", query, allocs)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	s := newSession(b)
	for _, query := range []string{"domains example.test", "mailboxes alice@example.test", "aliases alice@example.test",
		"aliases nested@example.test", "senders alice@example.test", "transport alice@example.test"} {
		request := []byte(netstring(query))
		b.Run(strings.ReplaceAll(query, " ", "="), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n, err := s.Decode(request); n == 0 || err != nil {
					b.Fatal(err)
				}
				s.Answer(request)
			}
		})
	}
}
