package mailaddr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxLocal   = 64  // octets: RFC 5321 section 4.5.3.1.1
	maxAddress = 254 // octets: RFC 5321 section 4.5.3.1.3, a path of 256 less its brackets
	maxRaw     = 2048
)

// Parse checks an address that was typed: a dot-atom or a quoted local part,
// and a domain. It serves alias names and targets. Errors are of type
// [*SyntaxError].
func Parse(s string) (Addr, error) {
	return parse(s, splitAny)
}

// ParseMailbox checks a user's own address, whose local part is conservative
// because it becomes a path, a mask and a login: letters, digits, . _ - = '
// and non-ASCII letters with their marks; not starting with "." or "-", no
// "..", no "." at the end. Errors are of type [*SyntaxError].
func ParseMailbox(s string) (Addr, error) {
	return parse(s, splitMailbox)
}

// parse splits with the given grammar, then assembles.
func parse(s string, split func(string) (local string, domainAt int, err error)) (Addr, error) {
	switch {
	case s == "":
		return Addr{}, &SyntaxError{Part: "address", Reason: "empty", Err: ErrEmpty}
	case len(s) > maxRaw:
		return Addr{}, tooLong("address", len(s), maxAddress)
	}
	local, domainAt, err := split(s)
	if err != nil {
		return Addr{}, err
	}
	return assemble(local, s[domainAt:], domainAt)
}

// assemble makes an address of an unquoted local part and a domain, which
// began at domainAt of the string given.
func assemble(local, domain string, domainAt int) (Addr, error) {
	folded, err := canonicalLocal(local)
	if err != nil {
		return Addr{}, err
	}
	d, err := ParseDomain(domain)
	if e, ok := err.(*SyntaxError); ok {
		return Addr{}, e.shift(domainAt)
	}
	if n := len(folded) + 1 + len(d.s); n > maxAddress {
		return Addr{}, tooLong("address", n, maxAddress)
	}
	return Addr{folded + "@" + d.s}, nil
}

// canonicalLocal folds an unquoted local part and checks what comes out.
func canonicalLocal(local string) (string, error) {
	if local == "" {
		return "", &SyntaxError{Part: "local part", Reason: "empty", Err: ErrEmpty}
	}
	b, err := appendFolded(nil, []byte(local))
	if err != nil {
		return "", &SyntaxError{Part: "local part", Reason: err.Error(), Err: err}
	}
	folded := string(b)
	switch i := firstUnquotable(folded); {
	case i >= 0:
		return "", unexpected("local part", folded, i)
	case isQuoted(folded):
		return "", &SyntaxError{Part: "local part", Reason: "begins and ends with a double quote of its own", Err: ErrQuoting}
	case len(folded) > maxLocal:
		return "", tooLong("local part", len(folded), maxLocal)
	}
	return folded, nil
}

// splitAny splits after a dot-atom or a quoted string.
func splitAny(s string) (local string, domainAt int, err error) {
	if s[0] == '"' {
		return splitQuoted(s)
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", 0, &SyntaxError{Part: "address", Reason: `no "@"`, Err: ErrNoDomain}
	}
	if e := scanDotAtom(s[:at]); e != nil {
		return "", 0, e
	}
	return s[:at], at + 1, nil
}

// splitQuoted unquotes a quoted string: RFC 5321 section 4.1.2,
// Quoted-string, with RFC 6531's UTF-8.
func splitQuoted(s string) (local string, domainAt int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i + 2, checkAfterQuote(s, i+1)
		case '\\':
			if i++; i == len(s) {
				return "", 0, &SyntaxError{Part: "local part", Reason: "backslash with nothing after it", Byte: i, Err: ErrQuoting}
			}
		}
		if c := s[i]; c < ' ' || c == 0x7f {
			return "", 0, unexpected("local part", s, i)
		}
		b.WriteByte(s[i])
	}
	return "", 0, &SyntaxError{Part: "local part", Reason: "quoted string without its end", Err: ErrQuoting}
}

// checkAfterQuote wants an "@" at s[i].
func checkAfterQuote(s string, i int) error {
	switch {
	case i == len(s):
		return &SyntaxError{Part: "address", Reason: `no "@"`, Err: ErrNoDomain}
	case s[i] != '@':
		return unexpected("local part", s, i)
	}
	return nil
}

// splitMailbox splits after a conservative local part.
func splitMailbox(s string) (local string, domainAt int, err error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", 0, &SyntaxError{Part: "address", Reason: `no "@"`, Err: ErrNoDomain}
	}
	if e := scanConservative("local part", s[:at]); e != nil {
		return "", 0, e
	}
	return s[:at], at + 1, nil
}

// scanDotAtom finds the first byte that does not belong into a dot-atom.
func scanDotAtom(local string) *SyntaxError {
	if e := scanDots("local part", local); e != nil {
		return e
	}
	for i, r := range local {
		if !isAtext(r) && r != '.' || isBroken(local, i, r) {
			return unexpected("local part", local, i)
		}
	}
	return nil
}

// scanDots wants dots only between other characters.
func scanDots(part, s string) *SyntaxError {
	for i := range len(s) {
		if s[i] == '.' && (i == 0 || i == len(s)-1 || s[i-1] == '.') {
			return unexpected(part, s, i)
		}
	}
	return nil
}

// scanConservative finds the first character that a user's own local part or
// login name may not have.
func scanConservative(part, s string) *SyntaxError {
	if e := scanDots(part, s); e != nil {
		return e
	}
	for i, r := range s {
		if i == 0 && (r == '-' || unicode.IsMark(r)) || !isConservative(r) || isBroken(s, i, r) {
			return unexpected(part, s, i)
		}
	}
	return nil
}

// isBroken tells a byte that is not UTF-8 from a U+FFFD that was sent.
func isBroken(s string, i int, r rune) bool {
	if r != utf8.RuneError {
		return false
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	return size == 1
}

// isAtext is RFC 5321's atext, with RFC 6531's UTF-8 as far as it is visible.
func isAtext(r rune) bool {
	if r >= utf8.RuneSelf {
		return unicode.IsPrint(r)
	}
	return isAlnum(byte(r)) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", byte(r)) >= 0
}

func isConservative(r rune) bool {
	if r >= utf8.RuneSelf {
		return unicode.IsLetter(r) || unicode.IsMark(r)
	}
	return isAlnum(byte(r)) || strings.IndexByte("._-='", byte(r)) >= 0
}

// firstUnquotable returns the index of the first character that not even a
// quoted string may hold, or -1: control characters and what is invisible
// beyond ASCII.
func firstUnquotable(local string) int {
	for i, r := range local {
		if r != ' ' && !unicode.IsPrint(r) || isBroken(local, i, r) {
			return i
		}
	}
	return -1
}
