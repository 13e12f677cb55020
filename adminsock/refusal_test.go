package adminsock_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/testkit"
)

// TestRefusals asks for what cannot be, over the standard directory.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 257)
	tests := []struct {
		name, line, body string
		status           int
		code, field      string
	}{
		{"user exists", "POST /v1/users", `{"address":"alice@example.test"}`, 409, "exists", "address"},
		{"address is an alias", "POST /v1/users", `{"address":"team@example.test"}`, 409, "exists", "address"},
		{"login name is taken", "POST /v1/users", `{"address":"n@example.test","login_name":"alice"}`, 409, "exists", "login_name"},
		{"domain exists", "POST /v1/domains", `{"domain":"other.test"}`, 409, "exists", "domain"},
		{"alias exists", "POST /v1/aliases", `{"address":"team@example.test","targets":["bob@example.test"]}`, 409, "exists", "address"},
		{"no such user", "GET /v1/users/nobody@example.test", "", 404, "not_found", ""},
		{"no such alias", "GET /v1/aliases/alice@example.test", "", 404, "not_found", ""},
		{"no such domain to show", "GET /v1/domains/nowhere.test", "", 404, "not_found", ""},
		{"no such domain to list", "GET /v1/users?domain=nowhere.test", "", 404, "not_found", "domain"},
		{"no such domain to be in", "POST /v1/users", `{"address":"x@nowhere.test"}`, 422, "no_such_domain", "address"},
		{"target is nobody", "POST /v1/aliases", `{"address":"x@example.test","targets":["nobody@example.test"]}`, 422, "no_such_target", "targets"},
		{"no targets", "POST /v1/aliases", `{"address":"x@example.test","targets":[]}`, 422, "invalid", "targets"},
		{"targets lead back", "PUT /v1/aliases/team@example.test", `{"targets":["nested@example.test"]}`, 422, "alias_loop", "targets"},
		{"still a target", "DELETE /v1/users/disabled@example.test", "", 409, "in_use", ""},
		{"not empty", "DELETE /v1/domains/other.test", "", 409, "not_empty", ""},
		{"not disabled", "DELETE /v1/users/bob@example.test", "", 409, "not_disabled", ""},
		{"archived", "POST /v1/users/archived@example.test/enable", "", 409, "archived", ""},
		{"archived, by field", "PATCH /v1/users/archived@example.test", `{"disabled":false}`, 409, "archived", ""},
		{"not archived", "POST /v1/users/bob@example.test/restore", "", 409, "not_archived", ""},
		{"weak password", "PUT /v1/users/bob@example.test/password", `{"password":"short"}`, 422, "weak_password", "password"},
		{"no password at all", "PUT /v1/users/bob@example.test/password", `{}`, 422, "invalid", "password"},
		{"two passwords", "POST /v1/users", `{"address":"n@example.test","random":true,"no_password":true}`, 422, "invalid", "password"},
		{"bad hash", "POST /v1/users", `{"address":"n@example.test","password_hash":"{MD5}x"}`, 422, "invalid", "password_hash"},
		{"bad address", "POST /v1/users", `{"address":"nobody"}`, 422, "invalid", "address"},
		{"bad address in the path", "GET /v1/users/nobody", "", 422, "invalid", "address"},
		{"exotic address for a user", "POST /v1/users", `{"address":"\"a b\"@example.test"}`, 422, "invalid", "address"},
		{"bad quota", "PATCH /v1/users/bob@example.test", `{"quota":"5X"}`, 422, "invalid", "quota"},
		{"negative quota", "PATCH /v1/users/bob@example.test", `{"quota_bytes":-1}`, 422, "invalid", "quota_bytes"},
		{"quota twice", "PATCH /v1/users/bob@example.test", `{"quota":"5G","quota_bytes":1}`, 422, "invalid", "quota"},
		{"name twice", "PATCH /v1/users/bob@example.test", `{"name":"a","display_name":"b"}`, 422, "invalid", "name"},
		{"name too long", "PATCH /v1/users/bob@example.test", `{"name":"` + long + `"}`, 422, "invalid", "display_name"},
		{"role twice", "PATCH /v1/users/bob@example.test", `{"role":"admin","roles":["admin"]}`, 422, "invalid", "role"},
		{"unknown role", "PATCH /v1/users/bob@example.test", `{"roles":["king"]}`, 422, "invalid", "roles"},
		{"switch twice", "PATCH /v1/users/bob@example.test", `{"receive":"accept","switches":{"receive":"defer"}}`, 422, "invalid", "switches"},
		{"unknown switch", "PATCH /v1/users/bob@example.test", `{"switches":{"fly":true}}`, 422, "invalid", "switches.fly"},
		{"state and disabled", "PATCH /v1/users/bob@example.test", `{"state":"active","disabled":true}`, 422, "invalid", "disabled"},
		{"second address wrong", "PATCH /v1/users/bob@example.test", `{"addresses":["b@example.test","nonsense"]}`, 422, "invalid", "addresses[1]"},
		{"keep copy of nothing", "PATCH /v1/users/bob@example.test", `{"keep_copy":true}`, 422, "invalid", "keep_copy"},
		{"field of the answer only", "PATCH /v1/users/bob@example.test", `{"used_bytes":0}`, 422, "invalid", "used_bytes"},
		{"app password without label", "POST /v1/users/bob@example.test/app-passwords", `{"label":""}`, 422, "invalid", "label"},
		{"address is missing", "POST /v1/users", `{}`, 422, "invalid", "address"},
		{"limit is no number", "GET /v1/users?limit=many", "", 422, "invalid", "limit"},
		{"unknown query parameter", "GET /v1/users?sort=up", "", 422, "invalid", "sort"},
		{"query parameter twice", "GET /v1/users?limit=1&limit=2", "", 400, "malformed", "limit"},
		{"query not well formed", "GET /v1/users?limit=%zz", "", 400, "malformed", ""},
		{"no such path", "GET /v1/nothing", "", 404, "no_such_path", ""},
		{"the root", "GET /", "", 404, "no_such_path", ""},
		{"a path that wants cleaning", "GET /v1//users", "", 404, "no_such_path", ""},
		{"method", "PUT /v1/users", `{}`, 405, "method_not_allowed", ""},
		{"pages that load from elsewhere", "GET /docs", "", 404, "no_such_path", ""},
	}
	r := start(t, nil)
	before := r.dir.Revision()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := r.do(tt.line, tt.body)
			p := a.problem(t)
			if p.Status != tt.status || p.Code != tt.code || p.Field != tt.field {
				t.Errorf("%s %s = %d %s %q (%s), want %d %s %q", tt.line, tt.body, p.Status, p.Code, p.Field, p.Detail, tt.status, tt.code, tt.field)
			}
		})
	}
	if after := r.dir.Revision(); after != before {
		t.Errorf("Revision = %d, want %d: a refusal changed something", after, before)
	}
}

