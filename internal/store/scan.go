package store

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// scan calls apply for every record of a view, from several goroutines at the
// same time, and compares what it saw with the head. errDamaged: it is not all
// there.
func (d *database) scan(ctx context.Context, txn *badger.Txn, h head, apply func(key, value []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	var mu sync.Mutex // guards seen
	var seen tally
	for _, r := range d.ranges(runtime.GOMAXPROCS(0)) {
		running.Go(func() {
			t, err := r.scan(ctx, txn, apply)
			if err != nil {
				cancel(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen.add(t)
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return seen.compare(h)
}

// tally is what was seen of the records.
type tally struct{ records, digest uint64 }

func (t *tally) add(more tally) {
	t.records += more.records
	t.digest += more.digest
}

// compare returns errDamaged when the head says something else.
func (t tally) compare(h head) error {
	if h.progress > 0 {
		return fmt.Errorf("%w: of change %d it has only the beginning", errDamaged, h.revision+1)
	}
	if t.records != h.records || t.digest != h.digest {
		return fmt.Errorf("%w: it holds %d records with digest %016x; the last commit (revision %d) left %d with digest %016x",
			errDamaged, t.records, t.digest, h.revision, h.records, h.digest)
	}
	return nil
}

// keyRange is the records from one key up to, and without, another; nil: to the
// end.
type keyRange struct{ from, to []byte }

// ranges divides the records into at most n ranges of about the same size, at
// the borders of Badger's tables: keys are names, so only the tables say where
// many of them are. A small database has one range.
func (d *database) ranges(n int) []keyRange {
	var borders [][]byte
	for _, t := range d.db.Tables() {
		if bytes.HasPrefix(t.Right, []byte(recordPrefix)) {
			borders = append(borders, t.Right)
		}
	}
	slices.SortFunc(borders, bytes.Compare)
	return divide(borders, n)
}

// divide chooses n-1 of the borders.
func divide(borders [][]byte, n int) []keyRange {
	last := keyRange{from: []byte(recordPrefix)}
	var list []keyRange
	for i := range n {
		at := i * len(borders) / n
		if at == 0 || bytes.Compare(borders[at-1], last.from) <= 0 {
			continue
		}
		border := borders[at-1]
		last.to = border
		list = append(list, last)
		last = keyRange{from: border}
	}
	return append(list, last)
}

// scan calls apply for the records of a range.
func (r keyRange) scan(ctx context.Context, txn *badger.Txn, apply func(key, value []byte) error) (t tally, err error) {
	err = protect(func() (err error) {
		t, err = r.read(ctx, txn, apply)
		return err
	})
	return t, err
}

func (r keyRange) read(ctx context.Context, txn *badger.Txn, apply func(key, value []byte) error) (t tally, err error) {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte(recordPrefix)}) // values are in the tables: nothing to prefetch
	defer it.Close()
	for it.Seek(r.from); it.Valid(); it.Next() {
		key := it.Item().Key()
		if r.to != nil && bytes.Compare(key, r.to) >= 0 {
			break
		}
		err := it.Item().Value(func(sealed []byte) error {
			value, s, err := unseal(key, sealed)
			if err != nil {
				return err
			}
			t.add(tally{1, s})
			return apply(key[len(recordPrefix):], value)
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}
