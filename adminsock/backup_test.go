package adminsock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/snapshot"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/internal/testkit"
)

// backup takes a backup, as curl would.
func (r *stored) backup() string {
	r.t.Helper()
	a := r.ok("GET /v1/backup", "", 200, nil)
	if got := a.header.Get("Content-Type"); got != "application/octet-stream" {
		r.t.Errorf("Content-Type = %q", got)
	}
	return a.body
}

// all returns every name with its kind and revision.
func (r *stored) all() map[string]directory.Revision {
	names := map[string]directory.Revision{}
	for _, kind := range directory.Kinds() {
		for record := range r.dir.View().All(kind) {
			names[kind.String()+" "+string(record.Key())] = record.Revision()
		}
	}
	return names
}

func sameNames(a, b map[string]directory.Revision) bool {
	if len(a) != len(b) {
		return false
	}
	for name, revision := range a {
		if b[name] != revision {
			return false
		}
	}
	return true
}

// What was saved comes back as it was, and what was there before can come back
// too.
func TestBackupAndRestore(t *testing.T) {
	r := startStored(t)
	file, saved := r.backup(), r.all()
	var v snapshot.Verifier
	_, _ = io.WriteString(&v, file)
	sum, err := v.Finish()
	if err != nil || sum.Revision != 1 || sum.Records != 36 {
		t.Errorf("the backup is %+v, %v, want revision 1 with 36 names", sum, err)
	}

	r.ok("POST /v1/users", `{"address":"new@example.test"}`, 201, nil)
	r.ok("POST /v1/users/bob@example.test/disable", "", 200, nil)
	r.ok("DELETE /v1/aliases/dead@example.test", "", 200, nil)
	later := r.all()
	var out command.Restored
	a := r.do("POST /v1/restore", file, "Content-Type: application/octet-stream")
	if a.status != 201 {
		t.Fatalf("POST /v1/restore = %d %s", a.status, a.body)
	}
	into(t, a, &out)
	if out.Created != 1 || out.Changed != 1 || out.Deleted != 1 || out.Records != 36 || out.Restored != 1 || out.Before != 4 || out.Revision != 5 {
		t.Errorf("restored %+v, want one name created, changed and deleted", out)
	}
	if !sameNames(r.all(), saved) {
		t.Error("the directory is not what it was")
	}
	if bob := r.dir.View().User(mailaddr.KeyOf(testkit.Addr("bob@example.test"))); bob.State() != directory.Active {
		t.Error("bob is still disabled")
	}
	var change command.Change
	if r.ok("GET /v1/audit/5", "", 200, &change); change.Command != "restore" || change.Total != 3 {
		t.Errorf("the trail says %+v, want restore of 3 names", change)
	}

	kept, err := os.ReadFile(out.Kept)
	if err != nil || filepath.Dir(filepath.Dir(out.Kept)) != r.state {
		t.Fatalf("kept in %s: %v", out.Kept, err)
	}
	if a := r.do("POST /v1/restore", string(kept)); a.status != 201 {
		t.Fatalf("POST /v1/restore of what was kept = %d %s", a.status, a.body)
	}
	if !sameNames(r.all(), later) {
		t.Error("the directory is not what it was before the restore")
	}
	if log := r.log.String(); strings.Count(log, "backup taken") != 1 || strings.Contains(log, "took=0s") {
		t.Errorf("the log does not tell that a backup was taken, or not how long it took:\n%s", log)
	}
}

