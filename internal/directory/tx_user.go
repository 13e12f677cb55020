package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// User returns everything kept about a user, or ErrNotFound.
func (tx *Tx) User(a mailaddr.Addr) (UserFields, error) {
	value, err := tx.read(KindUser, a, AnyRevision)
	if err != nil {
		return UserFields{}, err
	}
	return decodeUser(a.Internal(), value)
}

// CreateUser makes a user. The address must be free and lie in a domain of
// ours; so must the further addresses.
func (tx *Tx) CreateUser(u UserFields) error {
	if err := u.normalise(); err != nil {
		return err
	}
	if err := tx.hosted("address", u.Address); err != nil {
		return err
	}
	if err := tx.free("address", u.Address.Internal(), u.Address.Unicode()); err != nil {
		return err
	}
	u.Created, u.CreatedRevision = tx.now, tx.revision
	return tx.putUser(UserFields{}, u, nil)
}

// ChangeUser runs fn over the user's fields and writes them back. match is the
// revision that the caller has seen, or AnyRevision. The address cannot be
// changed. A change that changes nothing writes nothing.
func (tx *Tx) ChangeUser(a mailaddr.Addr, match Revision, fn func(*UserFields) error) error {
	value, err := tx.read(KindUser, a, match)
	if err != nil {
		return err
	}
	before, err := decodeUser(a.Internal(), value)
	if err != nil {
		return err
	}
	after := before.clone()
	if err := fn(&after); err != nil {
		return err
	}
	if after.Address != before.Address {
		return invalid("address", "an address cannot be changed; make a new user and move the mail")
	}
	after.Created, after.CreatedRevision = before.Created, before.CreatedRevision
	if err := after.normalise(); err != nil {
		return err
	}
	return tx.putUser(before, after, value)
}

// DeleteUser deletes a user who is disabled or archived and to whom no alias,
// forward or catch-all leads.
func (tx *Tx) DeleteUser(a mailaddr.Addr, match Revision) error {
	value, err := tx.read(KindUser, a, match)
	if err != nil {
		return err
	}
	u, err := decodeUser(a.Internal(), value)
	if err != nil {
		return err
	}
	if u.State != Disabled && u.State != Archived {
		return &Error{Code: CodeNotDisabled, Detail: fmt.Sprintf("%s is %s; only a disabled or archived user can be deleted", a.Unicode(), u.State)}
	}
	names := append([]mailaddr.Addr{a}, u.Addresses...)
	if err := tx.unused(names); err != nil {
		return err
	}
	for _, name := range names {
		if err := tx.remove(name); err != nil {
			return err
		}
	}
	if u.LoginName.String() != "" {
		return tx.put(u.LoginName.String(), nil)
	}
	return nil
}

// clone returns a copy that shares nothing with u that can be changed.
func (u UserFields) clone() UserFields {
	u.Addresses, u.Forward = slices.Clone(u.Addresses), slices.Clone(u.Forward)
	u.Switches.SubmitDomains, u.RoleDomains = slices.Clone(u.Switches.SubmitDomains), slices.Clone(u.RoleDomains)
	u.Credentials = slices.Clone(u.Credentials)
	return u
}

// putUser writes a user and the names that lead to it. stored is the value that
// it replaces, if it does.
func (tx *Tx) putUser(before, after UserFields, stored []byte) error {
	value := after.encode()
	if same(stored, value) {
		return nil
	}
	putRevision(value[6:], tx.revision)
	if err := tx.put(after.Address.Internal(), value); err != nil {
		return err
	}
	if err := tx.putLinks(before, after); err != nil {
		return err
	}
	created := before.Address.IsZero()
	if !created && before.Quota == after.Quota {
		return nil
	}
	return tx.checkDomainLimits(after.Address.Domain().Internal(), after.Quota, created)
}

// putLinks writes the names that lead to a user, and notes where it leads to.
func (tx *Tx) putLinks(before, after UserFields) error {
	if err := tx.putAddresses(before, after); err != nil {
		return err
	}
	if err := tx.putLogin(before, after); err != nil {
		return err
	}
	if len(after.Forward) > 0 {
		tx.routed = append(tx.routed, after.Address.Internal())
	}
	return nil
}

func (tx *Tx) putAddresses(before, after UserFields) error {
	for _, gone := range before.Addresses {
		if slices.Contains(after.Addresses, gone) {
			continue
		}
		if err := tx.unused([]mailaddr.Addr{gone}); err != nil {
			return err
		}
		if err := tx.remove(gone); err != nil {
			return err
		}
	}
	for _, a := range after.Addresses {
		if slices.Contains(before.Addresses, a) {
			continue
		}
		if err := tx.hosted("addresses", a); err != nil {
			return err
		}
		if err := tx.free("addresses", a.Internal(), a.Unicode()); err != nil {
			return err
		}
		if err := tx.put(a.Internal(), encodePointer(KindAddress, after.Address, tx.revision)); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putLogin(before, after UserFields) error {
	if before.LoginName == after.LoginName {
		return nil
	}
	if name := before.LoginName.String(); name != "" {
		if err := tx.put(name, nil); err != nil {
			return err
		}
	}
	name := after.LoginName.String()
	if name == "" {
		return nil
	}
	if err := tx.free("login_name", name, name); err != nil {
		return err
	}
	return tx.put(name, encodePointer(KindLogin, after.Address, tx.revision))
}

// checkDomainLimits fails when a domain has no room for a user that was counted
// already, or for the limit it asks for.
func (tx *Tx) checkDomainLimits(key string, asked Limit, created bool) error {
	d, err := tx.limits(key)
	if err != nil {
		return err
	}
	if d.MaxUsers == 0 && d.MaxBytes == 0 {
		return nil
	}
	sum := tx.tallyOf(key)
	if created && d.MaxUsers > 0 && uint64(sum.Users) > d.MaxUsers {
		return &Error{Code: CodeLimitUsers, Detail: fmt.Sprintf("Maximum number of users allowed has been reached: %s may have %d", d.Domain.Unicode(), d.MaxUsers)}
	}
	if d.MaxBytes == 0 {
		return nil
	}
	return d.checkBytes(sum, asked, tx.d.settings.Load().DefaultQuota)
}

// limits returns a domain, which is read from the store once for all users of a
// command.
func (tx *Tx) limits(key string) (DomainFields, error) {
	if d, ok := tx.domains[key]; ok {
		return d, nil
	}
	value, err := tx.full(key)
	if err != nil {
		return DomainFields{}, err
	}
	d, err := decodeDomain(key, value)
	if err == nil {
		if tx.domains == nil {
			tx.domains = map[string]DomainFields{}
		}
		tx.domains[key] = d
	}
	return d, err
}

// unused fails when something leads to one of the names.
func (tx *Tx) unused(names []mailaddr.Addr) error {
	by := tx.leadingTo(names)
	if len(by) == 0 {
		return nil
	}
	more := ""
	if len(by) > 3 {
		more = fmt.Sprintf(" and %d more", len(by)-3)
		by = by[:3]
	}
	return &Error{Code: CodeInUse, Detail: fmt.Sprintf("%s is still a target of %s%s", names[0].Unicode(), strings.Join(by, ", "), more)}
}