func TestLimitsOfADomain(t *testing.T) {
	r := start(t, nil)
	r.ok("POST /v1/domains", `{"domain":"small.test","max_users":1,"max_aliases":1,"max_bytes":1000,"quota_bytes":600}`, 201, nil)
	r.ok("POST /v1/users", `{"address":"a@small.test"}`, 201, nil)
	r.ok("POST /v1/aliases", `{"address":"x@small.test","targets":["a@small.test"]}`, 201, nil)
	tests := []struct{ name, line, body, code string }{
		{"users", "POST /v1/users", `{"address":"b@small.test"}`, "limit_users"},
		{"aliases", "POST /v1/aliases", `{"address":"y@small.test","targets":["a@small.test"]}`, "limit_aliases"},
		{"bytes", "PATCH /v1/users/a@small.test", `{"quota_bytes":2000}`, "limit_bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if p := r.do(tt.line, tt.body).problem(t); p.Status != 409 || p.Code != tt.code {
				t.Errorf("%s %s = %d %s, want 409 %s", tt.line, tt.body, p.Status, p.Code, tt.code)
			}
		})
	}
}

// TestRevisions: a change that names what it saw is refused when it is late.
func TestRevisions(t *testing.T) {
	r := start(t, nil)
	r.ok("PATCH /v1/users/bob@example.test", `{"revision":1,"name":"Bob"}`, 200, nil)
	tests := []struct {
		name, line, body, header string
		status                   int
		code                     string
	}{
		{"old revision in the body", "PATCH /v1/users/bob@example.test", `{"revision":1,"name":"x"}`, "", 409, "conflict"},
		{"old revision in the query", "DELETE /v1/aliases/dead@example.test?revision=2", "", "", 409, "conflict"},
		{"old revision in the header", "PATCH /v1/users/bob@example.test", `{"name":"x"}`, `If-Match: "1"`, 412, "conflict"},
		{"old revision of a state", "POST /v1/users/bob@example.test/disable", "", `If-Match: "1"`, 412, "conflict"},
		{"no revision", "PATCH /v1/users/bob@example.test", `{"name":"x"}`, `If-Match: "one"`, 422, "invalid"},
		{"the revision", "PATCH /v1/users/bob@example.test", `{"name":"B"}`, `If-Match: "2"`, 200, ""},
		{"any revision", "PATCH /v1/users/bob@example.test", `{"name":"C"}`, `If-Match: *`, 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.header != "" {
				headers = []string{tt.header}
			}
			a := r.do(tt.line, tt.body, headers...)
			if a.status != tt.status {
				t.Fatalf("%s = %d %s, want %d", tt.line, a.status, a.body, tt.status)
			}
			if tt.code != "" && a.problem(t).Code != tt.code {
				t.Errorf("%s = %s, want %s", tt.line, a.body, tt.code)
			}
			if tt.code == "" && a.header.Get("ETag") == "" {
				t.Errorf("%s has no ETag", tt.line)
			}
		})
	}
}

