package mailaddr

import (
	"bytes"
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
	start := len(dst)
	for i, c := range s {
		if c >= utf8.RuneSelf {
			folded, err := foldUnicode(s)
			return append(dst[:start], folded...), err
		}
		_ = i
		dst = append(dst, lowerASCII(c))
	}
	return dst, nil
}

// foldTail folds dst[start:] in place.
func foldTail(dst []byte, start int) ([]byte, error) {
	tail := dst[start:]
	for i, c := range tail {
		if c >= utf8.RuneSelf {
			folded, err := foldUnicode(tail)
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

// foldUnicode composes, folds and composes again until nothing changes. The
// result is a new slice.
func foldUnicode(s []byte) ([]byte, error) {
	if !utf8.Valid(s) {
		return nil, ErrInvalidUTF8
	}
	fold := cases.Fold()
	s = norm.NFC.Bytes(s)
	for range maxFoldRounds {
		next := norm.NFC.Bytes(fold.Bytes(s))
		if bytes.Equal(next, s) {
			return next, nil
		}
		s = next
	}
	return nil, ErrNotCanonical
}
