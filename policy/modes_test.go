package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

func key(address string) mailaddr.Key { return mailaddr.KeyOf(testkit.Addr(address)) }

func modes(t *testing.T, rules map[string]string, fullCode int) *policy.Modes {
	t.Helper()
	m, err := policy.NewModes(rules, fullCode)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModes(t *testing.T) {
	both := policy.Request{Stage: policy.AtRecipient, Login: []byte("disabled@example.test"), Sender: []byte("disabled@example.test")}
	tests := []struct {
		name  string
		rules map[string]string
		full  int
		req   policy.Request
		to    string
		want  string // rule, action, reply; rules warned; rules shadowed
	}{
		{"nothing set", nil, 0, both, "sendonly", "sender-disabled reject 550 5.7.1 Account disabled [] []"},
		{"off", map[string]string{"sender-disabled": "off"}, 0, both, "sendonly",
			"recipient-send-only reject 550 5.2.1 This account does not receive mail [] []"},
		{"shadow goes on", map[string]string{"sender-disabled": "shadow"}, 0, both, "sendonly",
			"recipient-send-only reject 550 5.2.1 This account does not receive mail [] [sender-disabled]"},
		{"shadow alone", map[string]string{"sender-disabled": "shadow"}, 0, both, "alice", "none dunno DUNNO [] [sender-disabled]"},
		{"warn goes on", map[string]string{"sender-disabled": "warn"}, 0, both, "sendonly",
			"recipient-send-only reject 550 5.2.1 This account does not receive mail [sender-disabled] []"},
		{"warn alone", map[string]string{"sender-disabled": "warn"}, 0, both, "alice", "sender-disabled warn DUNNO [sender-disabled] []"},
		{"two warn", map[string]string{"sender-disabled": "warn", "recipient-send-only": "warn"}, 0, both, "sendonly",
			"sender-disabled warn DUNNO [sender-disabled recipient-send-only] []"},
		{"warn behind shadow", map[string]string{"sender-disabled": "shadow", "recipient-send-only": "warn"}, 0, both, "sendonly",
			"recipient-send-only warn DUNNO [recipient-send-only] [sender-disabled]"},
		{"shadow behind what decides", map[string]string{"recipient-send-only": "shadow"}, 0, both, "sendonly",
			"sender-disabled reject 550 5.7.1 Account disabled [] []"},
		{"552", nil, 552, sized(0), "full", "recipient-over-quota reject 552 5.2.2 Mailbox full [] []"},
		{"452", nil, 452, sized(0), "full", "recipient-over-quota defer 452 4.2.2 Mailbox full [] []"},
		{"452 is not for senders", nil, 452, from("full"), "alice",
			"sender-over-quota reject 552 5.2.2 Your mailbox is full; delete mail before sending [] []"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t).ask(t, modes(t, tt.rules, tt.full), tt.req, tt.to)
			got := fmt.Sprint(d.Rule, " ", d.Action, " ", d.Reply, " ", members(d.Warned), " ", members(d.Shadow))
			if got != tt.want {
				t.Errorf("decision %q, want %q", got, tt.want)
			}
		})
	}
}

func members(s policy.RuleSet) (all []policy.RuleID) {
	for r := range policy.Rules() {
		if s.Has(r.ID) {
			all = append(all, r.ID)
		}
	}
	return all
}

