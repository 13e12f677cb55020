package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
)

// checkTables reads every table of the database in dir, compares every block
// with its checksum, also those that hold no record, and their index. It is done
// before Badger opens them: Badger reads tables in goroutines of its own, where
// a damaged one, or a page that the disk does not give, ends the process (a
// table cut to half: measured), and some of that only when it compacts, hours
// later. errDamaged: a table is not what was written.
func checkTables(dir string) error {
	names, err := tables(dir)
	if err != nil {
		return err
	}
	var mu sync.Mutex // guards errs
	var errs error
	var running sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, name := range names {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := checkTable(filepath.Join(dir, name)); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = errors.Join(errs, fmt.Errorf("table %s: %w", name, err))
			}
		})
	}
	running.Wait()
	return errs
}

// tables lists the tables that the database in dir consists of. Others may lie
// there too: a crash leaves what was not finished.
func tables(dir string) (names []string, err error) {
	file, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a new one, or its head will tell
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	err = protect(func() error {
		manifest, _, err := badger.ReplayManifestFile(file, 0, badger.DefaultOptions(dir).WithLogger(nil))
		for _, id := range slices.Sorted(maps.Keys(manifest.Tables)) {
			names = append(names, table.IDToFilename(id))
		}
		return err
	})
	if err != nil && !isFileTrouble(err) {
		err = fmt.Errorf("%w: its manifest: %w", errDamaged, err)
	}
	return names, err
}

// checkTable checks one table.
func checkTable(path string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: it is missing", errDamaged)
	}
	if err != nil {
		return err
	}
	if err := checkIndex(content); err != nil {
		return err
	}
	err = protect(func() error {
		id, _ := table.ParseFileID(path)
		t, err := table.OpenInMemoryTable(content, id, &table.Options{BlockSize: 4 << 10, ChkMode: options.OnBlockRead})
		if err != nil {
			return err
		}
		return t.VerifyChecksum()
	})
	if err != nil && !errors.Is(err, errDamaged) {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// checkIndex checks the end of a table: Badger 4.9.6 leaves the process
// (log.Fatal) where that is cut. From its end backwards a table has the length of
// a checksum (4, big endian), the checksum (a protocol buffer), the length of the
// index (4), and the index.
func checkIndex(content []byte) error {
	sum, rest, ok := cutBack(content)
	if !ok {
		return fmt.Errorf("%w: its end is missing", errDamaged)
	}
	index, _, ok := cutBack(rest)
	if !ok || len(index) == 0 {
		return fmt.Errorf("%w: its index is missing", errDamaged)
	}
	var want []byte // field 1, the algorithm, is 0 for CRC-32C, and zeros are left out; field 2 is the sum
	if c := crc32.Checksum(index, crc32.MakeTable(crc32.Castagnoli)); c != 0 {
		want = binary.AppendUvarint([]byte{2 << 3}, uint64(c))
	}
	if !bytes.Equal(sum, want) {
		return fmt.Errorf("%w: its index has a wrong checksum", errDamaged)
	}
	return nil
}

// cutBack takes the last part off, which is followed by its length.
func cutBack(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	body, n := b[:len(b)-4], uint64(binary.BigEndian.Uint32(b[len(b)-4:]))
	if n > uint64(len(body)) {
		return nil, nil, false
	}
	at := len(body) - int(n)
	return body[at:], body[:at], true
}
