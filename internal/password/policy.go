package password

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Policy says which passwords may be set. The zero Policy takes every password
// of at least one character. It is asked wherever one is set in clear, by
// whatever way it comes; hashes from elsewhere cannot be judged.
type Policy struct {
	MinLength int // in characters (code points)
	MaxLength int // in bytes; 0 means MaxSecret, and more is never allowed
	Upper     bool
	Lower     bool
	Digit     bool
	Symbol    bool // anything printable that is neither letter nor digit, a blank too
}

// ParsePolicy returns a policy by name: classic8 or length8.
func ParsePolicy(name string) (Policy, error) {
	switch name {
	case "classic8":
		return Policy{MinLength: 8, Upper: true, Lower: true, Digit: true, Symbol: true}, nil
	case "length8":
		return Policy{MinLength: 8}, nil
	}
	return Policy{}, errors.New("unknown password policy; there are classic8 and length8")
}

// WeakError says everything that a password lacks and that it may not hold, in
// words for the one who chose it. It never holds the password.
type WeakError struct {
	Needs   []string // "at least 8 characters", "a symbol"
	Forbids []string // "control characters"
}

// Error reads "password needs at least 8 characters, an upper-case letter and
// a symbol; must not have control characters".
func (e *WeakError) Error() string {
	var parts []string
	if len(e.Needs) > 0 {
		parts = append(parts, "needs "+enumerate(e.Needs, "and"))
	}
	if len(e.Forbids) > 0 {
		parts = append(parts, "must not have "+enumerate(e.Forbids, "or"))
	}
	return "password " + strings.Join(parts, "; ")
}

// enumerate joins "a, b and c".
func enumerate(words []string, last string) string {
	n := len(words) - 1
	if n == 0 {
		return words[0]
	}
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

// Check returns nil or a *[WeakError].
func (p Policy) Check(s Secret) error {
	seen := look(s)
	e := WeakError{Needs: p.needs(seen), Forbids: p.forbids(seen, len(s))}
	if e.Needs == nil && e.Forbids == nil {
		return nil
	}
	return &e
}

func (p Policy) needs(seen features) (needs []string) {
	if low := max(p.MinLength, 1); seen.length < low {
		needs = append(needs, fmt.Sprintf("at least %d character%s", low, plural(low)))
	}
	for _, class := range []struct {
		wanted, has bool
		words       string
	}{
		{p.Upper, seen.upper, "an upper-case letter"},
		{p.Lower, seen.lower, "a lower-case letter"},
		{p.Digit, seen.digit, "a digit"},
		{p.Symbol, seen.symbol, "a symbol"},
	} {
		if class.wanted && !class.has {
			needs = append(needs, class.words)
		}
	}
	return needs
}

func (p Policy) forbids(seen features, size int) (forbids []string) {
	if high := p.maxLength(); size > high {
		forbids = append(forbids, fmt.Sprintf("more than %d bytes", high))
	}
	if seen.control { // SASL PLAIN ends at a NUL, an IMAP quoted string at a line break
		forbids = append(forbids, "control characters")
	}
	if seen.broken { // IMAP and RFC 4616 want UTF-8
		forbids = append(forbids, "bytes that are not UTF-8")
	}
	return forbids
}

func (p Policy) maxLength() int {
	if p.MaxLength <= 0 {
		return MaxSecret
	}
	return min(p.MaxLength, MaxSecret)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// features is what a policy can see of a password.
type features struct {
	length                      int // in code points
	upper, lower, digit, symbol bool
	control, broken             bool
}

func look(s Secret) (f features) {
	for rest := []byte(s); len(rest) > 0; f.length++ {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		switch {
		case r == utf8.RuneError: // broken here, or put in place of something broken on the way
			f.broken = true
		case unicode.IsControl(r):
			f.control = true
		case unicode.IsUpper(r):
			f.upper = true
		case unicode.IsLower(r):
			f.lower = true
		case unicode.IsDigit(r):
			f.digit = true
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			f.symbol = true
		}
	}
	return f
}
