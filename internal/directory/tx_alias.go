package directory

import (
	"fmt"
	"slices"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Alias returns everything kept about an alias, or ErrNotFound.
func (tx *Tx) Alias(a mailaddr.Addr) (AliasFields, error) {
	value, err := tx.read(KindAlias, a, AnyRevision)
	if err != nil {
		return AliasFields{}, err
	}
	return decodeAlias(a.Internal(), value)
}

// CreateAlias makes an alias. Its address must be free and lie in a domain of
// ours; targets in domains of ours must exist.
func (tx *Tx) CreateAlias(a AliasFields) error {
	if err := tx.hosted("address", a.Address); err != nil {
		return err
	}
	if err := tx.free("address", a.Address.Internal(), a.Address.Unicode()); err != nil {
		return err
	}
	a.Created, a.CreatedRevision, a.Revision = tx.now, tx.revision, 0
	if err := tx.putAlias(AliasFields{}, a); err != nil {
		return err
	}
	return tx.checkAliasLimit(a.Address.Domain())
}

// ChangeAlias runs fn over the alias's fields and writes them back. match is
// the revision that the caller has seen, or AnyRevision.
func (tx *Tx) ChangeAlias(a mailaddr.Addr, match Revision, fn func(*AliasFields) error) error {
	value, err := tx.read(KindAlias, a, match)
	if err != nil {
		return err
	}
	before, err := decodeAlias(a.Internal(), value)
	if err != nil {
		return err
	}
	after := before
	after.Targets = slices.Clone(before.Targets)
	if err := fn(&after); err != nil {
		return err
	}
	if after.Address != before.Address {
		return invalid("address", "an address cannot be changed; make a new alias")
	}
	after.Created, after.CreatedRevision = before.Created, before.CreatedRevision
	return tx.putAlias(before, after)
}

// DeleteAlias deletes an alias that nothing else leads to.
func (tx *Tx) DeleteAlias(a mailaddr.Addr, match Revision) error {
	if _, err := tx.read(KindAlias, a, match); err != nil {
		return err
	}
	if err := tx.unused([]mailaddr.Addr{a}); err != nil {
		return err
	}
	return tx.remove(a)
}

func (tx *Tx) putAlias(before, after AliasFields) error {
	after.Targets = unique(after.Targets)
	switch {
	case len(after.Targets) == 0:
		return invalid("targets", "an alias needs at least one target")
	case len(after.Targets) > MaxTargets:
		return invalid("targets", fmt.Sprintf("%d targets; an alias may have %d", len(after.Targets), MaxTargets))
	}
	after.Revision = before.Revision
	if !before.Address.IsZero() && same(before.encode(), after.encode()) {
		return nil
	}
	after.Revision = tx.revision
	tx.routed = append(tx.routed, after.Address.Internal())
	return tx.put(after.Address.Internal(), after.encode())
}

func (tx *Tx) checkAliasLimit(domain mailaddr.Domain) error {
	key := domain.Internal()
	value, err := tx.full(key)
	if err != nil {
		return err
	}
	d, err := decodeDomain(key, value)
	if err != nil {
		return err
	}
	if d.MaxAliases > 0 && uint64(tx.tallyOf(key).Aliases) > d.MaxAliases {
		return &Error{Code: CodeLimitAliases, Detail: fmt.Sprintf("Maximum number of aliases allowed has been reached: %s may have %d", domain.Unicode(), d.MaxAliases)}
	}
	return nil
}

// unique drops repeated elements and keeps the order.
func unique[T comparable](list []T) []T {
	seen := make(map[T]bool, len(list))
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}
