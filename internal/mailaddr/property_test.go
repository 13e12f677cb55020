package mailaddr

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkAddr holds what must be true of every address there is.
func checkAddr(t interface{ Fatalf(string, ...any) }, a Addr) {
	for _, form := range []string{a.String(), a.Internal(), a.Unicode()} {
		k, _, err := AppendKey(nil, []byte(form))
		if err != nil || string(k.Bytes()) != a.Internal() {
			t.Fatalf("AppendKey(%+q) = %+q, %v, want %+q", form, k.Bytes(), err, a.Internal())
		}
	}
	for _, form := range []string{a.String(), a.Unicode()} {
		if again, err := Parse(form); err != nil || again != a {
			t.Fatalf("Parse(%+q) = %+q, %v, want %+q", form, again.Internal(), err, a.Internal())
		}
	}
	if again, err := FromInternal(a.Internal()); err != nil || again != a {
		t.Fatalf("FromInternal(%+q) = %+q, %v, want it back", a.Internal(), again.Internal(), err)
	}
	if d, err := ParseDomain(a.Domain().String()); err != nil || d != a.Domain() {
		t.Fatalf("ParseDomain(%q) = %q, %v, want it back", a.Domain(), d, err)
	}
	if !bytes.Equal(KeyOf(a).DomainKey().Bytes(), a.Domain().Key().Bytes()) {
		t.Fatalf("domain of %+q is %q by key, %q by address", a.Internal(), KeyOf(a).DomainKey().Bytes(), a.Domain())
	}
}

// checkKey holds what must be true of every key there is.
func checkKey(t interface{ Fatalf(string, ...any) }, k Key) {
	b := k.Bytes()
	if len(b) == 0 || len(b) > MaxKey || !utf8.Valid(b) {
		t.Fatalf("key of %d bytes, want 1 to %d of UTF-8: %+q", len(b), MaxKey, b)
	}
	if whole := string(k.Local()) + string(k.DomainKey().Bytes()); whole != string(b) {
		t.Fatalf("parts of %+q give %+q", b, whole)
	}
	if base, _, detail, ok := k.AppendBase(nil, "+-"); ok {
		if len(base.Local()) == 0 || len(base.Bytes())+1+len(detail) != len(b) || !bytes.Equal(base.Domain(), k.Domain()) {
			t.Fatalf("base of %+q is %+q with detail %+q", b, base.Bytes(), detail)
		}
	}
}

var (
	wildLocal = rapid.StringOfN(rapid.OneOf(rapid.SampledFrom([]rune(`aZ0.+-_ @"\'=ßİK΅ᾳ`)), rapid.Rune()), 1, 30, 64)
	labels    = rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9]([a-zA-Z0-9]{0,5}[a-zA-Z0-9])?|bücher|例え|XN--BCHER-KVA`), 1, 4)
)

func TestAddressProperties(t *testing.T) {
	t.Parallel()
	valid := 0
	rapid.Check(t, func(t *rapid.T) {
		local, domain := wildLocal.Draw(t, "local"), ""
		for i, label := range labels.Draw(t, "labels") {
			if i > 0 {
				domain += "."
			}
			domain += label
		}
		given := quoteLocal(local) + "@" + domain
		a, err := Parse(given)
		if err != nil {
			return
		}
		valid++
		checkAddr(t, a)
		if k, _, err := AppendKey(nil, []byte(given)); err != nil || string(k.Bytes()) != a.Internal() {
			t.Fatalf("AppendKey(%+q) = %+q, %v, but Parse gives %+q", given, k.Bytes(), err, a.Internal())
		}
	})
	if valid < 10 {
		t.Errorf("only %d generated addresses were valid", valid)
	}
}

// TestPlainDomains: what is plain is what mapping would have made of it.
func TestPlainDomains(t *testing.T) {
	alphabet := []rune("abxn09-..-é")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.SampledFrom(alphabet), 1, 80, -1).Draw(t, "name")
		if !isPlain(s) {
			return
		}
		if d, err := mapDomain(s); err != nil || d.s != s {
			t.Errorf("mapDomain(%q) = %q, %v, but it is taken for plain", s, d.s, err)
		}
	})
	for name, plain := range map[string]bool{
		"example.org": true, "a": true, "xn--a.example": false, "ab--c.example": false, "1.2.3.4": false, "a.1": false, "1.a": true,
		"a..b": false, ".a": false, "a.": false, "": false, "-a": false, "a-": false, "a-.b": false, "A.b": false, "é.b": false,
		strings.Repeat("a", 64): false, strings.Repeat("a", 63) + ".b": true, strings.Repeat("a.", 127) + "a": false,
	} {
		if isPlain(name) != plain {
			t.Errorf("isPlain(%.20q) = %v", name, !plain)
		}
	}
}
