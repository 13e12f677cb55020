package authsock

import (
	"bytes"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/gatepost/gatepost/internal/directory"
)

// users yields the addresses of the users that a mask matches, sorted. The
// addresses are collected before the first is yielded: Dovecot works on each
// for a while, and the directory may change under it.
func users(v directory.View, mask []byte) iter.Seq[[]byte] {
	mask = bytes.ToLower(mask)
	return func(yield func([]byte) bool) {
		var found []directory.Record
		for u := range v.All(directory.KindUser) {
			if matches(mask, u.Key()) {
				found = append(found, u)
			}
		}
		byName := func(a, b directory.Record) int { return bytes.Compare(a.Key(), b.Key()) }
		slices.SortFunc(found, byName)
		found = slices.CompactFunc(found, func(a, b directory.Record) bool { return byName(a, b) == 0 })
		for _, u := range found {
			if !yield(u.Key()) {
				return
			}
		}
	}
}

// matches reports whether a lower-case mask matches a name: "*" is any text,
// "?" one character (Dovecot src/lib/wildcard-match.c). When a piece does not
// fit, only the last "*" is tried with one more character, so the work is at
// most mask times name.
func matches(mask, name []byte) bool {
	star, resume := -1, 0 // the last "*", and where its text ends so far
	m, n := 0, 0
	for n < len(name) {
		switch {
		case m < len(mask) && mask[m] == '*':
			star, resume = m, n
			m++
		case m < len(mask) && mask[m] == '?':
			_, size := utf8.DecodeRune(name[n:])
			m, n = m+1, n+size
		case m < len(mask) && mask[m] == name[n]:
			m, n = m+1, n+1
		case star >= 0:
			_, size := utf8.DecodeRune(name[resume:])
			resume += size // a character, or "?" would take the rest of one
			m, n = star+1, resume
		default:
			return false
		}
	}
	return len(bytes.TrimLeft(mask[m:], "*")) == 0
}
