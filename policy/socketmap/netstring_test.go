package socketmap

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// malformed are the queries that must get no reply.
var malformed = []struct {
	name, text string
	want       Malformation
}{
	{"no length", ":domains x,", BadLength},
	{"letters", "domains example.test\n", BadLength},
	{"a policy request", "request=smtpd_access_policy\n\n", BadLength},
	{"negative", "-1:a b,", BadLength},
	{"plus", "+3:a b,", BadLength},
	{"blank before", " 3:a b,", BadLength},
	{"blank behind", "3 :a b,", BadLength},
	{"leading zero", "03:a b,", BadLength},
	{"zeros", "00:,", BadLength},
	{"seven digits", "1000000:a b,", BadLength},
	{"digits without end", strings.Repeat("9", 7), BadLength},
	{"huge", "18446744073709551619:a b,", BadLength},
	{"over the limit", "10001:", TooLong},
	{"most digits", "999999:a b,", TooLong},
	{"length too small", "2:a b,", NoComma},
	{"newline for a comma", "3:a b\n", NoComma},
	{"empty", "0:,", NoKey},
	{"map alone", "7:domains,", NoKey},
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range malformed {
		t.Run(tt.name, func(t *testing.T) {
			query, n, err := decode([]byte(tt.text))
			if m, is := malformation(err); query != nil || n != 0 || !is || m != tt.want {
				t.Errorf("decode = %q, %d, %v, want %v", query, n, err, tt.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	longest := "m " + strings.Repeat("k", MaxQuery-2)
	tests := []struct {
		name, text, want string
		n                int
	}{
		{"query", "20:domains example.test,", "domains example.test", 24},
		{"two", "3:a b,3:c d,", "a b", 6},
		{"spaces in the key", "6:m a  b,", "m a  b", 9},
		{"empty key", "2:m ,", "m ", 5},
		{"comma and bytes in the key", "8:m ,:\x00\n\xffx,", "m ,:\x00\n\xffx", 11},
		{"longest", fmt.Sprintf("%d:%s,", MaxQuery, longest), longest, MaxQuery + 7},
		{"no comma yet", "3:a b", "", 0},
		{"no payload yet", "3:", "", 0},
		{"no colon yet", "3", "", 0},
		{"zero yet", "0", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query, n, err := decode([]byte(tt.text))
			if string(query) != tt.want || n != tt.n || err != nil {
				t.Errorf("decode = %.80q, %d, %v, want %.80q, %d", query, n, err, tt.want, tt.n)
			}
		})
	}
}

func TestWriter(t *testing.T) {
	var w writer
	for _, tt := range []struct {
		payload, want string
	}{
		{"OK x", "4:OK x,"},
		{"NOTFOUND ", "9:NOTFOUND ,"},
		{"0123456789", "10:0123456789,"},
		{strings.Repeat("x", 100_000), "100000:" + strings.Repeat("x", 100_000) + ","},
	} {
		w.begin(tt.payload)
		if got := string(w.end()); got != tt.want {
			t.Errorf("%.20q: %.40q, want %.40q", tt.payload, got, tt.want)
		}
	}
}

// Whatever query is written as a netstring is read back, and a part of it is
// never taken for the whole.
func TestDecodeIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z]{0,12}`).Draw(t, "map")
		query := append([]byte(name+" "), rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "key")...)
		var w writer
		w.begin(string(query))
		text := bytes.Clone(w.end())
		if got, n, err := decode(append(text, "9:next"...)); err != nil || n != len(text) || !bytes.Equal(got, query) {
			t.Fatalf("decode(%q) = %q, %d, %v", text, got, n, err)
		}
		part := text[:rapid.IntRange(1, len(text)-1).Draw(t, "part")]
		if got, n, err := decode(part); err != nil || n != 0 || got != nil {
			t.Fatalf("decode(%q), a part, = %q, %d, %v", part, got, n, err)
		}
	})
}

func TestAppendAddress(t *testing.T) {
	tests := []struct{ internal, want string }{
		{"alice@example.test", "alice@example.test"},
		{"a.b+c=d'e@example.test", "a.b+c=d'e@example.test"},
		{"a b@example.test", `"a b"@example.test`},
		{"a,b@example.test", `"a,b"@example.test`},
		{"a@b@example.test", `"a@b"@example.test`},
		{".a@example.test", `".a"@example.test`},
		{"a.@example.test", `"a."@example.test`},
		{"a..b@example.test", `"a..b"@example.test`},
		{`a"b\c@example.test`, `"a\"b\\c"@example.test`},
		{"josé@example.test", "josé@example.test"},
		{"x@xn--exmple-cua.test", "x@xn--exmple-cua.test"},
		{"@example.test", ""},
		{"nothing", ""},
		{"a\nb@example.test", ""},
	}
	for _, tt := range tests {
		got, ok := appendAddress(nil, []byte(tt.internal))
		if string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("appendAddress(%q) = %q, %v, want %q", tt.internal, got, ok, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range MalformationCount {
		seen[m.String()] = true
	}
	for m := range MapCount {
		seen[m.String()] = true
		if got := mapNamed([]byte(m.String())); got != m {
			t.Errorf("mapNamed(%s) = %v", m, got)
		}
	}
	for r := range ResultCount {
		seen[r.String()] = true
	}
	if want := int(MalformationCount) + int(MapCount) + int(ResultCount); len(seen) != want || seen[""] {
		t.Errorf("%d names, want %d: %v", len(seen), want, seen)
	}
}
