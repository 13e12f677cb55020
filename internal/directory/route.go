package directory

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// This file checks where aliases, forwards and catch-alls lead when they are
// written. View.Expand follows them when mail comes.

// leads yields where a record leads to: an alias's targets, a user's forward, a
// domain's catch-all.
func leads(r Record) iter.Seq[[]byte] {
	switch r.Kind() {
	case KindAlias, KindReserved:
		return r.all(tagTarget)
	case KindUser:
		return r.all(tagForward)
	case KindDomain:
		return r.all(tagCatchAll)
	}
	return func(func([]byte) bool) {}
}

// resolve returns the record that answers for an address, as View.Resolve does,
// with further addresses followed.
func (tx *Tx) resolve(address []byte) Record {
	r := tx.lookup(string(address))
	if !r.Exists() {
		if base, _, _, ok := mailaddr.Canonical(address).AppendBase(nil, tx.d.settings.Load().Delimiters); ok {
			r = tx.lookup(string(base.Bytes()))
		}
	}
	if o := r.Owner(); o != nil {
		r = tx.lookup(string(o))
	}
	return r
}

// checkRoute fails when a record leads to an address of ours that does not
// exist, back to itself, too deep, or to too many.
func (tx *Tx) checkRoute(key string) error {
	r := tx.lookup(key)
	if !r.Exists() {
		return nil // deleted again by the same command
	}
	field := routeField(r)
	w := walk{tx: tx, field: field, height: map[string]int{}, leaves: map[string]bool{}}
	height, err := w.visit(r)
	if err != nil {
		return err
	}
	if len(w.leaves) > MaxTargets {
		return &Error{Code: CodeTooDeep, Field: field, Detail: fmt.Sprintf("%s leads to %d addresses; %d are allowed", key, len(w.leaves), MaxTargets)}
	}
	if height > 1 { // what leads here grows with it
		height += tx.depthAbove(r)
	}
	if height > MaxDepth {
		return &Error{Code: CodeTooDeep, Field: field, Detail: fmt.Sprintf("%s would make mail pass %d aliases; %d are allowed", key, height, MaxDepth)}
	}
	return nil
}

// routeField names the input field that says where a record leads.
func routeField(r Record) string {
	switch r.Kind() {
	case KindUser:
		return "forward"
	case KindDomain:
		return "catch_all"
	}
	return "targets"
}

type walk struct {
	tx     *Tx
	field  string          // of the record whose route is checked
	height map[string]int  // longest way down from a record; visiting: not known yet
	leaves map[string]bool // final targets
}

const visiting = -1

// visit returns how many steps it is from r to its farthest final target.
func (w *walk) visit(r Record) (int, error) {
	key := string(r.Key())
	if h, seen := w.height[key]; seen {
		if h == visiting {
			return 0, &Error{Code: CodeLoop, Field: w.field, Detail: fmt.Sprintf("the targets of %s lead back to it", key)}
		}
		return h, nil
	}
	w.height[key] = visiting
	highest := 0
	for to := range leads(r) {
		h, err := w.target(r, to)
		if err != nil {
			return 0, err
		}
		highest = max(highest, h)
	}
	if highest == 0 || r.Kind() == KindUser && r.User().KeepCopy() {
		w.leaves[key] = true
	}
	w.height[key] = highest
	return highest, nil
}

// target returns the height of from's target, counting the step to it.
func (w *walk) target(from Record, to []byte) (int, error) {
	next := w.tx.resolve(to)
	if kind := next.Kind(); kind == KindUser || kind == KindAlias || kind == KindReserved {
		h, err := w.visit(next)
		return h + 1, err
	}
	domain := w.tx.lookup(string(domainPart(to)))
	if domain.Kind() != KindDomain {
		w.leaves[string(to)] = true
		return 1, nil
	}
	if domain.Domain().CatchAll() == nil || bytes.Equal(domain.Key(), from.Key()) {
		return 0, &Error{Code: CodeNoTarget, Field: w.field, Detail: fmt.Sprintf("there is no %s in our domain %s", to, domain.Domain().Name())}
	}
	h, err := w.visit(domain)
	return h + 1, err
}

// depthAbove returns how many steps it is at most from anything that leads to r.
func (tx *Tx) depthAbove(r Record) int {
	level := []string{string(r.Key())}
	for depth := 0; ; depth++ {
		if depth > MaxDepth {
			return depth
		}
		above := tx.above(level)
		if len(above) == 0 {
			return depth
		}
		level = above
	}
}

// above returns the names that lead to one of the names in one step. It is asked
// when everything is written, so what leads where is found out once.
func (tx *Tx) above(names []string) []string {
	if tx.leading == nil {
		tx.leading = map[string][]string{}
		for r := range tx.all() {
			for to := range leads(r) {
				if key := string(tx.resolve(to).Key()); key != "" {
					tx.leading[key] = append(tx.leading[key], string(r.Key()))
				}
			}
		}
	}
	var found []string
	for _, name := range names {
		found = append(found, tx.leading[name]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// leadingTo returns what leads to one of the addresses, sorted, in words.
func (tx *Tx) leadingTo(addresses []mailaddr.Addr) []string {
	delimiters := tx.d.settings.Load().Delimiters
	var found []string
	for r := range tx.all() {
		for to := range leads(r) {
			if slices.ContainsFunc(addresses, func(a mailaddr.Addr) bool { return meant(to, a, delimiters) }) {
				found = append(found, string(r.Key()))
				break
			}
		}
	}
	slices.Sort(found)
	return found
}

// meant reports whether the target is the address, with or without a detail.
func meant(to []byte, a mailaddr.Addr, delimiters string) bool {
	if string(to) == a.Internal() {
		return true
	}
	base, _, _, ok := mailaddr.Canonical(to).AppendBase(nil, delimiters)
	return ok && string(base.Bytes()) == a.Internal()
}
