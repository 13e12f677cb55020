package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/password"
)

// randomPrefix begins the hashes that password.HashRandom makes.
const randomPrefix = "{SHA256-RANDOM}"

// errUsed says that somebody else used a single-use password first.
var errUsed = errors.New("the one-time password was used already")

// matched is what a secret was found to be.
type matched struct {
	right      bool
	credential directory.Credential // which one it is
}

// match compares the secret with everything the user has; u may be the zero
// User. The error is a temporary failure.
func (c *Checker) match(ctx context.Context, a *Attempt, u directory.User) (matched, error) {
	var main directory.Credential
	if u.Exists() {
		for cred := range u.Credentials() {
			if !usable(&cred, a.Service, c.now()) {
				continue
			}
			if password.VerifyRandom(cred.Hash, a.Secret) {
				return matched{right: true, credential: cred}, nil
			}
			if cred.Kind == directory.MainPassword && !strings.HasPrefix(cred.Hash, randomPrefix) {
				main = cred
			}
		}
	}
	if main.Hash == "" {
		_, err := c.verifier.Verify(ctx, c.verifier.Decoy(a.Name), a.Secret)
		return matched{}, err
	}
	right, err := c.verify(ctx, main.Hash, a.Secret)
	return matched{right, main}, err
}

// verify is the verification of a main password, remembered when it succeeds.
func (c *Checker) verify(ctx context.Context, hash string, s password.Secret) (bool, error) {
	cache := c.cache.Load()
	if cache.Hit([]byte(hash), s) {
		return true, nil
	}
	right, err := c.verifier.Verify(ctx, hash, s)
	if right && err == nil {
		cache.Add([]byte(hash), s)
		cache.added.Add(1)
	}
	return right && err == nil, err
}

// remembers reports whether the secret is the user's main password and was
// verified before.
func (c *Checker) remembers(a *Attempt, u directory.User) bool {
	for cred := range u.Credentials() {
		if cred.Kind == directory.MainPassword {
			return usable(&cred, a.Service, c.now()) && !cred.SingleUse && c.cache.Load().Hit([]byte(cred.Hash), a.Secret)
		}
	}
	return false
}

// usable reports whether a credential is taken for a service now. The main
// password is taken everywhere; an administrator's test takes all.
func usable(cred *directory.Credential, s Service, now time.Time) bool {
	if !cred.Expires.IsZero() && !now.Before(cred.Expires) {
		return false
	}
	return cred.Kind == directory.MainPassword || cred.Services.Has(services[s].bit)
}

// useUp deletes a single-use password. When it returns nil, that is durable.
func (c *Checker) useUp(ctx context.Context, g *Grant, used directory.Credential) error {
	address, err := mailaddr.FromInternal(string(g.Address))
	if err != nil {
		return err
	}
	cause := directory.Cause{Actor: address.String(), Command: "login"}
	_, err = c.directory.Update(ctx, cause, func(tx *directory.Tx) error {
		return tx.ChangeUser(address, directory.AnyRevision, func(u *directory.UserFields) error {
			at := slices.IndexFunc(u.Credentials, func(have directory.Credential) bool {
				return have.Kind == used.Kind && have.Hash == used.Hash
			})
			if at < 0 || u.CreatedRevision != g.Created {
				return errUsed
			}
			u.Credentials = slices.Delete(u.Credentials, at, at+1)
			return nil
		})
	})
	if errors.Is(err, directory.ErrNotFound) {
		return errUsed
	}
	return err
}
