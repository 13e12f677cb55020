// Package population fills a state directory with the users of a benchmark, and
// reads it back in the cheapest way there is.
//
// It goes through package directory, as commands would, so what it stores is
// what gatepostd would have stored; only the hash is made once, because a
// million of them would take hours. A user has an address of 20 bytes, an
// Argon2id hash of 97, and inherits everything else.
package population

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/e2e/bench/traffic"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
)

// batch is how many users one command makes: one transaction of the store
// holds some ten thousand records.
const batch = 5000

// complete is written last: a directory without it was not filled to the end.
// It tells the format, so that an older one is made anew.
const (
	complete = "population"
	format   = "1"
)

// Fill makes the state directory dir with the users, unless it is there
// already.
func Fill(ctx context.Context, dir string, users traffic.Users) error {
	want := format + " " + strconv.Itoa(users.Count) + "\n"
	if have, err := os.ReadFile(filepath.Join(dir, complete)); err == nil && string(have) == want {
		return nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return err
	}
	if err := fill(ctx, dir, users); err != nil {
		return fmt.Errorf("fill %d users: %w", users.Count, err)
	}
	return os.WriteFile(filepath.Join(dir, complete), []byte(want), 0o600)
}

func fill(ctx context.Context, dir string, users traffic.Users) (err error) {
	hash, err := Hash()
	if err != nil {
		return err
	}
	s, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d, err := directory.Open(ctx, directory.Options{Store: s, Ledger: &quota.Ledger{}})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := addDomains(ctx, d, users); err != nil {
		return err
	}
	for first := 0; first < users.Count; first += batch {
		if err := addUsers(ctx, d, users, first, hash); err != nil {
			return err
		}
	}
	return nil
}

func addDomains(ctx context.Context, d *directory.Directory, users traffic.Users) error {
	return update(ctx, d, func(tx *directory.Tx) error {
		for n := range users.Domains() {
			name, err := mailaddr.ParseDomain(users.Domain(n))
			if err != nil {
				return err
			}
			if err := tx.CreateDomain(directory.DomainFields{Domain: name, Quota: directory.InheritLimit}); err != nil {
				return err
			}
		}
		return nil
	})
}

func addUsers(ctx context.Context, d *directory.Directory, users traffic.Users, first int, hash string) error {
	return update(ctx, d, func(tx *directory.Tx) error {
		for n := first; n < min(first+batch, users.Count); n++ {
			address, err := mailaddr.Parse(users.Address(n))
			if err != nil {
				return err
			}
			if err := tx.CreateUser(user(address, hash)); err != nil {
				return err
			}
		}
		return nil
	})
}

func user(a mailaddr.Addr, hash string) directory.UserFields {
	return directory.UserFields{Address: a, Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit,
		Credentials: []directory.Credential{{Services: directory.AllServices, Hash: hash}}}
}

func update(ctx context.Context, d *directory.Directory, fn func(*directory.Tx) error) error {
	_, err := d.Update(ctx, directory.Cause{Actor: "benchmark", Command: "fill"}, fn)
	return err
}

// Hash returns the hash of everybody's password.
func Hash() (string, error) {
	return password.Hash(password.Argon2ID, password.Secret(traffic.Password))
}

// HashSize is how many bytes of a record are a user's hash, as Dovecot would
// have it.
func HashSize() (int, error) {
	hash, err := Hash()
	return len(strings.TrimPrefix(hash, "{ARGON2ID}")), err
}
