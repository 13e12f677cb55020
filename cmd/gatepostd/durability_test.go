package main

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/store"
)

// login asks the auth door with a password.
func (p *place) login(t *testing.T, address, password, want string) {
	t.Helper()
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + address + "\x00" + password))
	p.ask(t, "auth", "VERSION\t1\t2\nCPID\t4711\nAUTH\t1\tPLAIN\tservice=imap\tresp="+plain+"\n", want)
}

// A password that was changed is the one that counts after the database was
// lost, whether it comes back from the journal alone, from a snapshot and what
// is behind it, or from a snapshot alone, the journal being pruned to nothing.
func TestPasswordSurvivesRebuild(t *testing.T) {
	change := func(t *testing.T, p *place, password string) {
		t.Helper()
		p.admin(t, http.MethodPut, "/v1/users/alice@example.test/password", map[string]any{"password": password})
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, state string)
	}{
		{"from the journal alone", func(t *testing.T, state string) { removeAll(t, state, "snapshots") }},
		{"from a snapshot and the journal", func(*testing.T, string) {}},
		{"from a snapshot, with a pruned journal", pruneAll},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			state := filepath.Join(p.dir, "state")
			p.write(t, "[login]\nfailure_delay = \"0s\"\n")
			r := p.start(t)
			p.addDomain(t, "example.test")
			p.addUser(t, "alice@example.test")
			change(t, p, "Older-5678")
			r.end(syscall.SIGTERM) // writes a snapshot
			r = p.start(t)
			change(t, p, "Newest-9012")
			r.end(syscall.SIGKILL) // writes none
			c.spoil(t, state)
			removeAll(t, state, "badger")
			p.start(t)
			if text := p.admin(t, http.MethodGet, "/v1/status", nil); !strings.Contains(text, `"rebuilt":"the database is damaged`) {
				t.Errorf("status = %s, want that the database was rebuilt", text)
			}
			if text := p.scrape(t); !strings.Contains(text, "gatepost_store_rebuilt 1\n") {
				t.Error("the metric does not say that the database was rebuilt")
			}
			p.login(t, "alice@example.test", "Newest-9012", "OK\t1\tuser=alice@example.test")
			p.login(t, "alice@example.test", "Older-5678", "FAIL\t1\t")
			p.login(t, "alice@example.test", "Secret-1234", "FAIL\t1\t")
			if text := p.admin(t, http.MethodGet, "/v1/audit/verify", nil); !strings.Contains(text, `"last":4`) {
				t.Errorf("audit verify = %s, want all up to change 4", text)
			}
		})
	}
}

func removeAll(t *testing.T, state, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(state, name)); err != nil {
		t.Fatal(err)
	}
}

// pruneAll removes every change from the journal, as if they were old.
func pruneAll(t *testing.T, state string) {
	t.Helper()
	s, err := store.Open(store.Options{Dir: state})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(state, "snapshots", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, older := range names[:len(names)-1] { // the oldest counts
		if err := os.Remove(older); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := s.Prune(t.Context(), 24*time.Hour, time.Now().Add(30*24*time.Hour)); err != nil || p.Begins != 5 {
		t.Fatalf("Prune = %+v, %v, want all gone", p, err)
	}
}

// scrape reads the page of metrics.
func (p *place) scrape(t *testing.T) string {
	t.Helper()
	_, text := p.call(t, "metrics", http.MethodGet, "/metrics", nil)
	return text
}

// A segment that was pruned is not missed at a start, and one that was removed
// by hand is: the daemon does not start, and says which.
func TestSegmentRemovedByHand(t *testing.T) {
	p := newPlace(t)
	state := filepath.Join(p.dir, "state")
	r := p.start(t)
	p.addDomain(t, "example.test")
	r.end(syscall.SIGTERM)
	r = p.start(t)
	for _, name := range []string{"a.test", "b.test", "c.test"} {
		p.addDomain(t, name)
	}
	r.end(syscall.SIGTERM)
	pruneAll(t, state)
	r = p.start(t)
	if log, _ := r.log.read(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
		t.Errorf("a pruned journal troubles the start:\n%s", log)
	}
	if text := p.admin(t, http.MethodGet, "/v1/audit/verify", nil); !strings.Contains(text, `"begins":"pruned"`) {
		t.Errorf("audit verify = %s, want a pruned trail", text)
	}
	p.addDomain(t, "d.test")
	r.end(syscall.SIGTERM)
	segments, err := filepath.Glob(filepath.Join(state, "journal", "*.journal"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("%v, %v; want one segment", segments, err)
	}
	later := strings.Replace(segments[0], "00005.journal", "00009.journal", 1)
	if err := os.Rename(segments[0], later); err != nil {
		t.Fatal(err)
	}
	r = p.launch(t)
	r.says("journal segment 00000000000000000005.journal is damaged at byte 0: it is missing")
	if code := r.wait(); code != exitFailed {
		t.Errorf("exit code = %d, want %d", code, exitFailed)
	}
}

// Whatever umask it is started with, the daemon's files are for its owner only;
// and no secret stands in them, but the hashes that must.
func TestStateIsPrivate(t *testing.T) {
	before := syscall.Umask(0o002)
	defer syscall.Umask(before)
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "alice@example.test")
	if code, text := p.send(t, "admin", http.MethodPost, "/v1/restore", "application/octet-stream",
		strings.NewReader(p.admin(t, http.MethodGet, "/v1/backup", nil))); code/100 != 2 {
		t.Fatalf("restore = %d %s", code, text)
	}
	r.end(syscall.SIGTERM)
	seen := 0
	err := filepath.WalkDir(filepath.Join(p.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("mode of %s = %v", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("Secret-1234")) {
			t.Errorf("%s holds a password", path)
		}
		return err
	})
	if err != nil || seen < 10 {
		t.Errorf("%d files were looked at, %v", seen, err)
	}
}

// The retention is in force from the start, and after a reload; a bad one changes
// nothing.
func TestRetention(t *testing.T) {
	p := newPlace(t)
	p.write(t, "[audit]\nretention = \"730d\"\n")
	r := p.start(t)
	for _, row := range []struct {
		name, text, says, want string
	}{
		{"at the start", "", "", `"audit_retention_days":730,`},
		{"reloaded", "[audit]\nretention = \"forever\"\n", "configuration reloaded", `"audit_retention_days":0,`},
		{"a bad file", "[audit]\nretention = \"1h\"\n", `key=audit.retention`, `"audit_retention_days":0,`},
	} {
		if row.text != "" {
			p.write(t, row.text)
			if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			r.says(row.says)
		}
		if text := p.admin(t, http.MethodGet, "/v1/status", nil); !strings.Contains(text, row.want) {
			t.Errorf("%s: status = %s, want %s", row.name, text, row.want)
		}
	}
}
