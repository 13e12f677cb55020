package directory

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAudit(t *testing.T) {
	u := everyUserField(t)
	shown, err := Audit(Change{Key: []byte("alice@example.test"), Value: u.encode()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range u.Credentials {
		if strings.Contains(string(shown), c.Hash) {
			t.Errorf("the audit shows the hash %s", c.Hash)
		}
	}
	var fields map[string]any
	if err := json.Unmarshal(shown, &fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"kind": "user", "state": "frozen", "login_name": "alice", "submit": "listed",
		"receive": "defer", "quota": float64(500 << 20), "keep_copy": true, "recovery": "me@home.test"} {
		if fields[name] != want {
			t.Errorf("%s = %v, want %v", name, fields[name], want)
		}
	}
	if n := len(fields["credentials"].([]any)); n != 3 {
		t.Errorf("%d credentials are shown, want 3", n)
	}
	for name, value := range goldens(t) {
		key := "alice@example.test"
		switch name {
		case "domain":
			key = "@example.test"
		case "login":
			key = "alice"
		}
		if _, err := Audit(Change{Key: []byte(key), Value: value}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if shown, err := Audit(Change{Key: []byte("alice@example.test")}); err != nil || string(shown) != "null" {
		t.Errorf("a deleted record is shown as %s, %v, want null", shown, err)
	}
}
