package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
)

const (
	// saveEvery is how much usage a crash may lose.
	saveEvery = 5 * time.Second

	// saveBatch is how many users are saved together. Between two batches the
	// store serves others.
	saveBatch = 4096
)

// usageStore is what usage is saved in.
type usageStore interface {
	SaveUsage([]store.Usage) error
	LoadUsage(ctx context.Context, apply func(store.Usage)) error
	DropUsage(addresses []string) error
}

// usageKeeper carries what the ledger knows over a restart. Its methods are for
// one goroutine at a time.
type usageKeeper struct {
	store     usageStore
	directory *directory.Directory
	ledger    *quota.Ledger
	log       *slog.Logger

	saved uint64    // the ledger's count of reports at the last save
	since time.Time // when the last save began; what is older has been saved
}

// restore tells the ledger what was saved. Usage of an address that is nobody's
// any more, or somebody else's by now, is dropped; when that fails it stays until
// the next start.
func (k *usageKeeper) restore(ctx context.Context) error {
	var gone []string
	view := k.directory.View()
	err := k.store.LoadUsage(ctx, func(u store.Usage) {
		user := view.Lookup(mailaddr.Canonical([]byte(u.Address))).User()
		if !user.Exists() || user.CreatedRevision() != u.Created {
			gone = append(gone, u.Address)
			return
		}
		if u.Usage.Known() {
			k.ledger.Report(user.Mailbox(), u.Usage.Bytes, u.Usage.Messages, u.Usage.Measured)
		}
		if !u.Login.IsZero() {
			k.ledger.LoggedIn(user.Mailbox(), u.Login)
		}
	})
	k.saved, k.since = k.ledger.Reports(), time.Now()
	if err != nil || len(gone) == 0 {
		return err
	}
	if err := k.store.DropUsage(gone); err != nil {
		k.log.Warn("saved usage of users that are gone cannot be dropped", "users", len(gone), "err", err)
		return nil // nobody is served wrongly for it
	}
	k.log.Info("saved usage of users that are gone is dropped", "users", len(gone))
	return nil
}

// run saves every saveEvery, until ctx ends.
func (k *usageKeeper) run(ctx context.Context) {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.save()
		}
	}
}

// save saves what has changed since the last save. What cannot be saved is
// tried again with the next one; the daemon goes on without.
func (k *usageKeeper) save() {
	reports := k.ledger.Reports()
	if reports == k.saved {
		return
	}
	begun := time.Now()
	var err error
	batch := make([]store.Usage, 0, saveBatch)
	for r := range k.directory.View().All(directory.KindUser) {
		if u, changed := k.usage(r.User(), begun); changed {
			batch = append(batch, u)
		}
		if len(batch) == saveBatch {
			if err = k.store.SaveUsage(batch); err != nil {
				break
			}
			batch = batch[:0]
		}
	}
	if err == nil && len(batch) > 0 {
		err = k.store.SaveUsage(batch)
	}
	if err != nil {
		k.log.Warn("usage is not saved, trying again", "err", err)
		return
	}
	k.saved, k.since = reports, begun
}

// usage returns what is known of a user, and whether that may be newer than the
// last save. The ledger keeps whole seconds, and a report may have been on its
// way into it during the save: two seconds are looked back. After the clock went
// backwards everything counts as newer.
func (k *usageKeeper) usage(u directory.User, now time.Time) (store.Usage, bool) {
	usage, login := k.ledger.Usage(u.Mailbox()), k.ledger.LastLogin(u.Mailbox())
	after := k.since.Round(0).Add(-2 * time.Second)
	if now.Round(0).Before(k.since.Round(0)) {
		after = time.Time{}
	}
	known := usage.Known() || !login.IsZero()
	if !known || !usage.Measured.After(after) && !login.After(after) {
		return store.Usage{}, false // nearly everybody, so this must cost nothing
	}
	return store.Usage{Address: string(u.Address()), Created: u.CreatedRevision(), Usage: usage, Login: login}, true
}
