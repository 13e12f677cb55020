package directory

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

var update = flag.Bool("update", false, "write the golden records anew (only before a format is released)")

var sameValues = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

func addr(t testing.TB, text string) mailaddr.Addr {
	t.Helper()
	a, err := mailaddr.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func domain(t testing.TB, text string) mailaddr.Domain {
	t.Helper()
	d, err := mailaddr.ParseDomain(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func everyUserField(t testing.TB) UserFields {
	login, err := mailaddr.ParseLoginName("alice")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0).UTC()
	return UserFields{
		Address: addr(t, "alice@example.test"), DisplayName: "Alice Ärmel", LoginName: login,
		Addresses: []mailaddr.Addr{addr(t, "al@example.test"), addr(t, "a.b@other.test")},
		State:     Frozen,
		Switches: Switches{Services: IMAP | SMTP, Submit: SubmitListed, Receive: ReceiveDefer,
			SubmitDomains: []mailaddr.Domain{domain(t, "example.test"), domain(t, "xn--r8jz45g.jp")}},
		Roles: RoleAdmin | RoleDomainAdmin, RoleDomains: []mailaddr.Domain{domain(t, "other.test")},
		Plan: "basic", Quota: Limit{Bytes: 500 << 20},
		Forward: []mailaddr.Addr{addr(t, "x@elsewhere.test")}, KeepCopy: true,
		Credentials: []Credential{
			{Kind: MainPassword, Services: AllServices, Hash: "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"},
			{Kind: AppPassword, Label: "phone", Services: IMAP, Expires: at, Hash: "{X}1"},
			{Kind: OneTimePassword, Services: IMAP | POP3, SingleUse: true, Expires: at, Hash: "{X}2"},
		},
		Profile:  Profile{Language: "de", Timezone: "Europe/Berlin", DateFormat: "yyyy-mm-dd", Recovery: "me@home.test"},
		Revision: 1<<48 - 1, CreatedRevision: 77, Created: at,
	}
}

// goldens are records of every kind with every field, as format 1 writes them.
func goldens(t testing.TB) map[string][]byte {
	u := everyUserField(t)
	plain := UserFields{Address: u.Address, Switches: DefaultSwitches(), Quota: InheritLimit, Revision: 1, CreatedRevision: 1}
	a := AliasFields{Address: u.Address, Targets: []mailaddr.Addr{addr(t, `"a b"@example.test`), addr(t, "bob@example.test")}, Revision: 3, CreatedRevision: 2, Created: u.Created}
	d := DomainFields{Domain: domain(t, "example.test"), State: DomainFrozen, Quota: Limit{}, CatchAll: u.Address, Plan: "basic",
		MaxUsers: 10, MaxAliases: 20, MaxBytes: 1 << 40, Permanent: true, Revision: 5, CreatedRevision: 4, Created: u.Created}
	return map[string][]byte{
		"user": u.encode(), "user-plain": plain.encode(), "alias": a.encode(), "domain": d.encode(),
		"address": encodePointer(KindAddress, u.Address, 9), "login": encodePointer(KindLogin, u.Address, 9), "tombstone": encodeTombstone(9),
	}
}

// A record that a released version wrote must be read for ever.
func TestGoldenRecords(t *testing.T) {
	for name, value := range goldens(t) {
		file := filepath.Join("testdata", "format1", name+".hex")
		if *update {
			if err := os.WriteFile(file, []byte(hex.EncodeToString(value)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(value, want) {
			t.Errorf("%s encodes as\n%x, want\n%x", name, value, want)
		}
		if err := checkValue(want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeIsInverse(t *testing.T) {
	u := everyUserField(t)
	got, err := decodeUser("alice@example.test", u.encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(u, got, sameValues, cmp.AllowUnexported(mailaddr.Addr{}, mailaddr.Domain{}, mailaddr.LoginName{})); diff != "" {
		t.Errorf("decode(encode(user)) (-want +got):\n%s", diff)
	}
	for name, decode := range map[string]func([]byte) ([]byte, error){
		"alias": func(b []byte) ([]byte, error) {
			a, err := decodeAlias("alice@example.test", b)
			return a.encode(), err
		},
		"domain": func(b []byte) ([]byte, error) {
			d, err := decodeDomain("@example.test", b)
			return d.encode(), err
		},
	} {
		value := goldens(t)[name]
		if again, err := decode(value); err != nil || !bytes.Equal(again, value) {
			t.Errorf("%s: encode(decode(x)) = %x, %v, want %x", name, again, err, value)
		}
	}
}

// The hot accessors of a record agree with the decoded fields.
func TestRecordAccessors(t *testing.T) {
	u := everyUserField(t)
	u.State = Active
	r := Record{appendRecord(nil, 42, []byte("alice@example.test"), u.encode())}.User()
	if r.Mailbox() != 42 || r.Revision() != u.Revision || r.CreatedRevision() != 77 || string(r.Address()) != "alice@example.test" {
		t.Errorf("mailbox %d, revision %d, created %d, address %s", r.Mailbox(), r.Revision(), r.CreatedRevision(), r.Address())
	}
	if r.Services() != u.Switches.Services || r.Submit() != SubmitListed || r.Receive() != ReceiveDefer || !r.KeepCopy() {
		t.Errorf("services %v, submit %v, receive %v, keep copy %v", r.Services(), r.Submit(), r.Receive(), r.KeepCopy())
	}
	if n, inherit := r.Limit(); n != 500<<20 || inherit {
		t.Errorf("Limit = %d, %v, want %d, false", n, inherit, 500<<20)
	}
	if !r.SubmitsTo([]byte("xn--r8jz45g.jp")) || r.SubmitsTo([]byte("nowhere.test")) {
		t.Error("SubmitsTo is wrong")
	}
	var credentials []Credential
	for c := range r.Credentials() {
		credentials = append(credentials, c)
	}
	if diff := cmp.Diff(u.Credentials, credentials, sameValues); diff != "" {
		t.Errorf("Credentials (-want +got):\n%s", diff)
	}
	if string(r.LoginName()) != "alice" {
		t.Errorf("LoginName = %q, want alice", r.LoginName())
	}
	if strings.Contains(string(r.b), "Ärmel") {
		t.Error("the display name is in memory; it is a cold field")
	}
}

func TestCheckValueRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(v []byte) []byte
		want   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "too few"},
		{"another format", func(v []byte) []byte { v[0] = 2; return v }, "record format 2; this version of gatepost reads format 1"},
		{"an unknown kind", func(v []byte) []byte { v[1] = byte(kindEnd); return v }, "unknown kind"},
		{"an unknown state", func(v []byte) []byte { v[2] = byte(stateEnd); return v }, "unknown state"},
		{"an unknown switch", func(v []byte) []byte { v[3] = 0xf0; return v }, "unknown switch"},
		{"a cut field", func(v []byte) []byte { return v[:len(v)-1] }, "ends in the middle"},
		{"a field of another kind", func(v []byte) []byte { v[headerSize] = byte(tagTarget); return v }, "is not one of a user"},
		{"a wrong end of the hot fields", func(v []byte) []byte { v[18]++; return v }, "wrong side"},
		{"hot fields longer than the record", func(v []byte) []byte { v[20] = 1; return v }, "in a record of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := everyUserField(t)
			err := checkValue(c.change(u.encode()))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("checkValue = %v, want an error with %q", err, c.want)
			}
		})
	}
}

// Bytes that pass checkValue are safe for every accessor, and what decodes
// encodes to the same bytes or is refused.
func FuzzRecord(f *testing.F) {
	for _, value := range goldens(f) {
		f.Add("alice@example.test", value)
		f.Add("@example.test", value)
	}
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		if checkRecord([]byte(key), value) != nil {
			return
		}
		r := Record{appendRecord(nil, 1, []byte(key), value)}
		r.Owner()
		for range leads(r) {
		}
		if u := r.User(); u.Exists() {
			u.Limit()
			u.Services()
			u.Submit()
			u.Receive()
			for range u.Credentials() {
			}
			if fields, err := decodeUser(key, value); err == nil {
				if again, err := decodeUser(key, fields.encode()); err != nil || !bytes.Equal(again.encode(), fields.encode()) {
					t.Errorf("decode(encode(x)) of %x: %v", value, err)
				}
			}
		}
		if a, err := decodeAlias(key, value); err == nil {
			if again, err := decodeAlias(key, a.encode()); err != nil || !bytes.Equal(again.encode(), a.encode()) {
				t.Errorf("decode(encode(x)) of %x: %v", value, err)
			}
		}
		if d, err := decodeDomain(key, value); err == nil {
			if again, err := decodeDomain(key, d.encode()); err != nil || !bytes.Equal(again.encode(), d.encode()) {
				t.Errorf("decode(encode(x)) of %x: %v", value, err)
			}
		}
	})
}
