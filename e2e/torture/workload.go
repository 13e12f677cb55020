package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

const (
	population = 60   // names that a writer creates, changes and deletes
	large      = 5200 // users of a large command: more than the store takes into Badger at once

	counted = "command %d" // the display name of the user that counts a writer's commands
)

// errRefused is what a command fails with after it has changed things.
var errRefused = errors.New("refused on purpose")

// writer is one administrator. What it does is decided by the seed, its number
// and how many commands it has given, so it can be done again elsewhere.
type writer struct {
	seed   uint64
	number int
}

func (w writer) domain() string { return fmt.Sprintf("w%d.test", w.number) }

func (w writer) user(name string) mailaddr.Addr { return address(name + "@" + w.domain()) }

// address parses what this program has made up itself.
func address(text string) mailaddr.Addr {
	a, err := mailaddr.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

// command returns the writer's k-th command, counted from 1. It is pure.
func (w writer) command(k uint64) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		r := rand.New(rand.NewPCG(w.seed<<8|uint64(w.number), k))
		if err := w.begin(tx, k); err != nil || k == 1 {
			return err
		}
		switch n := r.IntN(200); {
		case n < 2 && w.number == 0:
			return w.crowd(tx, r)
		case n < 20:
			return w.several(tx, r, 5+r.IntN(40))
		case n < 30:
			return errors.Join(w.several(tx, r, 5), errRefused)
		case n < 40:
			return tx.CreateUser(directory.UserFields{Address: w.user("counter")}) // exists: refused
		case n < 70:
			return w.alias(tx, r)
		}
		return w.one(tx, r)
	}
}

// begin makes the domain, then counts: every command writes at least this.
func (w writer) begin(tx *directory.Tx, k uint64) error {
	if k > 1 {
		return tx.ChangeUser(w.user("counter"), directory.AnyRevision, func(u *directory.UserFields) error {
			u.DisplayName = fmt.Sprintf(counted, k)
			return nil
		})
	}
	name, err := mailaddr.ParseDomain(w.domain())
	if err != nil {
		return err
	}
	if err := tx.CreateDomain(directory.DomainFields{Domain: name, Quota: directory.InheritLimit}); err != nil {
		return err
	}
	return tx.CreateUser(w.fields("counter", rand.New(rand.NewPCG(0, 0))))
}

func (w writer) fields(name string, r *rand.Rand) directory.UserFields {
	u := directory.UserFields{
		Address: w.user(name), DisplayName: "Somebody " + strings.Repeat("x", r.IntN(100)),
		Switches: directory.DefaultSwitches(), Quota: directory.Limit{Bytes: bytesize.Size(r.Int64N(1 << 40))},
		Credentials: []directory.Credential{{Services: directory.AllServices, Hash: hash(r)}},
	}
	if r.IntN(4) == 0 {
		u.Addresses = []mailaddr.Addr{w.user("also-" + name)}
	}
	return u
}

// hash makes up the hash of a password.
func hash(r *rand.Rand) string {
	return fmt.Sprintf("{SHA512-CRYPT}$6$%016x$%016x%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
}

// one creates, changes, disables or deletes a user.
func (w writer) one(tx *directory.Tx, r *rand.Rand) error {
	name := fmt.Sprint("u", r.IntN(population))
	u, err := tx.User(w.user(name))
	if errors.Is(err, directory.ErrNotFound) {
		return tx.CreateUser(w.fields(name, r))
	}
	if err != nil {
		return err
	}
	if u.State == directory.Disabled && r.IntN(2) == 0 {
		return tx.DeleteUser(u.Address, u.Revision) // refused while an alias leads to it
	}
	return tx.ChangeUser(u.Address, u.Revision, func(u *directory.UserFields) error {
		switch r.IntN(4) {
		case 0:
			u.State = directory.Disabled
		case 1:
			u.State, u.DisplayName = directory.Active, strings.Repeat("é", r.IntN(100))
		default:
			u.Credentials[0].Hash = hash(r)
		}
		return nil
	})
}

// several is a batch: all of it or nothing.
func (w writer) several(tx *directory.Tx, r *rand.Rand, n int) error {
	for range n {
		if err := w.one(tx, r); err != nil {
			return err
		}
	}
	return nil
}

func (w writer) alias(tx *directory.Tx, r *rand.Rand) error {
	at := w.user(fmt.Sprint("team", r.IntN(8)))
	target := w.user(fmt.Sprint("u", r.IntN(population))) // refused when there is no such user
	_, err := tx.Alias(at)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return tx.CreateAlias(directory.AliasFields{Address: at, Targets: []mailaddr.Addr{target}})
	case err == nil && r.IntN(3) == 0:
		return tx.DeleteAlias(at, directory.AnyRevision)
	}
	return errors.Join(err, tx.ChangeAlias(at, directory.AnyRevision, func(a *directory.AliasFields) error {
		a.Targets = append(a.Targets, target)
		return nil
	}))
}

// crowd creates thousands of users in one command, and later changes every
// password of them in one command.
func (w writer) crowd(tx *directory.Tx, r *rand.Rand) error {
	_, err := tx.User(w.user("crowd0"))
	missing := errors.Is(err, directory.ErrNotFound)
	for i := range large {
		name := fmt.Sprint("crowd", i)
		if missing {
			err = tx.CreateUser(w.fields(name, r))
		} else {
			err = tx.ChangeUser(w.user(name), directory.AnyRevision, func(u *directory.UserFields) error {
				u.Credentials[0].Hash = hash(r)
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
