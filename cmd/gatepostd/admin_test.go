package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What administrators may ask of the whole process: what it did, and why.
func TestAdministration(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "alice@example.test")
	p.admin(t, http.MethodPatch, "/v1/users/alice@example.test", map[string]any{"switches": map[string]any{"receive": "reject"}})
	p.ask(t, "policy", questions()[0].text, "action=550 5.2.1 This account does not receive mail\n\n")
	for _, row := range []struct{ name, path, want string }{
		{"rules counts", "/v1/rules", `"rule":"recipient-send-only","mode":"enforce"`},
		{"explain names the rule", "/v1/explain/rcpt?recipient=alice@example.test", `"rule":"recipient-send-only"`},
		{"audit has the command", "/v1/audit", `"user add"`},
		{"audit is intact", "/v1/audit/verify", `"changes":3,"first":1,"last":3`},
		{"status", "/v1/status", `"read_only":false`},
	} {
		if text := p.admin(t, http.MethodGet, row.path, nil); !strings.Contains(text, row.want) {
			t.Errorf("%s: GET %s = %s, want %s in it", row.name, row.path, text, row.want)
		}
	}
	var rules []struct {
		Rule     string
		Rejected int
	}
	if err := json.Unmarshal([]byte(p.admin(t, http.MethodGet, "/v1/rules", nil)), &rules); err != nil {
		t.Fatal(err)
	}
	rejected := map[string]int{}
	for _, rule := range rules {
		if rule.Rejected > 0 {
			rejected[rule.Rule] = rule.Rejected
		}
	}
	if diff := cmp.Diff(map[string]int{"recipient-send-only": 1}, rejected); diff != "" {
		t.Errorf("rejected by rule: -want +got\n%s", diff)
	}
	if code := r.end(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code = %d", code)
	}
}

// A backup of one daemon restores into another.
func TestBackupRestores(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "alice@example.test")
	backup := p.admin(t, http.MethodGet, "/v1/backup", nil)
	r.end(syscall.SIGTERM)

	other := newPlace(t)
	other.start(t)
	if code, text := other.send(t, "admin", http.MethodPost, "/v1/restore", "application/octet-stream", strings.NewReader(backup)); code/100 != 2 {
		t.Fatalf("restore = %d %s", code, text)
	}
	other.ask(t, "auth", questions()[2].text, questions()[2].want)
}
