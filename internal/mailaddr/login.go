package mailaddr

const maxLogin = 64 // octets of a login name

// LoginName is a login name without "@", folded like a local part. Only this
// package makes it. Names are equal when they are ==. The zero LoginName is no
// name.
type LoginName struct{ s string }

// ParseLoginName checks a login name that was typed: 1 to 64 octets of the
// alphabet of [ParseMailbox]. Errors are of type [*SyntaxError].
func ParseLoginName(s string) (LoginName, error) {
	const part = "login name"
	switch {
	case s == "":
		return LoginName{}, &SyntaxError{Part: part, Reason: "empty", Err: ErrEmpty}
	case len(s) > maxRaw:
		return LoginName{}, tooLong(part, len(s), maxLogin)
	}
	if e := scanConservative(part, s); e != nil {
		return LoginName{}, e
	}
	b, err := appendFolded(nil, []byte(s))
	if err != nil {
		return LoginName{}, &SyntaxError{Part: part, Reason: err.Error(), Err: err}
	}
	if len(b) > maxLogin {
		return LoginName{}, tooLong(part, len(b), maxLogin)
	}
	return LoginName{string(b)}, nil
}

// String returns the folded name.
func (n LoginName) String() string { return n.s }

// IsZero reports whether n is no name.
func (n LoginName) IsZero() bool { return n.s == "" }

// Key returns the name's key. It allocates.
func (n LoginName) Key() Key { return Key{b: []byte(n.s), at: -1} }
