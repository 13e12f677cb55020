package socketmap

import (
	"errors"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/policy"
)

// Map numbers a map. Maps are dense: an array of MapCount elements has a place
// for each, and one for UnknownMap.
type Map uint8

// The maps.
const (
	UnknownMap Map = iota
	Domains
	Mailboxes
	Aliases
	Senders
	Transport
	MapCount
)

var mapNames = [MapCount]string{"unknown", "domains", "mailboxes", "aliases", "senders", "transport"}

// String returns the name by which Postfix asks for the map.
func (m Map) String() string { return mapNames[m] }

func mapNamed(name []byte) Map {
	for m := Domains; m < MapCount; m++ {
		if string(name) == mapNames[m] {
			return m
		}
	}
	return UnknownMap
}

// Result is what came of a query. Results are dense.
type Result uint8

// The results.
const (
	NotFound  Result = iota
	Found            //
	Temporary        // trouble of ours
	ResultCount
)

// String returns the result as a metric's label has it.
func (r Result) String() string { return [ResultCount]string{"notfound", "ok", "temp"}[r] }

// answer writes the reply to a query.
func (s *session) answer(m Map, raw []byte) Result {
	v := s.server.Directory.View()
	if m == UnknownMap {
		return s.trouble("there is no such map")
	}
	if m == Domains {
		k, _, err := mailaddr.AppendDomainKey(s.key[:0], raw)
		if err != nil {
			return s.notFound()
		}
		return s.domain(v.Lookup(k).Domain())
	}
	k, _, err := mailaddr.AppendKey(s.key[:0], raw)
	switch {
	case errors.Is(err, mailaddr.ErrInvalidUTF8) && m != Transport:
		return s.trouble("the key is not UTF-8")
	case err != nil:
		return s.notFound()
	}
	switch m {
	case Mailboxes:
		return s.mailbox(v.User(k))
	case Aliases:
		return s.alias(v, k)
	case Senders:
		return s.senders(v, k)
	}
	return s.transport(v, k)
}

func (s *session) notFound() Result {
	s.reply.begin("NOTFOUND ")
	return NotFound
}

func (s *session) trouble(reason string) Result {
	s.reply.begin("TEMP ")
	s.reply.b = append(s.reply.b, reason...)
	return Temporary
}

// found writes data that is never empty, in two parts.
func (s *session) found(kind, data string) Result {
	s.reply.begin("OK ")
	s.reply.b = append(append(s.reply.b, kind...), data...)
	return Found
}

func (s *session) domain(d directory.Domain) Result {
	if !d.Exists() {
		return s.notFound()
	}
	s.reply.begin("OK ")
	s.reply.b = append(s.reply.b, d.Name()...)
	return Found
}

func (s *session) mailbox(u directory.User) Result {
	if !u.Exists() {
		return s.notFound()
	}
	s.beginList()
	s.add(u.Address())
	return s.endList()
}

func (s *session) senders(v directory.View, k mailaddr.Key) Result {
	owners, err := policy.Owners(s.owners[:0], v, k)
	s.owners = owners
	if err != nil {
		return s.failed(err)
	}
	s.beginList()
	for _, u := range owners {
		s.add(u.Address())
	}
	return s.endList()
}

func (s *session) alias(v directory.View, k mailaddr.Key) Result {
	self, leads := leading(v, k)
	if !leads {
		return s.notFound()
	}
	targets, err := v.Expand(s.targets[:0], k)
	s.targets = targets
	if err != nil {
		return s.failed(err)
	}
	if len(targets) == 1 && self.Exists() && targets[0].User.Exists() && targets[0].User.Mailbox() == self.Mailbox() {
		return s.notFound() // its forwards rest while it takes no mail
	}
	s.beginList()
	if s.addTargets(v, false); s.emptyList() {
		s.addTargets(v, true)
	}
	return s.endList()
}

// addTargets adds the targets that refuse mail, or those that take it. Nobody
// is neither.
func (s *session) addTargets(v directory.View, refusing bool) {
	for _, t := range s.targets {
		standing := policy.StandingOf(v, t)
		if standing != policy.Nobody && standing.Refuses() == refusing {
			s.add(t.Address)
		}
	}
}

// leading reports whether an address may lead to others, and the user whose
// address it is, if any.
func leading(v directory.View, k mailaddr.Key) (self directory.User, leads bool) {
	domain := v.Domain(k)
	if policy.DomainStanding(domain) == policy.RefusesDisabled {
		return directory.User{}, false
	}
	r := v.Resolve(k)
	switch r.Kind() {
	case directory.KindAlias, directory.KindReserved:
		return directory.User{}, true
	case directory.KindNone:
		return directory.User{}, domain.CatchAll() != nil
	}
	self = userOf(v, r)
	for range self.Forward() {
		return self, true
	}
	return self, false
}

// userOf returns the user whose address or further address a record is; the
// zero User of anything else.
func userOf(v directory.View, r directory.Record) directory.User {
	if r.Kind() == directory.KindAddress {
		return v.Lookup(mailaddr.Canonical(r.Owner())).User()
	}
	return r.User()
}

// transport answers what stops mail, whichever way it came.
func (s *session) transport(v directory.View, k mailaddr.Key) Result {
	domain := v.Domain(k)
	if !domain.Exists() {
		return s.notFound()
	}
	switch standingOf(v, domain, v.Resolve(k)) {
	case policy.RefusesDisabled:
		return s.found("error:", policy.MailboxDisabled.Status())
	case policy.RefusesMail:
		return s.found("error:", policy.DoesNotReceive.Status())
	case policy.Defers:
		return s.found("retry:", policy.MailboxUnavailable.Status())
	case policy.Discards:
		return s.found("discard:", "")
	}
	return s.notFound()
}

// standingOf returns what becomes of mail for the name of a record, which is
// zero for an unknown one, in a domain.
func standingOf(v directory.View, d directory.Domain, r directory.Record) policy.Standing {
	standing := policy.DomainStanding(d)
	switch r.Kind() {
	case directory.KindAlias, directory.KindReserved:
		if standing == policy.Defers {
			return policy.Takes
		}
	case directory.KindUser, directory.KindAddress:
		if u := userOf(v, r); u.Exists() && standing == policy.Takes {
			return policy.StandingOf(v, directory.Target{Address: u.Address(), User: u, Local: true})
		}
	}
	return standing
}
