package mailaddr

import (
	"errors"
	"strings"
	"testing"
)

// The forms in which Postfix 3.7 was seen to send addresses: unquoted to
// policy servers, quoted first to socketmaps.
func TestAppendKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxKeyLocal)
	for name, test := range map[string]struct{ raw, want, local, domain string }{
		"plain":               {"alice@example.test", "alice@example.test", "alice", "example.test"},
		"client's case":       {"ALICE@EXAMPLE.test", "alice@example.test", "alice", "example.test"},
		"root dot kept by us": {"alice@example.test.", "alice@example.test", "alice", "example.test"},
		"internal blank":      {"a b@example.test", "a b@example.test", "a b", "example.test"},
		"quoted blank":        {`"A b"@example.test`, "a b@example.test", "a b", "example.test"},
		"quoted for nothing":  {`"alice"@example.test`, "alice@example.test", "alice", "example.test"},
		"quoted escapes":      {`"a\"\\\b"@example.test`, `a"\b@example.test`, `a"\b`, "example.test"},
		"internal at sign":    {"x@other@example.test", "x@other@example.test", "x@other", "example.test"},
		"quoted at sign":      {`"x@other"@example.test`, "x@other@example.test", "x@other", "example.test"},
		"at sign first":       {"@x@example.test", "@x@example.test", "@x", "example.test"},
		"one quote":           {`"@example.test`, `"@example.test`, `"`, "example.test"},
		"quote first":         {`"a@example.test`, `"a@example.test`, `"a`, "example.test"},
		"quote last":          {`a"@example.test`, `a"@example.test`, `a"`, "example.test"},
		"control bytes":       {"a\x01\x7f\x00@example.test", "a\x01\x7f\x00@example.test", "a\x01\x7f\x00", "example.test"},
		"percent hack":        {"user%other@example.test", "user%other@example.test", "user%other", "example.test"},
		"UTF-8":               {"ÜSER@example.test", "üser@example.test", "üser", "example.test"},
		"UTF-8, quoted":       {`"Ü r"@example.test`, "ü r@example.test", "ü r", "example.test"},
		"U-label":             {"a@Bücher.example.", "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example"},
		"A-label":             {"a@XN--BCHER-kva.example", "a@xn--bcher-kva.example", "a", "xn--bcher-kva.example"},
		"literal":             {"a@[127.0.0.1]", "a@[127.0.0.1]", "a", "[127.0.0.1]"},
		"longest":             {long + "@example.test", long + "@example.test", long, "example.test"},
		"longest, quoted":     {`"` + strings.Repeat(`\x`, maxKeyLocal) + `"@example.test`, long + "@example.test", long, "example.test"},
	} {
		t.Run(name, func(t *testing.T) {
			k, out, err := AppendKey([]byte("before"), []byte(test.raw))
			if err != nil || string(k.Bytes()) != test.want || string(out) != "before"+test.want {
				t.Fatalf("AppendKey(%q) = %q, %q, %v, want %q", test.raw, k.Bytes(), out, err, test.want)
			}
			if string(k.Local()) != test.local || string(k.Domain()) != test.domain || string(k.DomainKey().Bytes()) != "@"+test.domain {
				t.Errorf("parts of %q: %q, %q, %q", k.Bytes(), k.Local(), k.Domain(), k.DomainKey().Bytes())
			}
		})
	}
}

func TestAppendKeyRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw  string
		want error
	}{
		"nothing":            {"", ErrNoDomain},
		"no domain":          {"postmaster", ErrNoDomain},
		"nothing after at":   {"a@", ErrNoDomain},
		"root only":          {"a@.", ErrNoDomain},
		"no local part":      {"@example.test", ErrEmpty},
		"no text in quotes":  {`""@example.test`, ErrEmpty},
		"quote in quotes":    {`"a"b"@example.test`, ErrQuoting},
		"backslash at end":   {`"a\"@example.test`, ErrQuoting},
		"not UTF-8":          {"a\xff@example.test", ErrInvalidUTF8},
		"not UTF-8, quoted":  {"\"a\xff\"@example.test", ErrInvalidUTF8},
		"not UTF-8, domain":  {"a@\xff.test", ErrInvalidUTF8},
		"bad U-label":        {"a@-ü.test", ErrDomain},
		"long local part":    {strings.Repeat("x", maxKeyLocal+1) + "@example.test", ErrTooLong},
		"endless local part": {strings.Repeat("x", 1<<16) + "@example.test", ErrTooLong},
		"growing local part": {strings.Repeat("\u0149", maxKeyLocal/2) + "@example.test", ErrTooLong},
		"long domain":        {"a@" + strings.Repeat("x", maxDomain+1), ErrTooLong},
		"endless domain":     {"a@" + strings.Repeat("ü.", 1<<15), ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			k, out, err := AppendKey([]byte("before"), []byte(test.raw))
			if !errors.Is(err, test.want) || !k.IsZero() || string(out) != "before" {
				t.Errorf("AppendKey(%.40q) = %q, %q, %v, want %v", test.raw, k.Bytes(), out, err, test.want)
			}
		})
	}
}

func TestAppendDomainKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw, want string
		err       error
	}{
		"plain":    {"Example.TEST.", "@example.test", nil},
		"U-label":  {"bücher.example", "@xn--bcher-kva.example", nil},
		"nothing":  {"", "", ErrNoDomain},
		"address":  {"x@example.test", "", ErrDomain}, // would read as the address "@x"@example.test
		"too long": {strings.Repeat("x", 300), "", ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			k, _, err := AppendDomainKey(nil, []byte(test.raw))
			if !errors.Is(err, test.err) || string(k.Bytes()) != test.want {
				t.Fatalf("AppendDomainKey(%.40q) = %q, %v, want %q, %v", test.raw, k.Bytes(), err, test.want, test.err)
			}
			if err == nil && (len(k.Local()) != 0 || string(k.DomainKey().Bytes()) != test.want || string(k.Domain()) != test.want[1:]) {
				t.Errorf("parts of %q: %q, %q", k.Bytes(), k.Local(), k.Domain())
			}
		})
	}
}

func TestAppendLoginKey(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw, want string
		err       error
	}{
		"name":         {"Alice", "alice", nil},
		"odd name":     {"-x y+z", "-x y+z", nil},
		"UTF-8":        {"Ünal", "ünal", nil},
		"address":      {"Alice@Example.test", "alice@example.test", nil},
		"domain":       {"@example.test", "", ErrEmpty},
		"nothing":      {"", "", ErrEmpty},
		"control byte": {"ali\tce", "", ErrControl},
		"NUL":          {"alice\x00", "", ErrControl},
		"not UTF-8":    {"alice\xff", "", ErrInvalidUTF8},
		"65 octets":    {strings.Repeat("a", 65), "", ErrTooLong},
		"endless":      {strings.Repeat("a", 1<<16), "", ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			k, _, err := AppendLoginKey(nil, []byte(test.raw))
			if !errors.Is(err, test.err) || string(k.Bytes()) != test.want {
				t.Errorf("AppendLoginKey(%.40q) = %q, %v, want %q, %v", test.raw, k.Bytes(), err, test.want, test.err)
			}
		})
	}
	k, _, _ := AppendLoginKey(nil, []byte("alice"))
	if string(k.Local()) != "alice" || k.Domain() != nil || !k.DomainKey().IsZero() {
		t.Errorf("parts of a login key: %q, %q, %q", k.Local(), k.Domain(), k.DomainKey().Bytes())
	}
}

func TestAppendBase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw, delimiters, base, detail string
		ok                            bool
	}{
		"detail":                {"alice+lists@x.test", "+", "alice@x.test", "lists", true},
		"first delimiter":       {"alice+a+b@x.test", "+", "alice@x.test", "a+b", true},
		"empty detail":          {"alice+@x.test", "+", "alice@x.test", "", true},
		"either delimiter":      {"alice-a+b@x.test", "+-", "alice@x.test", "a+b", true},
		"at sign in the detail": {"alice+a@b@x.test", "+", "alice@x.test", "a@b", true},
		"none":                  {"alice@x.test", "+", "", "", false},
		"only in the domain":    {"alice@x-y.test", "-", "", "", false},
		"delimiter first":       {"+x@x.test", "+", "", "", false},
		"first and again":       {"+x+y@x.test", "+", "", "", false},
		"no delimiters":         {"alice+a@x.test", "", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			k, buf, err := AppendKey(nil, []byte(test.raw))
			if err != nil {
				t.Fatal(err)
			}
			base, out, detail, ok := k.AppendBase(buf, test.delimiters)
			if ok != test.ok || string(base.Bytes()) != test.base || string(detail) != test.detail || string(out) != test.raw+test.base {
				t.Errorf("AppendBase(%q, %q) = %q, %q, %t, want %q, %q, %t", test.raw, test.delimiters, base.Bytes(), detail, ok, test.base, test.detail, test.ok)
			}
			if ok && string(base.DomainKey().Bytes()) != "@x.test" {
				t.Errorf("domain of %q = %q", base.Bytes(), base.DomainKey().Bytes())
			}
		})
	}
}

