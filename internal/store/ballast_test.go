package store

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// heldBlocks returns how much a state directory's ballast has on the disk.
func heldBlocks(t *testing.T, dir string) int64 {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	return blocks(file)
}

// The ballast is given up when another program takes the disk, and made again
// only when there has been room for twice the reserve for a while.
func TestBallast(t *testing.T) {
	const reserve = 4 * tableRoom
	var free testDisk
	var log bytes.Buffer
	dir := t.TempDir()
	d, err := newDisk(Options{Dir: dir, Reserve: reserve, free: free.free, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.ballast.close()
	long := func() { d.ballast.since = time.Now().Add(-regrowAfter) }
	for _, step := range []struct {
		name   string
		free   uint64
		before func()
		held   bool
	}{
		{"too little room to make it", 2*reserve - 1, func() {}, false},
		{"room, but not for long", 2 * reserve, func() { d.keepBallast(false) }, false},
		{"room for long", 2 * reserve, long, true},
		{"changes are refused, and it stays", reserve / 2, func() {}, true},
		{"another program takes the disk", reserve/2 - 1, func() {}, false},
		{"its own room is not enough to make it again", reserve, long, false},
		{"nor is it just after that", 2 * reserve, func() {}, false},
		{"room for long again", 2 * reserve, long, true},
	} {
		free.bytes.Store(step.free)
		step.before()
		d.keepBallast(false)
		if err := d.touch(); err != nil {
			t.Fatal(err)
		}
		if got := heldBlocks(t, dir); (got >= reserve/2) != step.held || !step.held && got > 2*ballastRest {
			t.Errorf("%s: %d bytes are held, want them: %v", step.name, got, step.held)
		}
	}
	if said := strings.Count(log.String(), "the ballast is given up"); said != 1 {
		t.Errorf("it is said %d times that the ballast is given up, want once:\n%s", said, &log)
	}
}

// What is committed is taken in with the ballast's room.
func TestFinishGivesTheBallastUp(t *testing.T) {
	const reserve = 4 * tableRoom
	free := uint64(roomy)
	dir := t.TempDir()
	var d *disk
	d, err := newDisk(Options{Dir: dir, Reserve: reserve, Log: slog.New(slog.DiscardHandler), free: func(string) (uint64, error) {
		if d != nil && d.ballast.held {
			return free, nil
		}
		return free + reserve/2, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.ballast.close()
	d.keepBallast(true)
	for _, step := range []struct {
		free uint64
		ok   bool
		held bool
	}{{roomy, true, true}, {reserve / 2, true, true}, {reserve/2 - 1, true, false}, {0, true, false}} {
		free = step.free
		if err := d.finish(); (err == nil) != step.ok {
			t.Errorf("finish with %d bytes = %v", step.free, err)
		}
		if d.ballast.held != step.held {
			t.Errorf("with %d bytes the ballast is held: %v, want %v", step.free, d.ballast.held, step.held)
		}
	}
}

func TestReserve(t *testing.T) {
	for _, row := range []struct {
		name       string
		size, want uint64
	}{
		{"a server's disk", 100 << 30, 64 << 20},
		{"just large enough", 256 << 20, 64 << 20},
		{"a small tmpfs", 100_000_000, 25_000_000},
		{"a very small one", 64 << 20, 24 << 20},
	} {
		if got := reserveOf(row.size); max(got, row.want)-min(got, row.want) > 1<<20 {
			t.Errorf("%s: reserveOf(%d) = %d, want %d", row.name, row.size, got, row.want)
		}
	}
}

// A snapshot does not take the last of the disk, and nothing of it stays.
func TestSnapshotLeavesRoom(t *testing.T) {
	var d testDisk
	d.bytes.Store(roomy)
	dir := t.TempDir()
	s := openOn(t, dir, &d)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	d.bytes.Store(s.disk.line())
	if _, err := s.writeSnapshot(ctx, s.path(snapshotDir)); !errors.Is(err, errDiskFull) {
		t.Errorf("writeSnapshot = %v, want that the disk is full", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "snapshots", "*")); err != nil || len(left) != 0 {
		t.Errorf("%v is left of a snapshot that was not written", left)
	}
}
