package doortest

import (
	"context"
	"fmt"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// forgetful is a store that keeps the first batch only, which makes the domain:
// a benchmark's million users need not be kept twice.
type forgetful struct{ testkit.Store }

func (s *forgetful) Commit(ctx context.Context, b *directory.Batch) error {
	if len(s.Batches()) > 0 {
		return nil
	}
	return s.Store.Commit(ctx, b)
}

// Crowd returns a directory of n users, user0@example.test and so on, each with
// a limit of its own, a password and a known usage.
func Crowd(t testing.TB, n int) (*directory.Directory, *quota.Ledger) {
	t.Helper()
	l := &quota.Ledger{}
	d := testkit.Open(t, &forgetful{}, l)
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit})
	})
	const batch = 10_000
	for first := 0; first < n; first += batch {
		testkit.Update(t, d, func(tx *directory.Tx) error {
			for i := first; i < min(first+batch, n); i++ {
				if err := tx.CreateUser(member(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for u := range d.View().All(directory.KindUser) {
		l.Report(u.User().Mailbox(), 1<<20, 10, testkit.Noon)
	}
	return d, l
}

func member(i int) directory.UserFields {
	return directory.UserFields{
		Address:     testkit.Addr(fmt.Sprintf("user%d@example.test", i)),
		Switches:    directory.DefaultSwitches(),
		Quota:       directory.Limit{Bytes: 1 << 30},
		Credentials: []directory.Credential{{Services: directory.AllServices, Hash: testkit.PasswordHash}},
	}
}
