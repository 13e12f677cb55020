package policy

import "github.com/gatepost/gatepost/internal/directory"

// Standing says what becomes of mail for one final target, quotas aside.
type Standing uint8

// The standings.
const (
	Takes           Standing = iota
	Discards                 // taken, and thrown away by the transport map
	Defers                   // not taken now: frozen or deferring, or in a frozen or pending domain
	RefusesDisabled          // not taken: disabled or archived, or in a disabled domain
	RefusesMail              // not taken: an account that does not receive
	Nobody                   // no such name in a domain of ours
)

// String returns the standing in words.
func (s Standing) String() string {
	return [...]string{"takes mail", "discards mail", "defers mail", "disabled", "does not receive mail", "unknown"}[s]
}

// Refuses reports whether the target never takes mail as it is now.
func (s Standing) Refuses() bool { return s == RefusesDisabled || s == RefusesMail }

// StandingOf returns the standing of a final target. An address that is not
// ours takes mail, as far as we know.
func StandingOf(v directory.View, t directory.Target) Standing {
	if !t.Local {
		return Takes
	}
	return standingIn(v.DomainOf(t.Address), t.User)
}

// standingIn returns the standing of a name in a domain of ours. The zero User:
// nobody holds the name.
func standingIn(d directory.Domain, u directory.User) Standing {
	if s := DomainStanding(d); s != Takes {
		return s
	}
	if !u.Exists() {
		return Nobody
	}
	return userStanding(u)
}

// DomainStanding returns what the state of a domain does to every address in
// it: Takes, Defers or RefusesDisabled. The zero Domain is not ours.
func DomainStanding(d directory.Domain) Standing {
	if !d.Exists() {
		return Takes
	}
	switch d.State() {
	case directory.DomainActive:
		return Takes
	case directory.DomainDisabled:
		return RefusesDisabled
	}
	return Defers
}

func userStanding(u directory.User) Standing {
	switch u.Receive() {
	case directory.ReceiveAccept:
		return Takes
	case directory.ReceiveDiscard:
		return Discards
	case directory.ReceiveDefer:
		return Defers
	}
	if state := u.State(); state == directory.Disabled || state == directory.Archived {
		return RefusesDisabled
	}
	return RefusesMail
}
