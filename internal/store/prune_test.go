package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

const day = 24 * time.Hour

var today = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// daysAgo is a time.
func daysAgo(n int) time.Time { return today.Add(-time.Duration(n) * day) }

func commitAt(t *testing.T, s *Store, r directory.Revision, at time.Time, changes ...directory.Change) {
	t.Helper()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: r, Time: at, Changes: changes}}}
	if err := s.Commit(ctx, b); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// chronicled makes a change for each time, in segments of their own, and a
// snapshot behind each revision that is named.
func chronicled(t *testing.T, dir string, times []time.Time, snapshots ...directory.Revision) *Store {
	t.Helper()
	s := open(t, dir)
	for i, at := range times {
		r := directory.Revision(i + 1)
		if err := s.journal.Roll(); err != nil {
			t.Fatal(err)
		}
		commitAt(t, s, r, at, put(fmt.Sprint("key", r), fmt.Sprint("value", r)))
		for _, wanted := range snapshots {
			if wanted != r {
				continue
			}
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func timesAgo(days ...int) (times []time.Time) {
	for _, n := range days {
		times = append(times, daysAgo(n))
	}
	return times
}

// Only what is older than the retention goes, and only behind the oldest intact
// snapshot.
func TestPrune(t *testing.T) {
	year1970 := time.Date(1970, 1, 1, 0, 5, 0, 0, time.UTC)
	for _, c := range []struct {
		name      string
		times     []time.Time
		snapshots []directory.Revision
		keep      time.Duration
		want      directory.Revision // the first that is left
	}{
		{"kept for ever", timesAgo(4000, 3000, 2000, 1), []directory.Revision{4}, 0, 1},
		{"nothing is old", timesAgo(9, 8, 7, 1), []directory.Revision{4}, 10 * day, 1},
		{"just not old", timesAgo(10, 1), []directory.Revision{2}, 10 * day, 1},
		{"two are old", timesAgo(12, 11, 7, 1), []directory.Revision{4}, 10 * day, 3},
		{"all are old: the last segment is closed, and the next prune takes it", timesAgo(40, 30, 20), []directory.Revision{3}, 10 * day, 4},
		{"no snapshot", timesAgo(12, 11, 7, 1), nil, 10 * day, 1},
		{"a snapshot before it", timesAgo(14, 12, 11, 1), []directory.Revision{1}, 10 * day, 2},
		{"a snapshot in the middle", timesAgo(14, 12, 11, 1), []directory.Revision{2}, 10 * day, 3},
		{"the oldest of three counts", timesAgo(14, 12, 11, 1), []directory.Revision{2, 3, 4}, 10 * day, 3},
		{"an old one behind a new one", timesAgo(14, 1, 14, 1), []directory.Revision{4}, 10 * day, 2},
		{"the clock had not been set", []time.Time{year1970, year1970, daysAgo(1), daysAgo(1)}, []directory.Revision{4}, 10 * day, 1},
		{"the clock had not been set, long ago", []time.Time{year1970, daysAgo(20), daysAgo(15), daysAgo(1)}, []directory.Revision{4}, 10 * day, 4},
		{"the clock went back, and was set long ago", append(timesAgo(30), year1970, daysAgo(20), daysAgo(1)), []directory.Revision{4}, 10 * day, 4},
		{"the clock went back, and was set now", append(timesAgo(30), year1970, daysAgo(1), daysAgo(1)), []directory.Revision{4}, 10 * day, 2},
		{"the clock ran ahead", append(timesAgo(30), today.Add(9000*day), daysAgo(1), daysAgo(1)), []directory.Revision{4}, 10 * day, 2},
		{"the clock ran ahead, long ago", append(timesAgo(30), today.Add(9000*day), daysAgo(20), daysAgo(1)), []directory.Revision{4}, 10 * day, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := chronicled(t, dir, c.times, c.snapshots...)
			if _, err := s.Prune(ctx, c.keep, today); (err != nil) != (c.snapshots == nil) {
				t.Fatalf("Prune: %v", err)
			}
			if got, err := s.journal.First(); err != nil || directory.Revision(got) != c.want {
				t.Errorf("the journal begins with change %d, %v, want %d", got, err, c.want)
			}
			_ = s.Close()
			s = open(t, dir)
			if got := load(t, s); len(got) != len(c.times) {
				t.Errorf("%d records after a restart, want %d", len(got), len(c.times))
			}
			if s.Rebuilt() != "" {
				t.Errorf("rebuilt after a restart: %s", s.Rebuilt())
			}
		})
	}
}

// A segment is closed by age, so that a small directory is pruned too; after a
// tenth of the retention, a day at least, a week at most.
func TestSegmentsAreClosedByAge(t *testing.T) {
	for _, c := range []struct {
		name string
		keep time.Duration
		age  time.Duration
		want int // segments
	}{
		{"for ever, a day short of a week", 0, 6 * day, 1},
		{"for ever, a week", 0, 7 * day, 2},
		{"two years, a week", 730 * day, 7 * day, 2},
		{"two years, less than a week", 730 * day, 7*day - time.Hour, 1},
		{"a month", 30 * day, 3 * day, 2},
		{"a month, not yet", 30 * day, 3*day - time.Hour, 1},
		{"a day", day, day - time.Hour, 1},
		{"the clock goes back", 730 * day, -100 * day, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			if _, err := s.Prune(ctx, c.keep, today); err != nil { // an empty segment stays as it is
				t.Fatal(err)
			}
			commitAt(t, s, 1, today, put("a", "one"))
			commitAt(t, s, 2, today.Add(c.age), put("a", "two")) // its age is that of its first change
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
			for range 2 { // once is enough
				if _, err := s.Prune(ctx, c.keep, today.Add(c.age)); err != nil {
					t.Fatal(err)
				}
			}
			trail, err := s.Trail()
			if err != nil || trail.Segments != c.want || trail.First != 1 || !trail.Oldest.Equal(today) {
				t.Errorf("Trail = %+v, %v, want %d segments from change 1 of today on", trail, err, c.want)
			}
			commitAt(t, s, 3, today.Add(c.age), put("a", "three"))
		})
	}
}

// Nothing is removed when a snapshot is not what was written, when the journal
// is not, or when no changes are taken.
func TestPruneRefuses(t *testing.T) {
	flip := func(t *testing.T, path string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, s *Store)
		want   string             // error
		begins directory.Revision // afterwards
	}{
		{"nothing is damaged", func(*testing.T, *Store) {}, "", 3},
		{"the oldest snapshot", func(t *testing.T, s *Store) { flip(t, s.path("snapshots/"+snapshotName(2))) }, "", 4},
		{"all snapshots", func(t *testing.T, s *Store) {
			flip(t, s.path("snapshots/"+snapshotName(2)))
			flip(t, s.path("snapshots/"+snapshotName(3)))
		}, "there is no intact snapshot", 1},
		{"a snapshot of another revision", func(t *testing.T, s *Store) {
			if err := os.Rename(s.path("snapshots/"+snapshotName(2)), s.path("snapshots/"+snapshotName(1))); err != nil {
				t.Fatal(err)
			}
		}, "", 4},
		{"the journal's first segment", func(t *testing.T, s *Store) {
			flip(t, s.path(fmt.Sprintf("journal/%020d.journal", 1)))
		}, "is damaged", 1},
		{"the next", func(t *testing.T, s *Store) {
			flip(t, s.path(fmt.Sprintf("journal/%020d.journal", 3)))
		}, "is damaged", 1},
		{"no changes are taken", func(_ *testing.T, s *Store) { s.fail(errDiskFull) }, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := chronicled(t, t.TempDir(), timesAgo(30, 29, 28, 1), 2, 3)
			c.damage(t, s)
			_, err := s.Prune(ctx, 10*day, today)
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Prune = %v, want %q", err, c.want)
			}
			if got, err := s.journal.First(); err != nil || directory.Revision(got) != c.begins {
				t.Errorf("the journal begins with change %d, %v, want %d", got, err, c.begins)
			}
		})
	}
}

