package mailaddr

import "strings"

// Addr is an address in canonical form, for keeping. Only this package makes
// it. Addresses are equal when they are ==. The zero Addr is no address.
type Addr struct{ s string }

// FromInternal reads back what [Addr.Internal] gave. It refuses whatever is
// not exactly in canonical form, so that a damaged record is noticed.
func FromInternal(s string) (Addr, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Addr{}, &SyntaxError{Part: "address", Reason: "no domain", Err: ErrNoDomain}
	}
	a, err := assemble(s[:at], s[at+1:], at+1)
	if err != nil {
		return Addr{}, err
	}
	if a.s != s {
		return Addr{}, &SyntaxError{Part: "address", Reason: echo(s) + " is not in the canonical form", Err: ErrNotCanonical}
	}
	return a, nil
}

func (a Addr) split() (local, domain string) {
	at := strings.LastIndexByte(a.s, '@')
	if at < 0 {
		return "", ""
	}
	return a.s[:at], a.s[at+1:]
}

// String returns the address as it is written in SMTP: the local part quoted
// where it must be, the domain in A-labels.
func (a Addr) String() string {
	if a.IsZero() {
		return ""
	}
	local, domain := a.split()
	return quoteLocal(local) + "@" + domain
}

// Unicode returns the address for people: as String, with U-labels.
func (a Addr) Unicode() string {
	if a.IsZero() {
		return ""
	}
	local, domain := a.split()
	return quoteLocal(local) + "@" + Domain{domain}.Unicode()
}

// Internal returns the canonical form, which is also the bytes of the
// address's [Key].
func (a Addr) Internal() string { return a.s }

// Local returns the local part, unquoted.
func (a Addr) Local() string {
	local, _ := a.split()
	return local
}

// Domain returns the domain.
func (a Addr) Domain() Domain {
	_, domain := a.split()
	return Domain{domain}
}

// IsZero reports whether a is no address.
func (a Addr) IsZero() bool { return a.s == "" }

// quoteLocal returns a local part as RFC 5321 writes it.
func quoteLocal(local string) string {
	if scanDotAtom(local) == nil {
		return local
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(local) {
		if local[i] == '"' || local[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(local[i])
	}
	b.WriteByte('"')
	return b.String()
}
