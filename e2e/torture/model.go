package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

// table is a directory.Store in memory, without any way to lose something.
type table struct {
	mu       sync.Mutex // guards the fields below
	values   map[string]string
	revision directory.Revision
}

func (t *table) Load(_ context.Context, apply func(key, value []byte) error) (directory.Revision, error) {
	for key, value := range t.values {
		if err := apply([]byte(key), []byte(value)); err != nil {
			return 0, err
		}
	}
	return t.revision, nil
}

func (t *table) Commit(_ context.Context, b *directory.Batch) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range b.Entries {
		for c := range e.All() {
			if c.Value == nil {
				delete(t.values, string(c.Key))
			} else {
				t.values[string(c.Key)] = string(c.Value)
			}
		}
	}
	t.revision = b.Revision()
	return nil
}

func (t *table) Read(_ context.Context, key []byte, _ directory.Revision) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if value, ok := t.values[string(key)]; ok {
		return []byte(value), nil
	}
	return nil, directory.ErrNotFound
}

func (t *table) Follow(context.Context, directory.Revision, func(*directory.Batch) error) error {
	return nil
}

// model is what a state directory must hold.
type model struct {
	seed      uint64
	table     *table
	directory *directory.Directory
	done      map[int]uint64 // writer → its last command that is durable
	clock     time.Time      // what the directory's clock shows
}

func newModel(ctx context.Context, seed uint64) (*model, error) {
	m := &model{seed: seed, table: &table{values: map[string]string{}}, done: map[int]uint64{}, clock: epoch}
	var err error
	m.directory, err = openDirectory(ctx, m.table, silent(), func() time.Time { return m.clock })
	return m, err
}

func (m *model) close() { m.directory.Close() }

// name is how a command is found again in the journal.
func name(writer int, k uint64) string { return fmt.Sprintf("%d/%d", writer, k) }

// replay runs the commands that the journal has beyond the model, compares what
// was served in between, and returns their names by revision.
func (m *model) replay(ctx context.Context, s *state, shown *served) (map[directory.Revision]string, error) {
	names := map[directory.Revision]string{}
	if err := shown.compare(m.directory.Revision(), m.table); err != nil {
		return nil, err
	}
	err := s.store.Audit(ctx, m.directory.Revision(), func(e directory.Entry) error {
		names[e.Revision] = strings.Clone(e.Cause.Request)
		if err := m.run(ctx, e); err != nil {
			return err
		}
		return shown.compare(e.Revision, m.table)
	})
	return names, err
}

func (m *model) run(ctx context.Context, e directory.Entry) error {
	var w writer
	var k uint64
	if _, err := fmt.Sscanf(e.Cause.Request, "%d/%d", &w.number, &k); err != nil {
		return fmt.Errorf("the journal has change %d, %q, which nobody made", e.Revision, e.Cause.Request)
	}
	if k <= m.done[w.number] {
		return fmt.Errorf("the journal has command %s at change %d, after command %d", e.Cause.Request, e.Revision, m.done[w.number])
	}
	w.seed, m.done[w.number], m.clock = m.seed, k, e.Time
	got, err := m.directory.Update(ctx, e.Cause, w.command(k))
	if err != nil {
		return fmt.Errorf("the journal has command %s, which must be refused: %w", e.Cause.Request, err)
	}
	if got != e.Revision {
		return fmt.Errorf("the journal has command %s at change %d, where %d must be", e.Cause.Request, e.Revision, got)
	}
	return nil
}

// compare returns what differs between a state and the model.
func (m *model) compare(ctx context.Context, s *state) error {
	got, err := s.records(ctx)
	if err != nil {
		return err
	}
	if have, want := s.directory.Revision(), m.directory.Revision(); have != want {
		return fmt.Errorf("the directory is at revision %d, want %d", have, want)
	}
	for key, want := range m.table.values {
		if value, ok := got[key]; !ok {
			return fmt.Errorf("%s is lost", key)
		} else if value != want {
			return fmt.Errorf("%s is %x, want %x", key, value, want)
		}
	}
	for key := range got {
		if _, ok := m.table.values[key]; !ok {
			return fmt.Errorf("%s is there, and must not be", key)
		}
	}
	return nil
}

// refused reports whether an error is the answer to a command that cannot be
// carried out, rather than trouble of the store.
func refused(err error) bool {
	return !errors.Is(err, directory.ErrReadOnly) && !errors.Is(err, directory.ErrUnknown)
}
