package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/store"
)

// sight is what a process sees that opens a state directory.
type sight struct {
	Refused     string // why it could not be opened
	Fingerprint string // of the records
	Records     int
	Revision    directory.Revision
	First       uint64           // the first change that is left in the journal afterwards
	Usage       map[string]int64 // bytes by address
	Rebuilt     string           // why the database was rebuilt
	Log         string           // warnings and errors
	Trouble     string           // what did not work afterwards
}

// look opens a state directory, uses it as a daemon does, and says what it saw.
// Everything that is not served is said as soon as it is known: a child may die
// later.
func look(ctx context.Context, o orders, answers io.Writer) error {
	var log bytes.Buffer
	var seen sight
	s, err := openState(ctx, o.Dir, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), func() time.Time { return o.Now })
	if err != nil {
		seen.Refused, seen.Log = err.Error(), log.String()
		return json.NewEncoder(answers).Encode(seen)
	}
	records, err := s.records(ctx)
	seen.Fingerprint, seen.Records, seen.Revision = fingerprint(records), len(records), s.directory.Revision()
	seen.Usage = map[string]int64{}
	err = errors.Join(err, s.store.LoadUsage(ctx, func(u store.Usage) { seen.Usage[u.Address] = u.Usage.Bytes }), use(ctx, s, records, o.Now))
	left, verifyErr := s.store.Verify(ctx)
	seen.First = left.First
	if err = errors.Join(err, verifyErr, s.close()); err != nil {
		seen.Trouble = err.Error()
	}
	seen.Rebuilt, seen.Log = s.store.Rebuilt(), log.String()
	return json.NewEncoder(answers).Encode(seen)
}

// use reads every user as an administrator does, changes one, does what a daemon
// does every hour, by which the journal may be pruned.
func use(ctx context.Context, s *state, records map[string]string, now time.Time) error {
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if directory.Kind(records[key][1]) != directory.KindUser {
			continue
		}
		if _, err := s.directory.ReadUser(ctx, address(key)); err != nil {
			return err
		}
	}
	_, err := s.directory.Update(ctx, directory.Cause{Command: "torture"}, func(tx *directory.Tx) error {
		return tx.ChangeUser(address("counter@w1.test"), directory.AnyRevision, func(u *directory.UserFields) error {
			u.DisplayName = "after the damage"
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("a change after the damage: %w", err)
	}
	if err := errors.Join(s.store.SaveUsage(usage(50)), s.store.Snapshot(ctx)); err != nil {
		return err
	}
	_, err = s.store.Prune(ctx, retention, now)
	return err
}