func TestNewModesTellsEveryMistake(t *testing.T) {
	_, err := policy.NewModes(map[string]string{
		"sender-disabled": "shadow", "none": "off", "recipient-full": "enforce", "recipient-frozen": "Warn",
	}, 550)
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`policy.rules: there is no rule "none"`,
		`policy.rules: recipient-frozen: "Warn" is not one of enforce, warn, shadow, off`,
		`policy.rules: there is no rule "recipient-full"`,
		"quota.full_code: 550 is not one of 552, 452",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestModesWith(t *testing.T) {
	before := modes(t, map[string]string{"sender-disabled": "off"}, 452)
	after := before.With(policy.SenderNotOwner, policy.Shadow)
	if before.Of(policy.SenderNotOwner) != policy.Enforce {
		t.Error("With changed what it was called on")
	}
	if after.Of(policy.SenderNotOwner) != policy.Shadow || after.Of(policy.SenderDisabled) != policy.Off {
		t.Errorf("modes %v and %v, want shadow and off", after.Of(policy.SenderNotOwner), after.Of(policy.SenderDisabled))
	}
}

// The names are promises, and so is their order.
func TestTable(t *testing.T) {
	want := []string{"sender-disabled", "sender-no-submit", "sender-local-only", "sender-over-quota", "sender-not-owner",
		"recipient-disabled", "recipient-frozen", "recipient-send-only", "recipient-over-quota"}
	var got []string
	for r := range policy.Rules() {
		got = append(got, r.Name)
		if int(r.ID) != len(got) {
			t.Errorf("%s stands at place %d with the ID %d", r.Name, len(got), r.ID)
		}
		if id, known := policy.RuleNamed(r.Name); !known || id != r.ID || id.String() != r.Name {
			t.Errorf("RuleNamed(%q) = %v, %v", r.Name, id, known)
		}
		if r.Doc == "" || r.Stages == 0 {
			t.Errorf("%s has no doc or no stage", r.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// A reply is one short line that Postfix passes on as it is.
func TestReplies(t *testing.T) {
	for r := policy.AccountDisabled; r <= policy.TemporaryFailure; r++ {
		text := r.String()
		if len(text) >= 200 || strings.ContainsAny(text, "\r\n@") {
			t.Errorf("%q is not a short line without an address", text)
		}
		code, status := text[:3], r.Status()
		want := map[policy.Action]string{policy.Reject: "5", policy.Defer: "4", policy.Fail: "4"}[r.Action()]
		if r != policy.TemporaryFailure && code[:1] != want || status[:2] != want+"." || !strings.Contains(status, " ") {
			t.Errorf("%q: code, status %q and action %v do not agree", text, status, r.Action())
		}
	}
	if policy.Dunno.String() != "DUNNO" || policy.Dunno.Status() != "" || policy.Dunno.Action() != policy.Pass {
		t.Errorf("Dunno is %q, %q, %v", policy.Dunno, policy.Dunno.Status(), policy.Dunno.Action())
	}
	if f := policy.Failed(); f.Reply.String() != "DEFER_IF_PERMIT 4.3.0 Account policy temporarily unavailable" || f.Action != policy.Fail {
		t.Errorf("Failed() = %v", f)
	}
}

// Explain and Decide are one evaluation, whatever the facts and modes.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, m := drawFacts(t), drawModes(t)
		steps, explained := policy.Explain(f, m)
		decided := policy.Decide(f, m)
		if explained != decided {
			t.Fatalf("Explain concludes %v, Decide %v", explained, decided)
		}
		last := policy.NoRule
		for _, s := range steps {
			if s.Rule != last+1 {
				t.Fatalf("step of %v behind that of %v", s.Rule, last)
			}
			last = s.Rule
			if s.Decides != (s.Rule == decided.Rule && decided.Action.Refuses()) {
				t.Fatalf("%v decides: %v, in %v", s.Rule, s.Decides, decided)
			}
			if (s.Mode == policy.Off || decided.Action.Refuses() && s.Rule > decided.Rule) && s.Asked {
				t.Fatalf("%v in mode %v was asked", s.Rule, s.Mode)
			}
		}
	})
}

// Whatever the modes, nothing is refused that the same rules enforced would
// let through, and a rule that is only watched changes no reply.
func TestModesOnlyWeaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, m := drawFacts(t), drawModes(t)
		weak, strict := policy.Decide(f, m), policy.Decide(f, &policy.Modes{})
		if weak.Action.Refuses() && !strict.Action.Refuses() {
			t.Fatalf("refused in modes %v: %v", m, weak)
		}
		off := *m
		silent := &off
		for r := range policy.Rules() {
			if mode := m.Of(r.ID); mode == policy.Warn || mode == policy.Shadow {
				silent = silent.With(r.ID, policy.Off)
			}
		}
		if policy.Decide(f, silent).Reply != weak.Reply {
			t.Fatalf("watching rules changes the reply %v", weak.Reply)
		}
	})
}

func drawModes(t *rapid.T) *policy.Modes {
	m := &policy.Modes{}
	for r := range policy.Rules() {
		m = m.With(r.ID, policy.Mode(rapid.IntRange(0, int(policy.ModeCount)-1).Draw(t, r.Name)))
	}
	return m
}

