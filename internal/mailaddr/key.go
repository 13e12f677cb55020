package mailaddr

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const (
	maxKeyLocal  = 900  // octets of a folded local part; Postfix cuts SMTP commands at 2048, 900 have been seen
	maxRawDomain = 1024 // octets of a U-label domain before it is mapped
	maxDomain    = 253  // octets of a domain in A-labels, without the root dot: RFC 1035 section 2.3.4

	// MaxKey is the size of a buffer into which any key of ASCII input fits
	// without growing.
	MaxKey = maxKeyLocal + 1 + maxDomain
)

// Key is a name folded for looking up: an address, a domain ("@" and its name)
// or a login name (no "@"). Its bytes lie in the buffer given to the Append
// function that made it, and it is valid until that buffer is reused. Keys are
// compared by their Bytes. The zero Key names nothing.
type Key struct {
	b  []byte
	at int // index of the last '@'; -1: a login name
}

// AppendKey appends the key of an address to dst. The address comes as Postfix
// sends it: in the internal, unquoted form (policy delegation) or in the
// quoted form (socketmap); a local part that begins and ends with a double
// quote is taken as quoted. One trailing dot of the domain is dropped. Any
// other byte of the local part is accepted. It returns dst with the key
// appended, or dst as it was and one of this package's errors.
func AppendKey(dst, raw []byte) (Key, []byte, error) {
	at := bytes.LastIndexByte(raw, '@')
	if at < 0 {
		return Key{}, dst, ErrNoDomain
	}
	start := len(dst)
	out, err := appendLocal(dst, raw[:at])
	if err != nil {
		return Key{}, dst, err
	}
	keyAt := len(out) - start
	out, err = appendDomain(append(out, '@'), raw[at+1:])
	if err != nil {
		return Key{}, dst, err
	}
	return Key{b: out[start:len(out):len(out)], at: keyAt}, out, nil
}

// AppendDomainKey appends the key of a domain to dst: example.test gives
// @example.test. It returns as AppendKey does.
func AppendDomainKey(dst, raw []byte) (Key, []byte, error) {
	if bytes.IndexByte(raw, '@') >= 0 {
		return Key{}, dst, ErrDomain
	}
	start := len(dst)
	out, err := appendDomain(append(dst, '@'), raw)
	if err != nil {
		return Key{}, dst, err
	}
	return Key{b: out[start:len(out):len(out)]}, out, nil
}

// AppendLoginKey appends the key of what a client gave as its user name: an
// address when it holds "@", else a login name. It returns as AppendKey does.
func AppendLoginKey(dst, raw []byte) (Key, []byte, error) {
	if bytes.IndexByte(raw, '@') >= 0 {
		return AppendKey(dst, raw)
	}
	if err := checkLogin(raw); err != nil {
		return Key{}, dst, err
	}
	start := len(dst)
	out, err := appendFolded(dst, raw)
	if err != nil {
		return Key{}, dst, err
	}
	if len(out)-start > maxLogin {
		return Key{}, dst, ErrTooLong
	}
	return Key{b: out[start:len(out):len(out)], at: -1}, out, nil
}

func checkLogin(raw []byte) error {
	switch {
	case len(raw) == 0:
		return ErrEmpty
	case len(raw) > maxLogin*utf8.UTFMax:
		return ErrTooLong
	}
	for _, c := range raw {
		if c < ' ' || c == 0x7f {
			return ErrControl
		}
	}
	return nil
}

func appendLocal(dst, raw []byte) ([]byte, error) {
	// Twice the limit, because each octet may come with a backslash.
	if len(raw) > 2*maxKeyLocal+2 {
		return dst, ErrTooLong
	}
	start := len(dst)
	out, err := dst, error(nil)
	if isQuoted(raw) {
		if out, err = appendUnquoted(dst, raw[1:len(raw)-1]); err == nil {
			out, err = foldTail(out, start)
		}
	} else {
		out, err = appendFolded(dst, raw)
	}
	switch n := len(out) - start; {
	case err != nil:
		return dst, err
	case n == 0:
		return dst, ErrEmpty
	case n > maxKeyLocal:
		return dst, ErrTooLong
	}
	return out, nil
}

func isQuoted[T []byte | string](local T) bool {
	return len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"'
}

// appendUnquoted appends the text between two quotes, without its backslashes.
func appendUnquoted(dst, text []byte) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return dst, ErrQuoting
		case '\\':
			if i++; i == len(text) {
				return dst, ErrQuoting
			}
		}
		dst = append(dst, text[i])
	}
	return dst, nil
}

// KeyOf returns the key of an address. It allocates.
func KeyOf(a Addr) Key {
	return Key{b: []byte(a.s), at: strings.LastIndexByte(a.s, '@')}
}

// Bytes returns the canonical form. The caller must not change it.
func (k Key) Bytes() []byte { return k.b }

// IsZero reports whether k names nothing.
func (k Key) IsZero() bool { return len(k.b) == 0 }

// Local returns the local part of an address, all of a login name, and nothing
// of a domain.
func (k Key) Local() []byte {
	if k.at < 0 {
		return k.b
	}
	return k.b[:k.at]
}

// Domain returns the domain without its "@"; empty for a login name.
func (k Key) Domain() []byte {
	if k.at < 0 || k.IsZero() {
		return nil
	}
	return k.b[k.at+1:]
}

// DomainKey returns the key of the address's domain, which shares k's bytes.
// It is the zero Key for a login name.
func (k Key) DomainKey() Key {
	if k.at < 0 || k.IsZero() {
		return Key{}
	}
	return Key{b: k.b[k.at:]}
}

// AppendBase cuts an address at its detail: for alice+lists@example.test and
// the delimiters "+" it appends the key alice@example.test to dst and returns
// the detail "lists", which lies in k's bytes. As with Postfix's
// recipient_delimiter each byte of delimiters is a delimiter of its own, the
// first one found in the local part counts, and one at the very start means
// that there is no detail, so the base is never empty. Unlike Postfix,
// owner-NAME and NAME-request are not special when "-" is a delimiter. ok is
// false, and out is dst, when there is nothing to cut.
func (k Key) AppendBase(dst []byte, delimiters string) (base Key, out []byte, detail []byte, ok bool) {
	if k.at <= 0 {
		return Key{}, dst, nil, false
	}
	cut := 0
	for cut < k.at && strings.IndexByte(delimiters, k.b[cut]) < 0 {
		cut++
	}
	if cut == 0 || cut == k.at {
		return Key{}, dst, nil, false
	}
	start := len(dst)
	out = append(append(dst, k.b[:cut]...), k.b[k.at:]...)
	return Key{b: out[start:len(out):len(out)], at: cut}, out, k.b[cut+1 : k.at], true
}
