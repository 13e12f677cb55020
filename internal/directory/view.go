package directory

import (
	"bytes"
	"errors"
	"iter"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Limits of alias expansion. A change that would exceed them is refused, so an
// expansion that does has met a change in between.
const (
	MaxDepth   = 16   // aliases and forwards that lead to one another
	MaxTargets = 1000 // final targets of one address (Postfix virtual_alias_expansion_limit)
)

// ErrExpansion says that an address leads too deep or to too many targets. A
// door answers it with a temporary failure.
var ErrExpansion = errors.New("alias expansion: too deep or too many targets")

// View is one request's reading of the directory. It is cheap to make and must
// not be kept: it keeps a table alive that a restore has replaced, and sees that
// and not the new one. Who must not see half of a restore reads all that it needs
// in one View.
type View struct {
	m *memory
	s *Settings
}

// View returns a reading of what is published now.
func (d *Directory) View() View { return View{d.memory.Load(), d.settings.Load()} }

// Lookup returns the record that stands under exactly this name.
func (v View) Lookup(k mailaddr.Key) Record { return v.m.get(k.Bytes()) }

// Prefetch prepares lookups of names that are about to be made: in a large
// directory each waits for main memory several times, and here the waits of all
// names are one. Names are bytes as they came: those that are not written as the
// directory has them are not prepared, and nothing is wrong with that.
func (v View) Prefetch(names [][]byte) { v.m.prefetch(names) }

// Resolve returns the record that answers for an address: the one under the
// address itself, else the one under the address without its detail (Postfix
// recipient_delimiter). It follows neither further addresses nor aliases.
func (v View) Resolve(k mailaddr.Key) Record { return v.resolve(k.Bytes()) }

func (v View) resolve(address []byte) Record {
	if r := v.m.get(address); r.Exists() {
		return r
	}
	var buf [mailaddr.MaxKey]byte
	base, _, _, ok := mailaddr.Canonical(address).AppendBase(buf[:0], v.s.Delimiters)
	if !ok {
		return Record{}
	}
	return v.m.get(base.Bytes())
}

// User returns the user that an address belongs to, with or without a detail:
// the one under it, or the owner of a further address. An alias is nobody's.
func (v View) User(k mailaddr.Key) User { return v.owner(v.Resolve(k)) }

// Login returns the user who logs in by a name: an address, a further address
// or a login name, without detail.
func (v View) Login(k mailaddr.Key) User { return v.owner(v.Lookup(k)) }

// owner follows a further address or a login name to its user.
func (v View) owner(r Record) User {
	if o := r.Owner(); o != nil {
		return v.m.get(o).User()
	}
	return r.User()
}

// Domain returns the domain that an address lies in; the zero Domain when it is
// not one of ours.
func (v View) Domain(k mailaddr.Key) Domain { return v.Lookup(k.DomainKey()).Domain() }

// DomainOf returns the domain that an address in internal form lies in.
func (v View) DomainOf(address []byte) Domain { return v.m.get(domainPart(address)).Domain() }

// domainPart returns "@" and the domain of an address in internal form.
func domainPart(address []byte) []byte {
	return address[max(0, bytes.LastIndexByte(address, '@')):]
}

// Limit returns the quota limit in bytes that counts for a user: its own, else
// the plan's, the domain's, the configured default. 0 is unlimited.
func (v View) Limit(u User) int64 {
	if n, inherit := u.Limit(); !inherit {
		return n
	}
	return v.LimitIn(v.DomainOf(u.Address()), u)
}

// LimitIn is Limit for who has the user's domain at hand.
func (v View) LimitIn(d Domain, u User) int64 {
	if n, inherit := u.Limit(); !inherit {
		return n
	}
	if d.Exists() {
		if n, own := d.ownLimit(); own {
			return n
		}
	}
	return int64(v.s.DefaultQuota)
}

// All yields every record of a kind, in no order.
func (v View) All(kind Kind) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for r := range v.m.all() {
			if r.Kind() == kind && !yield(r) {
				return
			}
		}
	}
}

// Count returns how many records of a kind there are.
func (v View) Count(kind Kind) int { return int(v.m.counts[kind].Load()) }

// Target is an address that mail finally goes to.
type Target struct {
	Address []byte // internal form; part of a record, or of the key that was asked for
	User    User   // whose mailbox it is; zero: not ours, or unknown in a domain of ours
	Local   bool   // the address lies in a domain of ours
}

// Expand appends to dst where mail for an address finally goes: through
// aliases, forwards and catch-alls, each target once. An address that is
// nobody's is its own target, without User. With a large enough dst it
// allocates nothing.
func (v View) Expand(dst []Target, k mailaddr.Key) ([]Target, error) {
	e := expansion{View: v, targets: dst, first: len(dst)}
	err := e.address(k.Bytes(), 0)
	return e.targets, err
}

type expansion struct {
	View
	targets []Target
	first   int // index of this expansion's first target
}

func (e *expansion) address(a []byte, depth int) error {
	if depth > MaxDepth {
		return ErrExpansion
	}
	return e.record(e.resolve(a), a, depth)
}

// record goes on from the record that answers for an address.
func (e *expansion) record(r Record, a []byte, depth int) error {
	switch r.Kind() {
	case KindAlias, KindReserved:
		return e.all(r, tagTarget, depth)
	case KindUser, KindAddress:
		return e.user(e.owner(r), depth)
	}
	domain := e.DomainOf(a)
	if to := domain.CatchAll(); to != nil && !bytes.Equal(to, a) && r.Kind() == KindNone {
		return e.address(to, depth+1)
	}
	return e.add(Target{Address: a, Local: domain.Exists()})
}

func (e *expansion) all(r Record, t tag, depth int) error {
	for to := range r.all(t) {
		if err := e.address(to, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// user adds a user's mailbox, or follows its forward: only mail that the user
// would get is sent on.
func (e *expansion) user(u User, depth int) error {
	if u.one(tagForward) == nil || u.State() != Active && u.State() != Suspended || u.Receive() != ReceiveAccept {
		return e.add(Target{u.Address(), u, true})
	}
	if u.KeepCopy() {
		if err := e.add(Target{u.Address(), u, true}); err != nil {
			return err
		}
	}
	return e.all(u.Record, tagForward, depth)
}

func (e *expansion) add(t Target) error {
	for _, have := range e.targets[e.first:] {
		if bytes.Equal(have.Address, t.Address) {
			return nil
		}
	}
	if len(e.targets)-e.first == MaxTargets {
		return ErrExpansion
	}
	e.targets = append(e.targets, t)
	return nil
}
