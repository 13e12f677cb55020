package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// asVictim makes the test binary a process that a test kills; it names what the
// process does and the state directory.
const asVictim = "GATEPOST_STORE_VICTIM"

func TestMain(m *testing.M) {
	what, dir, victim := strings.Cut(os.Getenv(asVictim), " ")
	if !victim {
		os.Exit(m.Run())
	}
	run := victims[what]
	if at := dyingAt[what]; at != "" {
		run = dieReplacing(at, dyingNames(what))
	}
	if err := run(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// victims are what a killed process did: each goes on until it is killed, and
// says a word before each thing that it does.
var victims = map[string]func(dir string) error{"restore": restoreForEver, "prune": pruneForEver}

// kill runs a victim, kills it a moment after so many words, and returns its
// words.
func kill(t *testing.T, what, dir string, after int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asVictim+"="+what+" "+dir)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var words []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words = append(words, lines.Text())
		if len(words) == after {
			moment := time.Duration(rand.IntN(20)) * time.Millisecond
			defer time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }).Stop()
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the victim ended by itself, %v:\n%s", err, trouble.String())
	}
	return words
}

// restoreForEver restores one backup after the other, as the command does.
func restoreForEver(dir string) error {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	d, err := directory.Open(ctx, directory.Options{Store: s, Ledger: &quota.Ledger{}})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		records, err := readRecords(filepath.Join(filepath.Dir(dir), fmt.Sprint("backup", i%2)))
		if err != nil {
			return err
		}
		contents, err := directory.NewContents(records, 1)
		if err != nil {
			return err
		}
		fmt.Println("begin", i%2)
		_, settle, err := s.Keep(ctx)
		if err != nil {
			return err
		}
		if _, err := d.Update(ctx, directory.Cause{Command: "restore"}, func(tx *directory.Tx) error {
			_, err := tx.Restore(contents)
			return err
		}); err != nil {
			return err
		}
		if err := settle(true); err != nil {
			return err
		}
		fmt.Println("done", i%2)
	}
}

func readRecords(path string) (map[string][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	records := map[string][]byte{}
	_, err = ReadSnapshot(file, func(key, value []byte) error { records[string(key)] = value; return nil })
	return records, err
}

// backupOfDomains makes a backup of a directory with domains of its own.
func backupOfDomains(t *testing.T, path, name string, n int) map[string]string {
	t.Helper()
	s := open(t, t.TempDir())
	d := testkit.Open(t, s, &quota.Ledger{})
	testkit.Update(t, d, func(tx *directory.Tx) error {
		var all error
		for i := range n {
			all = errors.Join(all, tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain(fmt.Sprintf("%s%d.test", name, i))}))
		}
		return errors.Join(all, tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("both.test"), MaxUsers: uint64(n)}))
	})
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	return load(t, s)
}

// Killed wherever it is, a restore has happened whole or not at all, and what it
// was to replace is kept whole.
func TestKilledRestore(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "state")
	contents := []map[string]string{
		backupOfDomains(t, filepath.Join(base, "backup0"), "a", 800),
		backupOfDomains(t, filepath.Join(base, "backup1"), "b", 600),
	}
	seen, restored := map[int]int{}, false
	for round := range 8 {
		words := kill(t, "restore", dir, 1+rand.IntN(6))
		s := open(t, dir)
		got := load(t, s)
		at := -1
		for i, want := range contents {
			if cmp.Equal(got, want) {
				at = i
			}
		}
		last := words[len(words)-1]
		restored = restored || len(words) > 1 || at >= 0
		switch {
		case at < 0 && (restored || len(got) > 0): // before the first restore there is nothing
			t.Fatalf("round %d: %d records, of neither backup, after %q", round, len(got), last)
		case strings.HasPrefix(last, "done") && last != fmt.Sprint("done ", at):
			t.Errorf("round %d: the directory is that of backup %d after %q", round, at, last)
		}
		seen[at]++
		kept, err := snapshotsIn(filepath.Join(dir, replacedDir))
		if err != nil || len(kept) > keptSnapshots+1 {
			t.Errorf("round %d: %d directories are kept, %v", round, len(kept), err)
		}
		for _, name := range kept {
			if _, err := checkSnapshot(ctx, filepath.Join(dir, replacedDir, name)); err != nil {
				t.Errorf("round %d: %s: %v", round, name, err)
			}
		}
		if v, err := s.Verify(ctx); err != nil {
			t.Errorf("round %d: Verify = %+v, %v", round, v, err)
		}
		_ = s.Close()
	}
	t.Logf("killed in: %v", seen)
}

// pruneForEver makes changes and prunes them.
func pruneForEver(dir string) error {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		return err
	}
	r := s.Revision()
	for days := int(r)/3 + 1; ; days++ { // time goes on where it stood
		now := today.Add(time.Duration(days) * day)
		for range 3 {
			r++
			b := &directory.Batch{Entries: []directory.Entry{{Revision: r, Time: now, Changes: []directory.Change{put(fmt.Sprint("key", r%20), fmt.Sprint(r))}}}}
			if err := s.Commit(ctx, b); err != nil {
				return err
			}
			fmt.Println(r)
		}
		if err := s.Snapshot(ctx); err != nil {
			return err
		}
		if days%4 != 0 { // several segments at a time
			if err := s.journal.Roll(); err != nil {
				return err
			}
			continue
		}
		if _, err := s.Prune(ctx, 3*day, now); err != nil {
			return err
		}
	}
}

// Killed while it prunes, a journal has no gap, and with a snapshot it still
// makes the whole directory.
func TestKilledPrune(t *testing.T) {
	dir := t.TempDir()
	firsts := map[uint64]bool{}
	for round := range 8 {
		words := kill(t, "prune", dir, 20+rand.IntN(30))
		if round%2 == 1 {
			remove(t, dir, "badger")
		}
		s := open(t, dir)
		var acknowledged directory.Revision
		if _, err := fmt.Sscan(words[len(words)-1], &acknowledged); err != nil {
			t.Fatal(err)
		}
		last := s.Revision()
		if last < acknowledged || last > acknowledged+1 {
			t.Fatalf("round %d: the journal ends with %d, and %d was acknowledged", round, last, acknowledged)
		}
		want := map[string]string{}
		for r := max(0, int(last)-20) + 1; r <= int(last); r++ {
			want[fmt.Sprint("key", r%20)] = fmt.Sprint(r)
		}
		if diff := cmp.Diff(want, load(t, s)); diff != "" {
			t.Fatalf("round %d (-want +got):\n%s", round, diff)
		}
		v, err := s.Verify(ctx)
		if err != nil {
			t.Fatalf("round %d: Verify = %+v, %v", round, v, err)
		}
		firsts[v.First] = true
		_ = s.Close()
	}
	if len(firsts) < 3 {
		t.Errorf("the journal began with %v; hardly anything was pruned", firsts)
	}
}
