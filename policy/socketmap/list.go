package socketmap

import (
	"bytes"
	"strings"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

const okay = "OK "

// beginList starts a reply that lists addresses.
func (s *session) beginList() {
	s.reply.begin(okay)
	s.unprintable = false
}

func (s *session) emptyList() bool { return s.reply.size() == len(okay) }

// add adds an address in internal form. A list that is too long already grows
// no more.
func (s *session) add(address []byte) {
	if s.reply.size() > MaxReply {
		return
	}
	if !s.emptyList() {
		s.reply.b = append(s.reply.b, ", "...)
	}
	var ok bool
	s.reply.b, ok = appendAddress(s.reply.b, address)
	s.unprintable = s.unprintable || !ok
}

// endList ends the reply.
func (s *session) endList() Result {
	switch {
	case s.unprintable:
		return s.trouble("an address has no written form")
	case s.emptyList():
		return s.notFound()
	case s.reply.size() > MaxReply:
		return s.trouble("too many addresses")
	}
	return Found
}

// appendAddress appends an address in internal form as RFC 5321 writes it: a
// comma or a blank in a local part must not end the address. It reports false
// for what is no address.
func appendAddress(dst, internal []byte) ([]byte, bool) {
	if isPlain(internal) {
		return append(dst, internal...), true
	}
	a, err := mailaddr.FromInternal(string(internal))
	if err != nil {
		return dst, false
	}
	return append(dst, a.String()...), true
}

// isPlain reports whether an address in internal form is its own written form,
// as far as ASCII goes: RFC 5321, Dot-string.
func isPlain(internal []byte) bool {
	local := internal[:max(0, bytes.LastIndexByte(internal, '@'))]
	dot := true // one at the start would be wrong, too
	for _, c := range local {
		if c == '.' && dot || !isAtext(c) {
			return false
		}
		dot = c == '.'
	}
	return !dot
}

// isAtext reports whether c is RFC 5322's atext, or a dot.
func isAtext(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}
