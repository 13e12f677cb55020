package directory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Tx is a command's reading and writing of the directory. It is valid only in
// the function that Update runs.
type Tx struct {
	d        *Directory
	ctx      context.Context
	below    *layer // the earlier commands of the batch
	own      *layer // this command's changes
	revision Revision
	now      time.Time
	routed   []string // names whose targets changed, to be checked at the end
	restores bool     // it makes the directory what a backup was

	domains map[string]DomainFields // those that were asked for their limits, by key, as this command sees them
	leading map[string][]string     // once everything is written: what leads to a name
}

// Now returns the time of the command.
func (tx *Tx) Now() time.Time { return tx.now }

// held says who holds a name.
func held(field, name string, r Record) *Error {
	detail := fmt.Sprintf("%s already exists as %s", name, r.Kind().phrase())
	switch r.Kind() {
	case KindAddress, KindLogin:
		detail += fmt.Sprintf(" of %s", r.Owner())
	case KindTombstone:
		detail = name + " was deleted, and the addresses of its domain are never given out again"
	}
	return &Error{Code: CodeExists, Field: field, Detail: detail}
}

// free fails when somebody holds the name.
func (tx *Tx) free(field, key, name string) error {
	if r := tx.lookup(key); r.Exists() {
		return held(field, name, r)
	}
	return nil
}

// hosted fails when the address lies in no domain of ours.
func (tx *Tx) hosted(field string, a mailaddr.Addr) error {
	if tx.lookup(a.Domain().Internal()).Kind() != KindDomain {
		return &Error{Code: CodeNoDomain, Field: field, Detail: "there is no domain " + a.Domain().Unicode()}
	}
	return nil
}

// named is an address or a domain: what it is kept under, and what people call it,
// which takes long to spell and is for errors.
type named interface {
	Internal() string
	Unicode() string
}

// missing says that there is no such name of the kind, and what is there
// instead.
func (tx *Tx) missing(kind Kind, name named) error {
	detail := fmt.Sprintf("there is no %s %s", kind, name.Unicode())
	switch r := tx.lookup(name.Internal()); r.Kind() {
	case KindNone, KindTombstone:
	case KindAddress, KindLogin:
		detail += fmt.Sprintf("; it is %s of %s", r.Kind().phrase(), r.Owner())
	default:
		detail += "; the name belongs to " + r.Kind().phrase()
	}
	return &Error{Code: CodeNotFound, Detail: detail}
}

// read returns the whole value of a name that must be of the kind, at the
// revision match unless that is AnyRevision.
func (tx *Tx) read(kind Kind, name named, match Revision) ([]byte, error) {
	r := tx.lookup(name.Internal())
	if r.Kind() != kind {
		return nil, tx.missing(kind, name)
	}
	if match != AnyRevision && r.Revision() != match {
		return nil, &Error{Code: CodeConflict, Detail: fmt.Sprintf("%s was changed meanwhile: it is at revision %d, not %d", name.Unicode(), r.Revision(), match)}
	}
	return tx.full(name.Internal())
}

// remove deletes a name; where the domain's addresses are permanent, a
// tombstone keeps it from being given out again.
func (tx *Tx) remove(a mailaddr.Addr) error {
	domain := tx.lookup(a.Domain().Internal()).Domain()
	if domain.Exists() && domain.Permanent() {
		return tx.put(a.Internal(), encodeTombstone(tx.revision))
	}
	return tx.put(a.Internal(), nil)
}

// same reports whether two values differ at most in the revision that wrote
// them.
func same(a, b []byte) bool {
	return len(a) == len(b) && bytes.Equal(a[:6], b[:6]) && bytes.Equal(a[12:], b[12:])
}

// finish checks what only the whole change shows: that every alias, forward and
// catch-all that was written leads somewhere, and not in a circle.
func (tx *Tx) finish() error {
	slices.Sort(tx.routed)
	for _, name := range slices.Compact(tx.routed) {
		if err := tx.checkRoute(name); err != nil {
			return tx.own.blame(name, err)
		}
	}
	return nil
}