// What audit shows of a pruned journal: all that is left, and where it begins.
func TestAuditOfAPrunedJournal(t *testing.T) {
	dir := t.TempDir()
	s := chronicled(t, dir, timesAgo(30, 29, 28, 0), 4)
	whole, err := s.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Prune(ctx, 10*day, today)
	if err != nil || p.Segments != 3 || p.Begins != 4 || p.Bytes == 0 {
		t.Fatalf("Prune = %+v, %v, want three segments, from 4 on", p, err)
	}
	for range 2 {
		v, err := s.Verify(ctx)
		if err != nil || v.First != 4 || v.Last != 4 || v.Chain != whole.Chain || v.Anchor.Why != journal.Pruned || v.Anchor.First != 4 || !v.Anchor.Made.Equal(today) {
			t.Errorf("Verify = %+v, %v, want change 4, the head of before and its anchor", v, err)
		}
		var seen []directory.Revision
		if err := s.Audit(ctx, 0, func(e directory.Entry) error { seen = append(seen, e.Revision); return nil }); err != nil || !cmp.Equal(seen, []directory.Revision{4}) {
			t.Errorf("Audit = %v, %v, want change 4", seen, err)
		}
		trail, err := s.Trail()
		if err != nil || trail.First != 4 || trail.Segments != 1 || !trail.Oldest.Equal(today) || trail.Bytes == 0 {
			t.Errorf("Trail = %+v, %v, want one segment from today on", trail, err)
		}
		_ = s.Close()
		s = open(t, dir)
	}
}

