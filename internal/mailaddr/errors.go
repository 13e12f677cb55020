package mailaddr

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The reasons a caller may decide on. The Append functions return them as they
// are, without allocation; the Parse functions wrap them in a [SyntaxError].
// For a lookup each of them means: this cannot name anything we hold.
var (
	ErrEmpty        = errors.New("empty")                         // no text, or an empty local part
	ErrNoDomain     = errors.New("no domain")                     // no "@", or nothing after it
	ErrTooLong      = errors.New("too long")                      // over the limits of this package
	ErrInvalidUTF8  = errors.New("not valid UTF-8")               //
	ErrQuoting      = errors.New("quoted string not well formed") // a quote or backslash out of place
	ErrDomain       = errors.New("not a valid domain name")       // refused by the IDNA lookup profile
	ErrControl      = errors.New("control byte")                  // in a login name
	ErrNotCanonical = errors.New("not in the canonical form")     // FromInternal was given something else
)

// maxEcho is how many bytes of its input an error repeats.
const maxEcho = 64

// SyntaxError tells what is wrong with a name that was given, and where.
type SyntaxError struct {
	Part   string // "address", "local part", "domain" or "login name"
	Byte   int    // position in the string given, counting from 1; 0: the part as a whole
	Reason string // short; echoes at most 64 bytes of the input, escaped
	Err    error  // one of the sentinels of this package, or nil
}

// Error returns for example `local part: unexpected " " at byte 3`.
func (e *SyntaxError) Error() string {
	if e.Byte == 0 {
		return e.Part + ": " + e.Reason
	}
	return fmt.Sprintf("%s: %s at byte %d", e.Part, e.Reason, e.Byte)
}

// Unwrap returns the sentinel, so that errors.Is finds it.
func (e *SyntaxError) Unwrap() error { return e.Err }

// shift moves the position of a part's error to where the part begins in the
// whole string.
func (e *SyntaxError) shift(n int) *SyntaxError {
	if e != nil && e.Byte > 0 {
		e.Byte += n
	}
	return e
}

// unexpected blames the character that starts at s[i].
func unexpected(part, s string, i int) *SyntaxError {
	r, size := utf8.DecodeRuneInString(s[i:])
	if r == utf8.RuneError && size <= 1 {
		return &SyntaxError{Part: part, Byte: i + 1, Reason: fmt.Sprintf("%q is not valid UTF-8", s[i:i+1]), Err: ErrInvalidUTF8}
	}
	return &SyntaxError{Part: part, Byte: i + 1, Reason: fmt.Sprintf("unexpected %q", s[i:i+size])}
}

// tooLong says by how much. The input is not echoed.
func tooLong(part string, n, limit int) *SyntaxError {
	return &SyntaxError{Part: part, Reason: fmt.Sprintf("%d octets, at most %d are allowed", n, limit), Err: ErrTooLong}
}

// echo quotes input for a message, cut to maxEcho bytes.
func echo(s string) string {
	if len(s) <= maxEcho {
		return fmt.Sprintf("%q", s)
	}
	cut := maxEcho
	for cut > maxEcho-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", s[:cut])
}
