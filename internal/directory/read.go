package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// errLost says that the store does not have a record that is in force. When the
// block that has it is damaged, Badger gives what an older table has, or says "not
// found": nobody must hear that a user who can log in does not exist, and no change
// must bring an old password back.
var errLost = errors.New("the database has lost it: restart gatepost, which makes the database anew")

// The methods of this file read whole records, with the fields that are not in
// memory, for administrators. They may touch the disk.

// ReadUser returns everything kept about a user, or ErrNotFound.
func (d *Directory) ReadUser(ctx context.Context, a mailaddr.Addr) (UserFields, error) {
	value, err := d.read(ctx, KindUser, a)
	if err != nil {
		return UserFields{}, err
	}
	return decodeUser(a.Internal(), value)
}

// ReadAlias returns everything kept about an alias, or ErrNotFound.
func (d *Directory) ReadAlias(ctx context.Context, a mailaddr.Addr) (AliasFields, error) {
	value, err := d.read(ctx, KindAlias, a)
	if err != nil {
		return AliasFields{}, err
	}
	return decodeAlias(a.Internal(), value)
}

// ReadDomain returns everything kept about a domain, or ErrNotFound.
func (d *Directory) ReadDomain(ctx context.Context, name mailaddr.Domain) (DomainFields, error) {
	value, err := d.read(ctx, KindDomain, name)
	if err != nil {
		return DomainFields{}, err
	}
	return decodeDomain(name.Internal(), value)
}

func (d *Directory) read(ctx context.Context, kind Kind, name named) ([]byte, error) {
	tx := &Tx{d: d, below: newLayer(), own: newLayer()}
	key := name.Internal()
	r := tx.lookup(key)
	if r.Kind() != kind {
		return nil, tx.missing(kind, name)
	}
	value, err := d.store.Read(ctx, []byte(key), r.Revision())
	if err == nil || tx.lookup(key).Revision() == r.Revision() { // else it was deleted meanwhile
		value, err = current(r, value, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name.Unicode(), err)
	}
	return value, nil
}

// current returns what the store gave for a record in force, or errLost. It may be
// newer: what is durable is published a little later.
func current(r Record, value []byte, err error) ([]byte, error) {
	switch {
	case !r.Exists():
	case errors.Is(err, ErrNotFound), err == nil && (len(value) < headerSize || getRevision(value[6:]) < r.Revision()):
		return nil, errLost
	}
	return value, err
}
