package adminsock_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// explaining is a rig whose rules are enforced, but for those of a map.
func explaining(t *testing.T, modes map[string]string) *rig {
	t.Helper()
	m, err := policy.NewModes(modes, 0)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, func(s *adminsock.Server) { s.Modes = func() *policy.Modes { return m } })
}

// query makes a query of names and values.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

func TestExplainRcpt(t *testing.T) {
	r := explaining(t, nil)
	tests := []struct {
		name  string
		query string
		want  string // result, rule, answer
	}{
		{"fine", query("recipient", "bob@example.test"), "dunno none DUNNO"},
		{"disabled", query("recipient", "disabled@example.test"), "reject recipient-disabled 550 5.2.1 Mailbox disabled"},
		{"send-only", query("recipient", "sendonly@example.test"), "reject recipient-send-only 550 5.2.1 This account does not receive mail"},
		{"full", query("recipient", "full@example.test"), "reject recipient-over-quota 552 5.2.2 Mailbox full"},
		{"fits", query("recipient", "busy@example.test", "size", "40000"), "dunno none DUNNO"},
		{"just does not fit", query("recipient", "busy@example.test", "size", "40001"), "reject recipient-over-quota 552 5.2.2 Mailbox full"},
		{"recipient rules about a state are asked at RCPT", query("recipient", "disabled@example.test", "end_of_message", "true"), "dunno none DUNNO"},
		{"full at the end of the message", query("recipient", "busy@example.test", "size", "40001", "end_of_message", "true"), "reject recipient-over-quota 552 5.2.2 Mailbox full"},
		{"local-only to the outside", query("recipient", "x@elsewhere.test", "login", "localonly@example.test"), "reject sender-local-only 550 5.7.1 This account may only send to its own domain"},
		{"local-only through an alias", query("recipient", "outside@example.test", "login", "localonly@example.test"), "reject sender-local-only 550 5.7.1 This account may only send to its own domain"},
		{"a login of nobody", query("recipient", "bob@example.test", "login", "gone@example.test"), "reject sender-disabled 550 5.7.1 Account disabled"},
		{"in the name of another", query("recipient", "bob@example.test", "login", "alice", "sender", "bob@example.test"), "reject sender-not-owner 553 5.7.1 This sender address does not belong to the account"},
		{"a login name stands for its address", query("recipient", "bob@example.test", "login", "alice"), "dunno none DUNNO"},
		{"in its own name", query("recipient", "bob@example.test", "login", "alice", "sender", "al+x@example.test"), "dunno none DUNNO"},
		{"the null sender", query("recipient", "bob@example.test", "login", "alice", "sender", "<>"), "dunno none DUNNO"},
		{"no address", query("recipient", "a@b@"), "dunno none DUNNO"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e command.Explanation
			r.ok("GET /v1/explain/rcpt"+tt.query, "", 200, &e)
			if got := e.Result + " " + e.Rule + " " + e.Answer; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			deciding := "none"
			for _, s := range e.Rules {
				if s.Decides {
					deciding = s.Rule
				}
			}
			if len(e.Rules) != int(policy.RuleCount)-1 || deciding != e.Rule {
				t.Errorf("%d steps, of which %s decides; the rule is %s", len(e.Rules), deciding, e.Rule)
			}
		})
	}
}

// Every fact that the rules read is shown, and who and what it comes from.
func TestExplainShowsTheFacts(t *testing.T) {
	r := explaining(t, nil)
	var e command.Explanation
	r.ok("GET /v1/explain/rcpt"+query("recipient", "somefull@example.test", "login", "AL@example.test", "sender", "team@example.test", "size", "7"), "", 200, &e)
	got := map[string]string{}
	var subjects []string
	for _, s := range e.Read {
		subjects = append(subjects, s.Subject)
		for _, f := range s.Facts {
			got[s.Subject+": "+f.Name] = f.Value
		}
	}
	wantSubjects := []string{"question", "login AL@example.test", "recipient somefull@example.test",
		"final target full@example.test", "final target bob@example.test", "what the rules see"}
	if diff := cmp.Diff(wantSubjects, subjects); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"question: stage": "rcpt", "question: MAIL FROM": "<team@example.test>", "question: size": "7",
		"login AL@example.test: is":                          "user alice@example.test",
		"login AL@example.test: MAIL FROM belongs to":        "alice@example.test, bob@example.test",
		"login AL@example.test: submit":                      "any",
		"recipient somefull@example.test: is":                "alias to full@example.test, bob@example.test",
		"recipient somefull@example.test: domain":            "example.test, active",
		"final target full@example.test: limit":              "97.66 KiB (100000 bytes)",
		"final target full@example.test: used":               "97.66 KiB (100000 bytes), reported 2026-11-22T12:00:00Z",
		"final target full@example.test: in flight":          "0 B",
		"final target full@example.test: 7 B more would fit": "no",
		"final target bob@example.test: standing":            "takes mail",
		"final target bob@example.test: limit":               "unlimited",
		"what the rules see: targets with room":              "1",
		"what the rules see: targets full":                   "1",
		"what the rules see: sender owns MAIL FROM":          "true",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

func TestExplainModes(t *testing.T) {
	r := explaining(t, map[string]string{"recipient-over-quota": "warn", "sender-not-owner": "off", "sender-disabled": "shadow"})
	var e command.Explanation
	r.ok("GET /v1/explain/rcpt"+query("recipient", "full@example.test", "login", "nobody@example.test"), "", 200, &e)
	if e.Result != "warn" || e.Rule != "recipient-over-quota" || e.Answer != "DUNNO" {
		t.Errorf("explained as %s %s %s, want a warning", e.Result, e.Rule, e.Answer)
	}
	got := map[string]command.RuleStep{}
	for _, s := range e.Rules {
		got[s.Rule] = s
	}
	for _, want := range []command.RuleStep{
		{Rule: "recipient-over-quota", Mode: "warn", Asked: true, Applies: true, Says: "552 5.2.2 Mailbox full"},
		{Rule: "sender-not-owner", Mode: "off"},
		{Rule: "sender-disabled", Mode: "shadow", Asked: true, Applies: true, Says: "550 5.7.1 Account disabled"},
		{Rule: "recipient-disabled", Mode: "enforce", Asked: true},
	} {
		if diff := cmp.Diff(want, got[want.Rule]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Rule, diff)
		}
	}
}

