package authsock

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

// recorded are the accounts of the recordings that exist here too, with their
// passwords; the others were states of the prototype that gatepost does not
// have, and are unknown.
var recorded = map[string]map[string]string{
	"dovecot": {
		"alice": "alicepw", "admin": "adminpw", "bob": "bobpw", "bob2": "bobpw", "carol": "carolpw", "dave": "davepw",
		"slow5": "pw", "slow40": "pw", "sz": "pw", "warn": "pw", "over": "pw", "br": "brpw", "close": "pw",
	},
	"postfix": {"alice": "secret", "disabled": "secret", "sendonly": "secret"},
}

// stage is a rig with the accounts of the recordings, all with a limit of 20 KiB.
func stage(t *testing.T, accounts map[string]string) *rig {
	return newRig(t, func(r *rig) {
		r.ledger = &quota.Ledger{}
		r.directory = testkit.Open(t, &testkit.Store{}, r.ledger)
		testkit.Update(t, r.directory, func(tx *directory.Tx) error {
			if err := tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.Limit{Bytes: 20480}}); err != nil {
				return err
			}
			for name, secret := range accounts {
				if err := tx.CreateUser(account(t, name, secret)); err != nil {
					return err
				}
			}
			return nil
		})
		r.wire(t, -1)
	})
}

func account(t *testing.T, name, secret string) directory.UserFields {
	hash, err := password.Hash(password.SHA512Crypt, password.Secret(secret))
	if err != nil {
		t.Fatal(err)
	}
	u := directory.UserFields{
		Address: testkit.Addr(name + "@example.test"), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit,
		Credentials: []directory.Credential{{Services: directory.AllServices, Hash: hash}},
	}
	switch name {
	case "bob2", "disabled":
		u.State = directory.Disabled
	case "sendonly":
		u.Switches.Services, u.Switches.Receive = directory.SMTP, directory.ReceiveReject
	}
	return u
}

// Every recorded connection of Dovecot 2.3, 2.4 and Postfix is played again,
// byte for byte. Each request gets exactly one reply, which the player sees to;
// the reply is the recorded one where that is what gatepost promises.
func TestReplay(t *testing.T) {
	for from, load := range map[string]func() ([]*transcript.Dialogue, error){"dovecot": transcript.Dovecot, "postfix": transcript.Postfix} {
		dialogues, err := load()
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		r := stage(t, recorded[from])
		doors := map[transcript.Kind]doortest.Dial{transcript.Auth: doortest.Unix(t, r.server), transcript.Master: doortest.Unix(t, r.master)}
		for _, d := range dialogues {
			d.Conns = slices.DeleteFunc(d.Conns, func(c *transcript.Conn) bool { return doors[c.Kind] == nil })
			t.Run(from+"/"+d.Name, func(t *testing.T) {
				results := transcript.Play(t, d, func(k transcript.Kind) (net.Conn, error) { return doors[k]() })
				for _, result := range results {
					for _, e := range result.Exchanges {
						if promised(d.Name, e) {
							compared++
							compare(t, e)
						}
					}
				}
			})
		}
		if want := map[string]int{"dovecot": 120, "postfix": 10}[from]; compared < want {
			t.Errorf("%s: %d replies were compared, want at least %d", from, compared, want)
		}
	}
}

// wayward are dialogues in which the prototype did wrong on purpose: two of them
// did not know each other's logins, and users were lost between OK and REQUEST.
var wayward = []string{"fail-spid-mismatch", "doveadm-user-fail", "imap-userdb-fail", "imap-userdb-notfound"}

// promised reports whether the recorded reply, of a prototype that was made to
// do many things, is what gatepost documents.
func promised(dialogue string, e transcript.Exchange) bool {
	if e.Recorded == nil || slices.Contains(wayward, dialogue) {
		return false
	}
	line := string(e.Recorded)
	switch word, _, _ := strings.Cut(line, "\t"); word {
	case "OK":
		return strings.Contains(line, "user=") && !strings.Contains(line, "auth_user=") && !strings.Contains(line, "nologin")
	case "CONT", "CANCELLED", "PASS":
		return true
	case "FAIL":
		return strings.HasSuffix(line, "@example.test\n") && !strings.Contains(line, "bob@")
	case "USER", "NOTFOUND":
		return !strings.Contains(line, "master_user=") && !slices.ContainsFunc(
			[]string{"nouserdb", "weird", "tmp@", "reason@", "udbfail", "authz@", "q24", "dave2"}, // states of the prototype
			func(name string) bool { return strings.Contains(string(e.Request)+line, name) })
	}
	return false
}

// compare compares a reply with the recorded one. A USER has the fields before
// the quota in common, and those of the login behind it.
func compare(t *testing.T, e transcript.Exchange) {
	t.Helper()
	if bytes.Equal(e.Answered, e.Recorded) {
		return
	}
	if !bytes.HasPrefix(e.Recorded, []byte("USER\t")) {
		t.Errorf("%q answered\n %q, recorded\n %q", e.Request, e.Answered, e.Recorded)
		return
	}
	got, want := strings.Split(string(e.Answered), "\t"), strings.Split(strings.TrimSuffix(string(e.Recorded), "\n"), "\t")
	if !slices.Equal(got[:6], want[:6]) || got[6] != "quota_rule=*:bytes=20480" || strings.TrimSuffix(got[7], "\n") != "quota/User quota/storage_size=20480" {
		t.Errorf("%q answered\n %q, recorded\n %q", e.Request, e.Answered, e.Recorded)
	}
	for _, field := range []string{"\tauth_mech=PLAIN", "\tauth_mech=LOGIN", "\tauth_token="} {
		if strings.Contains(string(e.Answered), field) != strings.Contains(string(e.Recorded), field) {
			t.Errorf("%q answered %q, recorded %q: they differ in %q", e.Request, e.Answered, e.Recorded, field)
		}
	}
}
