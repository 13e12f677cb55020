package login

import (
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Question is an attempt without its secret.
type Question struct {
	Service Service
	Name    []byte // authentication identity
	Authzid []byte // authorization identity; empty: the same
}

// Explanation tells what an attempt would come to.
type Explanation struct {
	User        directory.User   // the zero User: the name is nobody's
	Domain      directory.Domain // the user's
	Stranger    bool             // the client asks to act as somebody else
	Credentials []Matching       // in the order of the record
	Steps       []Step           // one for each rule, when the name is a user's
	Result      Result           // with the right secret: OK, Denied, or Refused when there is none
	Rule        *Rule            // of a Denied
}

// Matching says whether a credential is compared with a secret.
type Matching struct {
	directory.Credential      // without its hash
	Compared             bool // it is
	Why                  string
}

// Step is one rule's part.
type Step struct {
	Rule    *Rule
	Asked   bool // no rule before it decided
	Applies bool
}

// Explain tells step by step what an attempt at this time would come to, if its
// secret were right. It reads what Check reads, verifies nothing and uses
// nothing up.
func Explain(v directory.View, q Question, now time.Time) Explanation {
	u := lookup(v, q.Name)
	if !u.Exists() {
		return Explanation{Result: Refused}
	}
	e := Explanation{User: u, Domain: v.DomainOf(u.Address()), Stranger: stranger(v, q.Name, q.Authzid, u), Result: Refused}
	for c := range u.Credentials() {
		m := matching(&c, q.Service, now)
		if m.Compared {
			e.Result = OK
		}
		e.Credentials = append(e.Credentials, m)
	}
	e.ask(&facts{service: q.Service, user: u, domain: e.Domain, stranger: e.Stranger})
	return e
}

// ask asks the rules as facts.denied does.
func (e *Explanation) ask(f *facts) {
	for i := range table {
		s := Step{Rule: &table[i], Asked: e.Rule == nil}
		if s.Asked && table[i].applies(f) {
			s.Applies, e.Rule = true, s.Rule
		}
		e.Steps = append(e.Steps, s)
	}
	switch {
	case e.Result == Refused:
		e.Rule = nil // nobody comes as far as to the rules
	case e.Rule != nil:
		e.Result = Denied
	}
}

// matching says whether match compares a credential.
func matching(c *directory.Credential, s Service, now time.Time) Matching {
	m := Matching{Credential: *c}
	m.Hash = ""
	switch {
	case !c.Expires.IsZero() && !now.Before(c.Expires):
		m.Why = "expired"
	case !usable(c, s, now):
		m.Why = "not for this service"
	case c.Kind != directory.MainPassword && !strings.HasPrefix(c.Hash, randomPrefix):
		m.Why = "its hash is of a scheme that such a password cannot have"
	default:
		m.Compared = true
	}
	return m
}

// lookup returns the user that a login name stands for; the zero User when it
// is nobody's.
func lookup(v directory.View, name []byte) directory.User {
	key, _, err := mailaddr.AppendLoginKey(nil, name)
	if err != nil {
		return directory.User{}
	}
	return v.Login(key)
}
