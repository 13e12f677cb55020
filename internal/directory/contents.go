package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Contents are the records of a whole directory, all of which can be served: what
// a backup holds once it was checked. Nothing may change them.
type Contents struct {
	records map[string][]byte // whole values by name
}

// NewContents checks records, whole values by name, which it keeps, and the
// revision that they were taken at. The error names the record that no gatepost
// has written: a checksum says that a file is what somebody wrote, not that it
// can be served.
//
// It asks only for what holds in every directory. A target may be missing, for
// example: it was in somebody else's domain when it was written, and that is one
// of ours now.
func NewContents(records map[string][]byte, taken Revision) (*Contents, error) {
	if taken > maxRevision {
		return nil, fmt.Errorf("revision %d is none", taken)
	}
	c := &Contents{records}
	for key, value := range records {
		if err := c.check(key, value); err != nil {
			return nil, fmt.Errorf("the record %.80q: %w", key, err)
		}
	}
	for key, value := range records { // all of them are well formed now
		if err := c.checkLinks(key, value); err != nil {
			return nil, fmt.Errorf("the record %.80q: %w", key, err)
		}
	}
	return c, c.checkLoops()
}

// check looks at one record alone, and for its domain.
func (c *Contents) check(key string, value []byte) error {
	if err := checkRecord([]byte(key), value); err != nil {
		return err
	}
	kind := Kind(value[1])
	switch kind {
	case KindDomain:
		return checkDomain(key, value)
	case KindLogin:
		return checkLogin(key, value)
	}
	a, err := mailaddr.FromInternal(key)
	if err != nil {
		return err
	}
	if domain := c.records[a.Domain().Internal()]; kind != KindTombstone && (len(domain) < headerSize || Kind(domain[1]) != KindDomain) {
		return errors.New("its domain is not there")
	}
	switch kind {
	case KindUser:
		return checkUser(key, value)
	case KindAlias:
		return checkAlias(key, value)
	}
	return checkPointers(value, kind)
}

var errForm = errors.New("not in the form in which gatepost writes it")

func checkUser(key string, value []byte) error {
	u, err := decodeUser(key, value)
	if err != nil {
		return err
	}
	if !bytes.Equal(u.encode(), value) {
		return errForm
	}
	return u.normalise()
}

func checkAlias(key string, value []byte) error {
	a, err := decodeAlias(key, value)
	switch {
	case err != nil:
		return err
	case len(a.Targets) == 0 || len(a.Targets) > MaxTargets:
		return fmt.Errorf("%d targets", len(a.Targets))
	case !bytes.Equal(a.encode(), value):
		return errForm
	}
	return nil
}

func checkDomain(key string, value []byte) error {
	d, err := decodeDomain(key, value)
	if err != nil {
		return err
	}
	if d.Domain.Internal() != key || !bytes.Equal(d.encode(), value) {
		return errForm
	}
	return d.validate()
}

func checkLogin(key string, value []byte) error {
	name, err := mailaddr.ParseLoginName(key)
	if err != nil {
		return err
	}
	if name.String() != key {
		return errForm
	}
	return checkPointers(value, KindLogin)
}

// checkPointers looks at the addresses in a record of one of the other kinds.
func checkPointers(value []byte, kind Kind) error {
	_, r, err := readFields(value, kind)
	if err != nil {
		return err
	}
	r.addresses(tagOwner)
	r.addresses(tagTarget)
	return r.err
}

// checkLinks looks whether a user and the names that lead to it agree.
func (c *Contents) checkLinks(key string, value []byte) error {
	switch r := recordOf(key, value); r.Kind() {
	case KindAddress, KindLogin:
		u := c.get(string(r.Owner())).User()
		if !u.Exists() {
			return fmt.Errorf("there is no user %.80q", r.Owner())
		}
		if !leadsTo(u, key) {
			return fmt.Errorf("the user %.80q does not have it", r.Owner())
		}
	case KindUser:
		names := slices.Collect(r.User().Addresses())
		if login := r.User().LoginName(); login != nil {
			names = append(names, login)
		}
		for _, name := range names {
			if string(c.get(string(name)).Owner()) != key {
				return fmt.Errorf("its name %.80q is not there", name)
			}
		}
	}
	return nil
}

func leadsTo(u User, name string) bool {
	for a := range u.Addresses() {
		if string(a) == name {
			return true
		}
	}
	return string(u.LoginName()) == name
}

func (c *Contents) get(key string) Record {
	if value := c.records[key]; value != nil {
		return recordOf(key, value)
	}
	return Record{}
}

func recordOf(key string, value []byte) Record {
	return Record{appendRecord(nil, 0, []byte(key), value)}
}

// checkLoops looks for aliases and forwards that lead back to themselves, name by
// name. How settings read a name is left out: they may have been others.
func (c *Contents) checkLoops() error {
	seen := map[string]bool{} // false: on the way from it
	for key := range c.records {
		if c.circles(key, seen, 0) {
			return fmt.Errorf("the record %.80q: its targets lead back to themselves", key)
		}
	}
	return nil
}

// deepest is how far names are followed: no directory has so many in a row, and
// a stack has an end.
const deepest = 10_000

// circles reports whether following a name comes to one again, or to no end.
func (c *Contents) circles(key string, seen map[string]bool, depth int) bool {
	r := c.get(key)
	if owner := r.Owner(); owner != nil {
		return c.circles(string(owner), seen, depth)
	}
	left, begun := seen[key]
	if begun {
		return !left
	}
	if depth > deepest {
		return true
	}
	for to := range leads(r) {
		seen[key] = false
		if c.circles(string(to), seen, depth+1) {
			return true
		}
	}
	if _, begun := seen[key]; begun {
		seen[key] = true
	}
	return false
}
