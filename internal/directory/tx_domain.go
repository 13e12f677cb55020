package directory

import (
	"fmt"
	"math"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Domain returns everything kept about a domain, or ErrNotFound.
func (tx *Tx) Domain(name mailaddr.Domain) (DomainFields, error) {
	value, err := tx.read(KindDomain, name, AnyRevision)
	if err != nil {
		return DomainFields{}, err
	}
	return decodeDomain(name.Internal(), value)
}

// CreateDomain makes a domain.
func (tx *Tx) CreateDomain(d DomainFields) error {
	if r := tx.lookup(d.Domain.Internal()); r.Exists() {
		return &Error{Code: CodeExists, Field: "domain", Detail: "there is already a domain " + d.Domain.Unicode()}
	}
	d.Created, d.CreatedRevision, d.Revision = tx.now, tx.revision, 0
	return tx.putDomain(DomainFields{}, d)
}

// ChangeDomain runs fn over the domain's fields and writes them back. match is
// the revision that the caller has seen, or AnyRevision.
func (tx *Tx) ChangeDomain(name mailaddr.Domain, match Revision, fn func(*DomainFields) error) error {
	value, err := tx.read(KindDomain, name, match)
	if err != nil {
		return err
	}
	before, err := decodeDomain(name.Internal(), value)
	if err != nil {
		return err
	}
	after := before
	if err := fn(&after); err != nil {
		return err
	}
	if after.Domain != before.Domain {
		return invalid("domain", "a domain cannot be renamed; make a new one and move its users")
	}
	after.Created, after.CreatedRevision = before.Created, before.CreatedRevision
	return tx.putDomain(before, after)
}

// DeleteDomain deletes a domain without users, further addresses and aliases.
func (tx *Tx) DeleteDomain(name mailaddr.Domain, match Revision) error {
	if _, err := tx.read(KindDomain, name, match); err != nil {
		return err
	}
	if sum := tx.tallyOf(name.Internal()); sum.Users+sum.Addresses+sum.Aliases > 0 {
		return &Error{Code: CodeNotEmpty, Detail: fmt.Sprintf("%s still has %d users, %d further addresses and %d aliases",
			name.Unicode(), sum.Users, sum.Addresses, sum.Aliases)}
	}
	return tx.put(name.Internal(), nil)
}

func (tx *Tx) putDomain(before, after DomainFields) error {
	if err := after.validate(); err != nil {
		return err
	}
	after.Revision = before.Revision
	if !before.Domain.IsZero() && same(before.encode(), after.encode()) {
		return nil
	}
	after.Revision = tx.revision
	if !after.CatchAll.IsZero() {
		tx.routed = append(tx.routed, after.Domain.Internal())
	}
	return tx.put(after.Domain.Internal(), after.encode())
}

// checkBytes fails when the users' limits together exceed the domain's
// max-bytes, sum already holding the user whose limit is asked for.
func (d DomainFields) checkBytes(sum Tally, asked Limit, fallback bytesize.Size) error {
	inherited := fallback
	if !d.Quota.Inherit {
		inherited = d.Quota.Bytes
	}
	if asked.Inherit {
		asked.Bytes = inherited
	}
	if asked.Bytes == 0 {
		return &Error{Code: CodeLimitBytes, Field: "quota", Detail: fmt.Sprintf("%s may hold %s together, so a user there needs a limit", d.Domain.Unicode(), d.MaxBytes)}
	}
	total := bytesize.Size(sum.Bytes)
	if inherited > 0 && sum.Inherit > int64(d.MaxBytes/inherited) {
		total = math.MaxInt64
	} else {
		total = total.Add(inherited * bytesize.Size(sum.Inherit))
	}
	if total > d.MaxBytes {
		return &Error{Code: CodeLimitBytes, Field: "quota", Detail: fmt.Sprintf("%s may hold %s together; its users' limits together would be more", d.Domain.Unicode(), d.MaxBytes)}
	}
	return nil
}
