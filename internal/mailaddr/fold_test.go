package mailaddr

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

func fold(t *testing.T, s string) string {
	t.Helper()
	b, err := appendFolded(nil, []byte(s))
	if err != nil {
		t.Errorf("appendFolded(%+q) failed: %v", s, err)
	}
	return string(b)
}

// marks are the combining marks with which case folding and composition meet
// in odd ways: the dot above (İ), the diaeresis and accents (ΐ), the iota
// below (ᾳ), and one that composes with nothing.
var marks = []string{"", "\u0307", "\u0308", "\u0301", "\u0345", "\u0308\u0301", "\u0345\u0301", "\u0301\u0345", "\u0327", "\u20dd"}

// folding yields every rune that folding or composing could change, and some
// more: unified ideographs and Hangul syllables are left out for their number.
func folding(yield func(rune) bool) {
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		if unicode.IsGraphic(r) && !unicode.In(r, unicode.Unified_Ideograph, unicode.Hangul) && !yield(r) {
			return
		}
	}
}

func TestFoldSettles(t *testing.T) {
	for r := range folding {
		for _, mark := range marks {
			given := string(r) + mark
			once := fold(t, given)
			if twice := fold(t, once); twice != once {
				t.Errorf("fold(fold(%+q)) = %+q, want %+q", given, twice, once)
			}
			if !norm.NFC.IsNormalString(once) {
				t.Errorf("fold(%+q) = %+q, want NFC", given, once)
			}
			if !unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.M) {
				break // has no case: a mark changes nothing
			}
		}
	}
}

// Postfix folds the keys of smtpd with ICU's full case folding, and does not
// normalise (casefold.c); cleanup sends what the client sent. Both must meet.
func TestFoldAgreesWithPostfix(t *testing.T) {
	icu := cases.Fold()
	for r := range folding {
		if client, smtpd := fold(t, string(r)), fold(t, icu.String(string(r))); client != smtpd {
			t.Errorf("fold(%+q) = %+q, but folded by Postfix first %+q", r, client, smtpd)
		}
	}
}

func TestFoldNormalForms(t *testing.T) {
	for name, test := range map[string]struct{ given, want string }{
		"ascii":                  {"Alice.B", "alice.b"},
		"umlaut composed":        {"\u00dcser", "\u00fcser"},
		"umlaut decomposed":      {"U\u0308ser", "\u00fcser"},
		"sharp s":                {"Stra\u00dfe", "strasse"},
		"capital sharp s":        {"\u1e9e", "ss"},
		"final sigma":            {"\u039d\u03af\u03ba\u03bf\u03c2", "\u03bd\u03af\u03ba\u03bf\u03c3"},
		"dotted capital i":       {"\u0130", "i\u0307"},
		"kelvin sign":            {"\u212a", "k"},
		"three code points to 1": {"\u0390", "\u0390"},
		"growing":                {"\u1fb3", "\u03b1\u03b9"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fold(t, test.given); got != test.want {
				t.Errorf("fold(%+q) = %+q, want %+q", test.given, got, test.want)
			}
		})
	}
}
