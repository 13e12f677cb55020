package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
)

// epoch is what the clock of every directory here shows, unless a case moves
// it, so that the model writes the same dates.
var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func noon() time.Time { return epoch }

// state is a state directory that is open as the daemon has it open.
type state struct {
	store     *store.Store
	directory *directory.Directory
}

func openState(ctx context.Context, dir string, log *slog.Logger, now func() time.Time) (*state, error) {
	s, err := store.Open(store.Options{Dir: dir, Log: log})
	if err != nil {
		return nil, err
	}
	d, err := openDirectory(ctx, s, log, now)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &state{s, d}, nil
}

func openDirectory(ctx context.Context, s directory.Store, log *slog.Logger, now func() time.Time) (*directory.Directory, error) {
	return directory.Open(ctx, directory.Options{Store: s, Ledger: &quota.Ledger{}, Settings: directory.Settings{Delimiters: "+"}, Log: log, Now: now})
}

func (s *state) close() error {
	s.directory.Close()
	return s.store.Close()
}

// records returns every record, byte for byte.
func (s *state) records(ctx context.Context) (map[string]string, error) {
	var mu sync.Mutex // guards all
	all := map[string]string{}
	_, err := s.store.Load(ctx, func(key, value []byte) error {
		mu.Lock()
		defer mu.Unlock()
		all[string(key)] = string(value)
		return nil
	})
	return all, err
}

// fingerprint is the same for the same records only.
func fingerprint(records map[string]string) string {
	sum := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(records)) {
		for _, text := range []string{key, records[key]} {
			_, _ = sum.Write(binary.AppendUvarint(nil, uint64(len(text))))
			_, _ = sum.Write([]byte(text))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// silent drops what is logged.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
