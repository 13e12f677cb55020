package login

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/testkit"
)

// What is explained is what happens: for every user, service and identity.
func TestExplainAgrees(t *testing.T) {
	r := newRig(t, Options{})
	var names []string
	for _, kind := range directory.Kinds() {
		for record := range r.directory.View().All(kind) {
			names = append(names, string(record.Key()))
		}
	}
	for _, name := range append(names, "nobody@example.test", "", "a\tb", "alice+x@example.test") {
		for _, service := range Services() {
			for _, authzid := range []string{"", "alice@example.test"} {
				a := attempt(service, name, right)
				a.Authzid = []byte(authzid)
				o := r.Check(t.Context(), a)
				e := Explain(r.directory.View(), Question{service, []byte(name), []byte(authzid)}, testkit.Noon)
				if e.Result != o.Result || e.Rule != o.Rule {
					t.Errorf("%q at %v as %q: explained as %v %v, decided %v %v", name, service, authzid, e.Result, e.Rule, o.Result, o.Rule)
				}
			}
		}
	}
}

func TestExplainSteps(t *testing.T) {
	r := newRig(t, Options{})
	e := Explain(r.directory.View(), Question{Service: IMAP, Name: []byte("sendonly@example.test")}, testkit.Noon)
	var got []string
	for _, s := range e.Steps {
		got = append(got, fmt.Sprint(s.Rule.Name, " ", s.Asked, " ", s.Applies))
	}
	want := []string{
		"authorization-identity true false", "service-unknown true false", "domain-disabled true false", "account-disabled true false",
		"account-send-only true true", "service-disabled false false", "no-submission false false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if string(e.User.Address()) != "sendonly@example.test" || string(e.Domain.Name()) != "example.test" {
		t.Errorf("explained %q in %q", e.User.Address(), e.Domain.Name())
	}
}

func TestExplainCredentials(t *testing.T) {
	r := newRig(t, Options{})
	random := password.HashRandom(password.Random())
	r.change(t, "bob", func(u *directory.UserFields) {
		u.Credentials = []directory.Credential{
			{Kind: directory.MainPassword, Services: directory.AllServices, Hash: testkit.PasswordHash},
			{Kind: directory.AppPassword, Label: "phone", Services: directory.IMAP, Hash: random},
			{Kind: directory.AppPassword, Label: "scanner", Services: directory.SMTP, Hash: random},
			{Kind: directory.AppPassword, Label: "odd", Services: directory.AllServices, Hash: testkit.PasswordHash},
			{Kind: directory.OneTimePassword, Label: "old", Services: directory.AllServices, Hash: random, Expires: testkit.Noon},
			{Kind: directory.OneTimePassword, Label: "new", Services: directory.AllServices, Hash: random, Expires: testkit.Noon.Add(time.Second)},
		}
	})
	e := Explain(r.directory.View(), Question{Service: IMAP, Name: []byte("bob@example.test")}, testkit.Noon)
	var got []string
	for _, m := range e.Credentials {
		if m.Hash != "" {
			t.Errorf("the hash of %s is shown", m.Label)
		}
		got = append(got, fmt.Sprintf("%s %s %v %s", m.Kind, m.Label, m.Compared, m.Why))
	}
	want := []string{
		"password  true ", "app-password phone true ", "app-password scanner false not for this service",
		"app-password odd false its hash is of a scheme that such a password cannot have",
		"one-time-password old false expired", "one-time-password new true ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

// Nobody without a password comes as far as to a rule.
func TestExplainWithoutPassword(t *testing.T) {
	r := newRig(t, Options{})
	r.change(t, "disabled", func(u *directory.UserFields) { u.Credentials = nil })
	e := Explain(r.directory.View(), Question{Service: IMAP, Name: []byte("disabled@example.test")}, testkit.Noon)
	if e.Result != Refused || e.Rule != nil {
		t.Errorf("Explain = %v %v, want refused by no rule", e.Result, e.Rule)
	}
}