// Changes, pruning, snapshots, restarts, kills, lost databases and damaged
// snapshots in any order: everything that was acknowledged is there, always.
func TestPruneRestartRebuild(t *testing.T) {
	dir, now := t.TempDir(), today
	s := open(t, dir)
	want, r := map[string]string{}, directory.Revision(0)
	random := rand.New(rand.NewPCG(1, 2))
	pruned, rebuilt := 0, 0
	restart := func(before func()) {
		_ = s.Close()
		before()
		s = open(t, dir)
	}
	for step := range 120 {
		now = now.Add(time.Duration(random.IntN(72)) * time.Hour)
		switch n := random.IntN(20); {
		case n < 10:
			r++
			key, value := fmt.Sprint("key", random.IntN(30)), fmt.Sprint("value", r)
			want[key] = value
			commitAt(t, s, r, now, put(key, value))
		case n < 13:
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		case n < 17:
			p, err := s.Prune(ctx, 10*day, now)
			if err != nil && !strings.Contains(err.Error(), "no intact snapshot") {
				t.Fatal(err)
			}
			pruned += p.Segments
		case n == 17:
			restart(func() {})
		case n == 18: // killed: the files as they are, and the database without what it had in memory
			s.drain()
			killed := t.TempDir()
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			_ = s.Close()
			dir = killed
			s = open(t, dir)
		default:
			restart(func() {
				if err := os.RemoveAll(filepath.Join(dir, "badger")); err != nil {
					t.Fatal(err)
				}
				if names, err := filepath.Glob(filepath.Join(dir, "snapshots", "*")); err == nil && len(names) > 1 { // the newest is damaged, too
					b, err := os.ReadFile(names[len(names)-1])
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(names[len(names)-1], bytes.ToUpper(b), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			})
			if s.Rebuilt() != "" {
				rebuilt++
			}
		}
		if diff := cmp.Diff(want, load(t, s)); diff != "" {
			t.Fatalf("step %d (-want +got):\n%s", step, diff)
		}
		if v, err := s.Verify(ctx); err != nil || v.Last != uint64(r) {
			t.Fatalf("step %d: Verify = %+v, %v, want all up to %d", step, v, err, r)
		}
	}
	if pruned < 5 || rebuilt < 2 {
		t.Errorf("%d segments were pruned and %d databases rebuilt; that proves little", pruned, rebuilt)
	}
}

// A pruned journal without snapshots does not make a directory: when the
// database is lost too, the start is refused with words, again and again.
func TestPrunedJournalWithoutSnapshots(t *testing.T) {
	dir := t.TempDir()
	s := chronicled(t, dir, timesAgo(30, 29, 1), 3)
	if p, err := s.Prune(ctx, 10*day, today); err != nil || p.Begins != 3 {
		t.Fatalf("Prune = %+v, %v, want all before change 3", p, err)
	}
	_ = s.Close()
	remove(t, dir, "snapshots")
	s = open(t, dir) // the database has everything
	if got := load(t, s); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
	_ = s.Close()
	remove(t, dir, "badger")
	for range 2 {
		_, err := Open(Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "there is no intact snapshot, and the journal begins with change 3 only") ||
			!strings.Contains(err.Error(), "restore the state directory from a backup") {
			t.Fatalf("Open = %v, want a refusal that says what can be done", err)
		}
		remove(t, dir, "badger") // what the refused start has left is no database either
	}
}
