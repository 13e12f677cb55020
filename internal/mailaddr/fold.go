package mailaddr

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxFoldRounds bounds the search for a fixpoint. Two rounds suffice for every
// string we know (the tests try each rune alone and in pairs with marks); what
// does not settle is refused, since it would have more than one canonical form.
const maxFoldRounds = 8

// appendFolded appends the folded form of s to dst. ASCII costs one pass and
// no allocation.
func appendFolded(dst, s []byte) ([]byte, error) {
	return foldTail(append(dst, s...), len(dst))
}

// foldTail folds dst[start:], in place when it is ASCII.
func foldTail(dst []byte, start int) ([]byte, error) {
	tail := dst[start:]
	for i, c := range tail {
		if c >= utf8.RuneSelf {
			folded, err := foldUnicode(string(tail))
			return append(dst[:start], folded...), err
		}
		tail[i] = lowerASCII(c)
	}
	return dst, nil
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// foldUnicode composes, folds and composes again until nothing changes. It
// takes a string because a slice given to the libraries would move the
// caller's buffer to the heap.
func foldUnicode(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", ErrInvalidUTF8
	}
	fold := cases.Fold()
	s = norm.NFC.String(s)
	for range maxFoldRounds {
		next := norm.NFC.String(strings.Map(foldCherokee, fold.String(s)))
		if next == s {
			return next, nil
		}
		s = next
	}
	return "", ErrNotCanonical
}

// foldCherokee folds Cherokee to its capitals, as Unicode's CaseFolding.txt
// has it. x/text v0.43.0 swaps the two cases instead, which never settles.
func foldCherokee(r rune) rune {
	switch {
	case 0xab70 <= r && r <= 0xabbf:
		return r - 0xab70 + 0x13a0
	case 0x13f8 <= r && r <= 0x13fd:
		return r - 8
	}
	return r
}
