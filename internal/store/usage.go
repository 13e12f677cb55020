package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
)

// Usage is what was last known of a user's mailbox. It is telemetry: it may be
// some seconds old after a crash, and it names the revision that created the
// user, so that it never reaches the next owner of the address.
type Usage struct {
	Address string // internal form
	Created directory.Revision
	Usage   quota.Usage
	Login   time.Time // the last login; zero: none seen
}

// A usage value: version (1), created (8), bytes (8), messages (4), measured
// (4) and last login (4) as Unix seconds, 0 for never.
const (
	usageVersion = 1
	usageSize    = 29
)

// SaveUsage stores usage in as few synced transactions as it needs. What it
// stores is not atomic: a crash may leave a part of it.
func (s *Store) SaveUsage(list []Usage) error {
	if err := s.mayWrite(); err != nil {
		return fmt.Errorf("save usage: %w", err)
	}
	err := s.use(func(d *database) error {
		w := d.db.NewWriteBatch()
		defer w.Cancel()
		for _, u := range list {
			key := []byte(usagePrefix + u.Address)
			if err := w.Set(key, seal(key, u.encode())); err != nil {
				return err
			}
		}
		return w.Flush()
	})
	if err != nil {
		return fmt.Errorf("save usage: %w", err)
	}
	return nil
}

// LoadUsage calls apply for all stored usage. A value that cannot be read is
// left out with a log line: usage is known again when Dovecot reports it.
func (s *Store) LoadUsage(ctx context.Context, apply func(Usage)) error {
	if s.image.Load() != nil {
		s.log.Warn("usage is unknown until Dovecot reports it: the database is not open")
		return nil
	}
	s.scanning.RLock()
	defer s.scanning.RUnlock()
	_, err := s.database.usage(0, func(key, sealed []byte, err error) error {
		u, value := Usage{}, []byte(nil)
		if err == nil {
			value, _, err = unseal(key, sealed)
		}
		if err == nil {
			u, err = decodeUsage(value)
		}
		if err != nil {
			s.log.Warn("stored usage is unreadable and left out", "user", string(key[len(usagePrefix):]), "err", err)
			return ctx.Err()
		}
		u.Address = string(key[len(usagePrefix):])
		apply(u)
		return ctx.Err()
	})
	return err
}

// usage calls apply for the usage that was stored after a time, as Badger counts
// it (0: always), unchecked, or with why a value cannot be read. It returns the
// time up to which that was. It is telemetry: nobody is wronged by what a damaged
// table leaves out.
func (d *database) usage(after uint64, apply func(key, sealed []byte, err error) error) (until uint64, err error) {
	err = protect(func() error {
		return d.db.View(func(txn *badger.Txn) error {
			until = txn.ReadTs()
			o := badger.DefaultIteratorOptions
			o.Prefix, o.SinceTs = []byte(usagePrefix), after
			it := txn.NewIterator(o)
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				key := it.Item().KeyCopy(nil)
				sealed, err := it.Item().ValueCopy(nil)
				if err := apply(key, sealed, err); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return until, err
}

// DropUsage forgets the usage of addresses that are nobody's any more.
func (s *Store) DropUsage(addresses []string) error {
	if err := s.mayWrite(); err != nil {
		return fmt.Errorf("drop usage: %w", err)
	}
	err := s.use(func(d *database) error {
		w := d.db.NewWriteBatch()
		defer w.Cancel()
		for _, a := range addresses {
			if err := w.Delete([]byte(usagePrefix + a)); err != nil {
				return err
			}
		}
		return w.Flush()
	})
	if err != nil {
		return fmt.Errorf("drop usage: %w", err)
	}
	return nil
}

func (u Usage) encode() []byte {
	b := append(make([]byte, 0, usageSize), usageVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(u.Created))
	b = binary.LittleEndian.AppendUint64(b, uint64(u.Usage.Bytes))
	b = binary.LittleEndian.AppendUint32(b, u.Usage.Messages)
	b = binary.LittleEndian.AppendUint32(b, seconds(u.Usage.Measured))
	return binary.LittleEndian.AppendUint32(b, seconds(u.Login))
}

func seconds(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(t.Unix())
}

func fromSeconds(b []byte) time.Time {
	if n := binary.LittleEndian.Uint32(b); n != 0 {
		return time.Unix(int64(n), 0)
	}
	return time.Time{}
}

func decodeUsage(b []byte) (Usage, error) {
	if len(b) != usageSize || b[0] != usageVersion {
		return Usage{}, fmt.Errorf("usage of %d bytes in an unknown format", len(b))
	}
	return Usage{
		Created: directory.Revision(binary.LittleEndian.Uint64(b[1:])),
		Usage: quota.Usage{
			Bytes:    int64(binary.LittleEndian.Uint64(b[9:])),
			Messages: binary.LittleEndian.Uint32(b[17:]),
			Measured: fromSeconds(b[21:]),
		},
		Login: fromSeconds(b[25:]),
	}, nil
}
