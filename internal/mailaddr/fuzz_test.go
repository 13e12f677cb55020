package mailaddr

import (
	"bytes"
	"errors"
	"testing"
)

// seeds are the address forms of the tables, and what broke other parsers.
var seeds = []string{
	"alice@example.test", "ALICE@EXAMPLE.TEST.", `"a b"@example.test`, `"a\"\\b"@example.test`, `"\"a\""@example.test`,
	"x@y@example.test", "Üser@bücher.example", "U\u0308@例え。jp", "a@xn--bcher-kva.example", "a@[127.0.0.1]", "a@127.0.0.1",
	"@example.test", `""@example.test`, `"a@example.test`, "a..b@example.test", "a+b-c@example.test", "\u0130\u1fb3\u0345@x", "\u13a0\uab70@x",
	"a\x00\x01@x", "a\xff@x", "postmaster", "", "@", `"`, `"@`, `"\`, "a@-", "a@.", "a@b..", "a＠b@c＠d", "<a@b>", "a@ab--cd.test", "a@xn--a",
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		mailbox, mailboxErr := ParseMailbox(s)
		a, err := Parse(s)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Byte > len(s) || len(err.Error()) > 400 || !a.IsZero() || mailboxErr == nil {
				t.Fatalf("Parse(%+q) = %+q, %v; ParseMailbox: %v", s, a, err, mailboxErr)
			}
			return
		}
		checkAddr(t, a)
		if k, _, err := AppendKey(nil, []byte(s)); err != nil || string(k.Bytes()) != a.Internal() {
			t.Fatalf("AppendKey(%+q) = %+q, %v, but Parse gives %+q", s, k.Bytes(), err, a.Internal())
		}
		if mailboxErr == nil && (mailbox != a || scanConservative("", a.Local()) != nil) {
			t.Fatalf("ParseMailbox(%+q) = %+q, but Parse gives %+q", s, mailbox, a)
		}
	})
}

func FuzzAppendKey(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		given := bytes.Clone(raw)
		for name, appendKey := range map[string]func(dst, raw []byte) (Key, []byte, error){
			"AppendKey": AppendKey, "AppendDomainKey": AppendDomainKey, "AppendLoginKey": AppendLoginKey,
		} {
			k, out, err := appendKey([]byte("before"), raw)
			if !bytes.Equal(raw, given) {
				t.Fatalf("%s(%+q) changed its input", name, given)
			}
			if err != nil {
				if string(out) != "before" || !k.IsZero() {
					t.Fatalf("%s(%+q) = %+q, %+q beside %v", name, raw, k.Bytes(), out, err)
				}
				continue
			}
			checkKey(t, k)
			// A key read as an address is itself, unless it looks quoted, or
			// lost one of several root dots.
			if again, _, err := AppendKey(nil, k.Bytes()); name == "AppendKey" && !isQuoted(k.Local()) && !bytes.HasSuffix(k.Bytes(), []byte(".")) &&
				(err != nil || !bytes.Equal(again.Bytes(), k.Bytes())) {
				t.Fatalf("AppendKey(%+q) = %+q, %v, want it back", k.Bytes(), again.Bytes(), err)
			}
		}
	})
}

func FuzzParseDomain(f *testing.F) {
	for _, s := range []string{"example.test", "EXAMPLE.Test.", "bücher.example", "例え。jp", "xn--bcher-kva.example", "[::1]", "192.0.2.1", "a..b", "-a", "straße.example", "ａ．ｂ", "xn--a", "א.test", "xn--zca.test"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDomain(s)
		if err != nil {
			return
		}
		for _, form := range []string{d.String(), d.Unicode()} {
			if again, err := ParseDomain(form); err != nil || again != d {
				t.Fatalf("ParseDomain(%+q) = %q, %v, want %q", form, again, err, d)
			}
			if k, _, err := AppendDomainKey(nil, []byte(form)); err != nil || string(k.Bytes()) != d.Internal() {
				t.Fatalf("AppendDomainKey(%+q) = %q, %v, want %q", form, k.Bytes(), err, d.Internal())
			}
		}
	})
}