// TestStoreTrouble: what the store cannot take is refused, with a reason, and
// an unforeseen error says nothing but its id.
func TestStoreTrouble(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"the disk is full", errDiskFull, 503, "read_only"},
		{"nobody knows", directory.ErrUnknown, 503, "unknown_outcome"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := failing(t, tt.err)
			p := r.do("POST /v1/domains", `{"domain":"new.test"}`).problem(t)
			if p.Status != tt.status || p.Code != tt.code {
				t.Errorf("POST = %d %s, want %d %s", p.Status, p.Code, tt.status, tt.code)
			}
			if log := r.log.String(); !strings.Contains(log, "command failed") || !strings.Contains(log, p.Request) {
				t.Errorf("log = %s, want the failure under %s", log, p.Request)
			}
		})
	}
	t.Run("a bug", func(t *testing.T) {
		r := start(t, func(s *adminsock.Server) { s.Status = func() adminsock.Status { panic("broken pipe dream") } })
		p := r.do("GET /v1/status", "").problem(t)
		if p.Status != 500 || p.Code != "internal" || strings.Contains(p.Detail, "dream") {
			t.Errorf("GET /v1/status = %+v, want 500 internal without the reason", p)
		}
		if log := r.log.String(); !strings.Contains(log, "broken pipe dream") || !strings.Contains(log, p.Request) {
			t.Errorf("log = %s, want the reason under %s", log, p.Request)
		}
		r.ok("GET /v1/users/bob@example.test", "", 200, nil)
	})
}

// failing serves a directory whose store refuses.
func failing(t *testing.T, err error) *rig {
	t.Helper()
	store := &testkit.Store{Fail: func(*directory.Batch) error { return err }}
	ledger := newLedger()
	return serve(t, testkit.Open(t, store, ledger), ledger, nil)
}