func drawFacts(t *rapid.T) *policy.Facts {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	few := func(name string) int { return rapid.IntRange(0, 2).Draw(t, name) }
	f := &policy.Facts{Stage: policy.Stage(rapid.IntRange(0, policy.StageCount-1).Draw(t, "stage"))}
	if f.Sender.Authenticated = flag("authenticated"); f.Sender.Authenticated {
		f.Sender.Known = flag("known")
		if f.Sender.Active = f.Sender.Known && flag("active"); f.Sender.Active {
			f.Sender.Scope = policy.Scope(rapid.IntRange(0, int(policy.Nowhere)).Draw(t, "scope"))
			f.Sender.Full, f.Sender.OwnsAddress = flag("full"), flag("owns")
		}
	}
	r := &f.Recipients
	r.Partial, r.Outside = flag("partial"), flag("outside")
	r.WithRoom, r.Full, r.FullInFlight, r.Deferring, r.Refusing = few("room"), few("full"), few("flight"), few("deferring"), few("refusing")
	if r.Refusing > 0 {
		r.FirstRefusal = rapid.SampledFrom([]policy.Standing{policy.RefusesDisabled, policy.RefusesMail}).Draw(t, "refusal")
	}
	return f
}

func TestFactsInWords(t *testing.T) {
	h := open(t)
	h.ask(t, &policy.Modes{}, from("localonly"), "outside")
	words := map[string]string{}
	for f := range h.facts.List() {
		words[f.Name] = f.Value
	}
	for name, want := range map[string]string{"stage": "rcpt", "sender may send to": "own domain", "targets with room": "1",
		"target outside the sender's domains": "true", "why no target takes it": "takes mail"} {
		if words[name] != want {
			t.Errorf("fact %q is %q, want %q", name, words[name], want)
		}
	}
}

func TestOwners(t *testing.T) {
	tests := []struct {
		address string
		want    []string
	}{
		{"alice@example.test", []string{"alice@example.test"}},
		{"al+x@example.test", []string{"alice@example.test"}},
		{"team@example.test", []string{"alice@example.test", "bob@example.test"}},
		{"nested@example.test", []string{"alice@example.test", "bob@example.test"}},
		{"writes@example.test", []string{"forward@example.test", "keep@example.test"}},
		{"mixed@example.test", []string{"alice@example.test", "disabled@example.test", "sendonly@example.test"}},
		{"outside@example.test", nil},
		{"nobody@example.test", nil},
		{"any@other.test", nil},
		{"x@elsewhere.test", nil},
	}
	d := open(t)
	for _, tt := range tests {
		users, err := policy.Owners(nil, d.View(), key(tt.address))
		var got []string
		for _, u := range users {
			got = append(got, string(u.Address()))
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("Owners(%s) = %v, %v, want %v", tt.address, got, err, tt.want)
		}
	}
}

func TestStanding(t *testing.T) {
	tests := []struct {
		address string
		want    policy.Standing
	}{
		{"alice@example.test", policy.Takes}, {"suspended@example.test", policy.Takes}, {"x@elsewhere.test", policy.Takes},
		{"discard@example.test", policy.Discards}, {"frozen@example.test", policy.Defers}, {"deferred@example.test", policy.Defers},
		{"carol@pending.test", policy.Defers}, {"carol@frozen.test", policy.Defers}, {"carol@closed.test", policy.RefusesDisabled},
		{"disabled@example.test", policy.RefusesDisabled}, {"archived@example.test", policy.RefusesDisabled},
		{"sendonly@example.test", policy.RefusesMail}, {"quiet@example.test", policy.RefusesMail}, {"nobody@example.test", policy.Nobody},
	}
	d := open(t)
	for _, tt := range tests {
		targets, err := d.View().Expand(nil, key(tt.address))
		if err != nil || len(targets) != 1 {
			t.Fatalf("Expand(%s) = %v, %v", tt.address, targets, err)
		}
		if got := policy.StandingOf(d.View(), targets[0]); got != tt.want {
			t.Errorf("%s %v, want %v", tt.address, got, tt.want)
		}
	}
}
