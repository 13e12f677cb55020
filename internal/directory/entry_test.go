package directory_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/testkit"
)

// A large change is alone in what becomes durable together, whatever waits
// around it.
func TestLargeChangeIsAlone(t *testing.T) {
	s := &testkit.Store{}
	d := open(t, s)
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			update := d.Update
			if i%3 == 0 {
				update = d.UpdateMany
			}
			cause := directory.Cause{Command: fmt.Sprint("large ", i%3 == 0)}
			if _, err := update(ctx, cause, createUser(fmt.Sprintf("u%d@example.test", i), nil)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, b := range s.Batches() {
		for _, e := range b.Entries {
			if e.Cause.Command == "large true" && len(b.Entries) > 1 {
				t.Errorf("a large change is committed with %d others", len(b.Entries)-1)
			}
		}
	}
	if got := d.View().Count(directory.KindUser); got != 60 {
		t.Errorf("%d users, want 60", got)
	}
}

// What does not fit into one piece is refused with a code of its own, before the
// store sees it.
func TestTooLargeChange(t *testing.T) {
	s := &testkit.Store{}
	d := open(t, s)
	alias := recordsOf(t, s)["@example.test"]
	text := strings.Repeat("x", directory.MaxValue-1024)
	fat := append([]byte{}, alias...)
	fat[1] = byte(directory.KindUser)
	binary.LittleEndian.PutUint32(fat[18:], 0)
	fat = append(fat[:22], 0x81)
	fat = append(binary.AppendUvarint(fat, uint64(len(text))), text...)
	records := map[string][]byte{}
	for i := range directory.MaxEntry/len(fat) + 1 {
		records[fmt.Sprintf("u%d@example.test", i)] = fat
	}
	clear(fat[6:18]) // as old as can be
	before := d.Revision()
	_, err := d.UpdateMany(ctx, directory.Cause{}, func(tx *directory.Tx) error {
		_, err := tx.Restore(directory.RawContents(records))
		return err
	})
	if e := (*directory.Error)(nil); !errors.As(err, &e) || e.Code != directory.CodeTooLarge || d.Revision() != before {
		t.Errorf("UpdateMany = %v, want too_large", err)
	}
}
