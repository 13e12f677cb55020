package policy

import (
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Owners appends to dst the users who may send in the name of an address, each
// once: the user whose address or further address it is, with or without a
// detail, or every user whom an alias of that name leads to. Forwards and
// catch-alls make no owner. The error is [directory.ErrExpansion].
func Owners(dst []directory.User, v directory.View, k mailaddr.Key) ([]directory.User, error) {
	o := owners{view: v, found: dst, first: len(dst)}
	err := o.add(k, 0)
	return o.found, err
}

type owners struct {
	view  directory.View
	found []directory.User
	first int // index of the first that this call found
}

func (o *owners) add(k mailaddr.Key, depth int) error {
	if depth > directory.MaxDepth {
		return directory.ErrExpansion
	}
	r := o.view.Resolve(k)
	switch r.Kind() {
	case directory.KindUser:
		return o.user(r.User())
	case directory.KindAddress:
		return o.user(o.view.Lookup(mailaddr.Canonical(r.Owner())).User())
	case directory.KindAlias, directory.KindReserved:
		return o.all(r, depth)
	}
	return nil
}

// all adds the owners of an alias's targets.
func (o *owners) all(r directory.Record, depth int) error {
	for to := range r.Targets() {
		if err := o.add(mailaddr.Canonical(to), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// user adds a user, unless it is deleted meanwhile or there already.
func (o *owners) user(u directory.User) error {
	if !u.Exists() {
		return nil
	}
	for _, have := range o.found[o.first:] {
		if have.Mailbox() == u.Mailbox() {
			return nil
		}
	}
	if len(o.found)-o.first == directory.MaxTargets {
		return directory.ErrExpansion
	}
	o.found = append(o.found, u)
	return nil
}