func TestAppendBaseOfOthers(t *testing.T) {
	t.Parallel()
	domain, _, _ := AppendDomainKey(nil, []byte("a+b"))
	login, _, _ := AppendLoginKey(nil, []byte("a+b"))
	for name, k := range map[string]Key{"domain": domain, "login name": login, "zero": {}} {
		if base, _, _, ok := k.AppendBase(nil, "+"); ok || !base.IsZero() {
			t.Errorf("AppendBase of a %s key = %q, want none", name, base.Bytes())
		}
	}
}

func TestKeysOfValues(t *testing.T) {
	t.Parallel()
	a, _ := Parse(`"a@b"@example.test`)
	n, _ := ParseLoginName("alice")
	for want, k := range map[string]Key{"a@b@example.test": KeyOf(a), "@example.test": a.Domain().Key(), "alice": n.Key()} {
		if string(k.Bytes()) != want {
			t.Errorf("key = %q, want %q", k.Bytes(), want)
		}
	}
	if k := KeyOf(a); string(k.Local()) != "a@b" || string(k.Domain()) != "example.test" {
		t.Errorf("parts of %q: %q, %q", k.Bytes(), k.Local(), k.Domain())
	}
	if !KeyOf(Addr{}).IsZero() || !(Domain{}).Key().IsZero() || !(LoginName{}).Key().IsZero() {
		t.Error("keys of zero values are not zero")
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"a@b@example.test", "@example.test", "alice", ""} {
		k := Canonical([]byte(b))
		if string(k.Bytes()) != b || string(k.Local())+string(k.DomainKey().Bytes()) != b || k.IsZero() != (b == "") {
			t.Errorf("Canonical(%q): %q, local part %q, domain %q", b, k.Bytes(), k.Local(), k.Domain())
		}
	}
}

func TestKeysDoNotAllocate(t *testing.T) {
	raw := []byte("Alice.Example+Lists@Mail.Example.TEST.")
	quoted := []byte(`"Alice Example"@mail.example.test`)
	allocs := testing.AllocsPerRun(100, func() {
		var buf [2 * MaxKey]byte
		k, out, err := AppendKey(buf[:0], raw)
		base, out, _, ok := k.AppendBase(out, "+")
		login, out, err2 := AppendLoginKey(out, quoted)
		domain, _, err3 := AppendDomainKey(out, k.Domain())
		if err != nil || err2 != nil || err3 != nil || !ok || base.DomainKey().IsZero() || login.IsZero() || domain.IsZero() {
			t.Fatal("a key was refused")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a lookup, want 0", allocs)
	}
}

func TestMaxKeyIsEnough(t *testing.T) {
	raw := []byte(strings.Repeat("x", maxKeyLocal) + "@" + domainOf(maxDomain))
	buf := make([]byte, 0, MaxKey)
	k, out, err := AppendKey(buf, raw)
	if err != nil || len(k.Bytes()) != MaxKey || &out[0] != &buf[:1][0] {
		t.Errorf("AppendKey of the longest address: %d bytes, %v, want %d in the same buffer", len(k.Bytes()), err, MaxKey)
	}
}

func BenchmarkAppendKey(b *testing.B) {
	for name, raw := range map[string]string{"ascii": "alice.example@mail.example.test", "capitals": "Alice.Example@Mail.Example.TEST", "quoted": `"alice example"@mail.example.test`, "utf8": "Üser@example.test", "ulabel": "user@bücher.example"} {
		b.Run(name, func(b *testing.B) {
			in := []byte(raw)
			var buf [MaxKey]byte
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := AppendKey(buf[:0], in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendBase(b *testing.B) {
	k, _, _ := AppendKey(nil, []byte("alice.example+lists@mail.example.test"))
	var buf [MaxKey]byte
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, ok := k.AppendBase(buf[:0], "+"); !ok {
			b.Fatal("no detail")
		}
	}
}