func into(t *testing.T, a answer, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// Whatever is wrong with a file, nothing is touched.
func TestRestoreRefuses(t *testing.T) {
	r := startStored(t)
	file := r.backup()
	flipped := []byte(file)
	flipped[len(flipped)/2] ^= 1
	later := strings.Replace(file, "snapshot 1", "snapshot 2", 1)
	before := r.all()
	for _, row := range []struct {
		name, body, want string
	}{
		{"nothing", "", "does not begin with"},
		{"something else", "[]", "does not begin with"},
		{"a later format", later, "does not begin with"},
		{"only the head", file[:36], "ends at byte 36"},
		{"cut in the middle", file[:len(file)/2], "in the middle"},
		{"cut before the last byte", file[:len(file)-1], "in the middle"},
		{"a bit flipped", string(flipped), "not an intact gatepost backup"},
		{"more behind it", file + "x", "something follows"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := r.do("POST /v1/restore", row.body).problem(t)
			if p.Status != 422 || p.Code != "damaged_backup" || !strings.Contains(p.Detail, row.want) || !strings.Contains(p.Detail, "nothing was changed") {
				t.Errorf("POST /v1/restore = %+v, want %q", p, row.want)
			}
		})
	}
	if !sameNames(r.all(), before) || r.dir.Revision() != 1 {
		t.Error("a refused restore changed something")
	}
	if left, err := filepath.Glob(filepath.Join(r.state, "restoring-*")); err != nil || left != nil {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A file that is whole but holds what cannot be stored is refused as a whole.
func TestRestoreOfUnreadableRecord(t *testing.T) {
	r := startStored(t, func(s *adminsock.Server) {
		s.ReadBackup = func(_ io.Reader, apply func(k, v []byte) error) (directory.Revision, error) {
			return 7, apply([]byte("bob@example.test"), []byte("no record"))
		}
	})
	if p := r.do("POST /v1/restore", "x").problem(t); p.Status != 422 || p.Code != "damaged_backup" || !strings.Contains(p.Detail, `"bob@example.test"`) {
		t.Errorf("POST /v1/restore = %+v", p)
	}
	if r.dir.Revision() != 1 {
		t.Error("something was changed")
	}
}

// When what is there cannot be saved, it is not replaced.
func TestRestoreNeedsToKeep(t *testing.T) {
	r := startStored(t, func(s *adminsock.Server) {
		s.Backup = &between{store: s.Backup, kept: func() error { return errDiskFull }}
	})
	file := r.backup()
	r.ok("POST /v1/users/bob@example.test/disable", "", 200, nil)
	p := r.do("POST /v1/restore", file).problem(t)
	if p.Status != 503 || p.Code != "read_only" || !strings.Contains(p.Detail, "nothing was changed") || !strings.Contains(p.Detail, errDiskFull.Error()) {
		t.Errorf("POST /v1/restore = %+v", p)
	}
	if r.dir.Revision() != 2 {
		t.Error("something was changed")
	}
}

// between lets a test come between the server and its store.
type between struct {
	store  adminsock.Backup
	backup func(context.Context, io.Writer) (directory.Revision, error) // nil: the store's
	kept   func() error                                                 // called after each Keep; nil: nothing
}

func (b *between) Backup(ctx context.Context, w io.Writer) (directory.Revision, error) {
	if b.backup != nil {
		return b.backup(ctx, w)
	}
	return b.store.Backup(ctx, w)
}

func (b *between) Reserve() uint64 { return b.store.Reserve() }

func (b *between) Keep(ctx context.Context) (string, func(bool) error, error) {
	path, settle, err := b.store.Keep(ctx)
	if b.kept != nil {
		err = errors.Join(err, b.kept())
	}
	return path, settle, err
}

// A change that comes between keeping and replacing is not lost: it is kept
// too, or nothing is restored.
func TestRestoreKeepsTheLastChange(t *testing.T) {
	var times atomic.Int32
	r := startStored(t, func(s *adminsock.Server) {
		s.Backup = &between{store: s.Backup, kept: func() error {
			if times.Add(-1) >= 0 {
				testkit.Update(t, s.Directory, renameBob)
			}
			return nil
		}}
	})
	file := r.backup()
	times.Store(1)
	var out command.Restored
	a := r.do("POST /v1/restore", file)
	into(t, a, &out)
	if a.status != 201 || out.Before != 2 || out.Changed != 1 {
		t.Fatalf("POST /v1/restore = %d %s, want it over revision 2", a.status, a.body)
	}
	kept, err := os.Open(out.Kept)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	if revision, err := store.ReadSnapshot(kept, func(_, _ []byte) error { return nil }); err != nil || revision != 2 {
		t.Errorf("kept revision %d, %v, want 2", revision, err)
	}
}

// A restore comes to its end among others who never rest: they wait for it once,
// which status tells, and their changes come after it.
func TestRestoreAmongOthers(t *testing.T) {
	var waiting sync.WaitGroup
	var keeps atomic.Int32
	stages := make(chan string, 1)
	var r *stored
	r = startStored(t, func(s *adminsock.Server) {
		s.Backup = &between{store: s.Backup, kept: func() error {
			if keeps.Add(1) == 1 {
				testkit.Update(t, s.Directory, renameBob)
				return nil
			}
			waiting.Go(func() { testkit.Update(t, s.Directory, renameBob) })
			var status command.Server
			r.ok("GET /v1/status", "", 200, &status)
			stages <- fmt.Sprint(len(status.Work), status.Work[0].Stage)
			return nil
		}}
	})
	file := r.backup()
	var out command.Restored
	a := r.do("POST /v1/restore", file)
	into(t, a, &out)
	if a.status != 201 || out.Before != 2 || out.Revision != 3 || keeps.Load() != 2 {
		t.Errorf("POST /v1/restore = %d %s, want it over revision 2, at the second try", a.status, a.body)
	}
	if got := <-stages; got != "1storing" {
		t.Errorf("status says %s, want that the restore is being stored", got)
	}
	waiting.Wait()
	if got := r.dir.Revision(); got != 4 {
		t.Errorf("revision %d, want the waiting change after the restore", got)
	}
}

// What three restores have saved stays, however often they had to begin anew.
func TestMovedRestoreKeepsWhatWasSaved(t *testing.T) {
	var moves atomic.Int32
	r := startStored(t, func(s *adminsock.Server) {
		s.Backup = &between{store: s.Backup, kept: func() error {
			if moves.Add(-1) >= 0 {
				testkit.Update(t, s.Directory, renameBob)
			}
			return nil
		}}
	})
	file := r.backup()
	var want []string
	for range 3 {
		moves.Store(1)
		var out command.Restored
		a := r.do("POST /v1/restore", file)
		into(t, a, &out)
		if a.status != 201 {
			t.Fatalf("POST /v1/restore = %d %s", a.status, a.body)
		}
		want = append(want, out.Kept)
	}
	got, err := filepath.Glob(filepath.Join(r.state, "before-restore", "*"))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("saved (-want +got), %v:\n%s", err, diff)
	}
}

// renameBob changes something.
func renameBob(tx *directory.Tx) error {
	return tx.ChangeUser(testkit.Addr("bob@example.test"), directory.AnyRevision, func(u *directory.UserFields) error {
		u.DisplayName += "x"
		return nil
	})
}

// A backup that breaks off is a broken connection, never a shorter file.
func TestBackupBreaksOff(t *testing.T) {
	for _, n := range []int{0, 200_000} {
		t.Run(fmt.Sprint("after ", n), func(t *testing.T) {
			r := startStored(t, func(s *adminsock.Server) {
				s.Backup = &between{backup: func(_ context.Context, w io.Writer) (directory.Revision, error) {
					if n > 0 {
						_, _ = w.Write(make([]byte, n))
					}
					return 0, errDiskFull
				}}
			})
			res, err := r.client.Get("http://gatepost/v1/backup")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			switch {
			case n == 0 && (res.StatusCode != 500 || res.Header.Get("Content-Type") != "application/problem+json"):
				t.Errorf("GET /v1/backup = %d %s, want a problem", res.StatusCode, body)
			case n > 0 && err == nil:
				t.Errorf("GET /v1/backup = %d with %d bytes and no error, want a broken connection", res.StatusCode, len(body))
			}
			if !strings.Contains(r.log.String(), errDiskFull.Error()) {
				t.Error("the log does not tell why")
			}
		})
	}
}

// Only one backup is restored at a time.
func TestRestoreOneAtATime(t *testing.T) {
	r := startStored(t)
	first := r.dial()
	first.send("POST /v1/restore HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
	if line, err := first.r.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // it reads the body now
		t.Fatalf("%q, %v, want 100 Continue", line, err)
	}
	if _, err := first.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if p := r.do("POST /v1/restore", "x").problem(t); p.Status != http.StatusConflict || p.Code != "busy" {
		t.Errorf("a second restore = %+v, want busy", p)
	}
	first.send("gatepost")
	if status := first.status(); status != 422 {
		t.Errorf("the first restore = %d, want 422", status)
	}
}