// Explaining reserves nothing and changes nothing.
func TestExplainOnlyReads(t *testing.T) {
	r := explaining(t, nil)
	before := r.dir.Revision()
	for range 3 {
		r.ok("GET /v1/explain/rcpt"+query("recipient", "busy@example.test", "size", "30000", "end_of_message", "true"), "", 200, nil)
		r.ok("GET /v1/explain/login"+query("name", "alice"), "", 200, nil)
	}
	busy := r.dir.View().User(mailaddr.KeyOf(testkit.Addr("busy@example.test"))).Mailbox()
	if n := r.ledger.Flight(busy, testkit.Noon); n != 0 || r.dir.Revision() != before {
		t.Errorf("%d bytes in flight at revision %d, want none at %d", n, r.dir.Revision(), before)
	}
	if fit := r.ledger.Fit(busy, 40_000, testkit.Limit, testkit.Noon); fit != quota.Fits {
		t.Errorf("Fit = %v", fit)
	}
}

func TestExplainLogin(t *testing.T) {
	r := start(t, nil)
	testkit.Update(t, r.dir, func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr("bob@example.test"), directory.AnyRevision, func(u *directory.UserFields) error {
			u.Credentials = nil
			return nil
		})
	})
	const common = "the common refusal, as for a wrong password"
	tests := []struct{ query, want string }{
		{query("name", "alice"), "ok none let in as alice@example.test, with the right password"},
		{query("name", "alice", "authzid", "al@example.test"), "ok none let in as alice@example.test, with the right password"},
		{query("name", "alice", "authzid", "bob@example.test"), "denied authorization-identity Not authorized (with the right password; else " + common + ")"},
		{query("name", "sendonly@example.test", "service", "imap"), "denied account-send-only This account can only send mail (with the right password; else " + common + ")"},
		{query("name", "sendonly@example.test", "service", "submission"), "ok none let in as sendonly@example.test, with the right password"},
		{query("name", "disabled@example.test"), "denied account-disabled Account disabled (with the right password; else " + common + ")"},
		{query("name", "alice", "service", "carrier-pigeon"), "denied service-unknown This service is not available (with the right password; else " + common + ")"},
		{query("name", "nobody@example.test"), "refused none " + common},
		{query("name", "bob@example.test"), "refused none " + common},
		{query("name", "a\tb"), "refused none " + common},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			var e command.Explanation
			r.ok("GET /v1/explain/login"+tt.query, "", 200, &e)
			if got := e.Result + " " + e.Rule + " " + e.Answer; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExplainNeedsItsSubject(t *testing.T) {
	r := explaining(t, nil)
	for path, field := range map[string]string{"/v1/explain/rcpt": "recipient", "/v1/explain/login": "name", "/v1/explain/rcpt?recipient=": "recipient", "/v1/explain/rcpt?recipient=a@b.test&size=-1": "size"} {
		if p := r.do("GET "+path, "").problem(t); p.Status != 422 || !strings.HasSuffix(p.Field, field) {
			t.Errorf("GET %s = %+v, want a refusal of %s", path, p, field)
		}
	}
}

func TestRules(t *testing.T) {
	m, err := policy.NewModes(map[string]string{"sender-not-owner": "shadow"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, func(s *adminsock.Server) {
		s.Modes = func() *policy.Modes { return m }
		s.RuleCounts = func() (n adminsock.RuleCounts) {
			n[policy.SenderNotOwner] = adminsock.RuleCount{Shadowed: 7}
			n[policy.RecipientOverQuota] = adminsock.RuleCount{Rejected: 3, Deferred: 1}
			return n
		}
	})
	var rules []command.Rule
	r.ok("GET /v1/rules", "", 200, &rules)
	if len(rules) != int(policy.RuleCount)-1 {
		t.Fatalf("%d rules", len(rules))
	}
	i := 0
	for rule := range policy.Rules() {
		if got := rules[i]; got.Rule != rule.Name || got.Order != i+1 || got.Applies == "" || len(got.Stages) == 0 {
			t.Errorf("rule %d = %+v, want %s", i, got, rule.Name)
		}
		i++
	}
	if got := rules[4]; got.Mode != "shadow" || got.Shadowed != 7 || got.Rejected != 0 {
		t.Errorf("sender-not-owner = %+v", got)
	}
	if got := rules[8]; got.Mode != "enforce" || got.Rejected != 3 || got.Deferred != 1 || len(got.Stages) != 2 {
		t.Errorf("recipient-over-quota = %+v", got)
	}
}
