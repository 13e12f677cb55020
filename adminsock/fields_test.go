package adminsock_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/adminsock/command"
)

// TestUserJSON is the form that INTERFACE promises: every field, in every state
// of knowledge.
func TestUserJSON(t *testing.T) {
	r := start(t, nil)
	tests := []struct{ address, want string }{
		{"alice@example.test", `{"address":"alice@example.test","login_name":"alice","display_name":"","addresses":["al@example.test"],"disabled":false,
			"switches":{"services":["imap","pop3","smtp","sieve"],"submit":"any","receive":"accept"},"state":"active","roles":[],"domains":[],"submit_domains":[],
			"forward":[],"keep_copy":false,"plan":"","language":"","timezone":"","date_format":"","recovery":"","has_password":true,"quota_bytes":null,"limit_bytes":0,
			"used_bytes":null,"used_messages":null,"used_at":null,"revision":1,"created":"2026-11-22T12:00:00Z","last_login":null}`},
		{"full@example.test", `{"address":"full@example.test","login_name":"","display_name":"","addresses":[],"disabled":false,
			"switches":{"services":["imap","pop3","smtp","sieve"],"submit":"any","receive":"accept"},"state":"active","roles":[],"domains":[],"submit_domains":[],
			"forward":[],"keep_copy":false,"plan":"","language":"","timezone":"","date_format":"","recovery":"","has_password":true,"quota_bytes":100000,"limit_bytes":100000,
			"used_bytes":100000,"used_messages":1,"used_at":"2026-11-22T12:00:00Z","revision":1,"created":"2026-11-22T12:00:00Z","last_login":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.address, func(t *testing.T) {
			var got, want any
			r.ok("GET /v1/users/"+tt.address, "", 200, &got)
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("GET (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPatchChangesOnlyWhatIsGiven tries every field by itself; nothing else of
// the user may move.
func TestPatchChangesOnlyWhatIsGiven(t *testing.T) {
	ten := int64(10)
	tests := []struct {
		body string
		want func(*command.User)
	}{
		{`{}`, func(*command.User) {}},
		{`{"quota":"10"}`, func(u *command.User) { u.QuotaBytes, u.LimitBytes = &ten, 10 }},
		{`{"quota_bytes":10}`, func(u *command.User) { u.QuotaBytes, u.LimitBytes = &ten, 10 }},
		{`{"quota_bytes":0}`, func(u *command.User) { u.QuotaBytes, u.LimitBytes = new(int64), 0 }},
		{`{"quota":"none"}`, func(u *command.User) { u.QuotaBytes, u.LimitBytes = new(int64), 0 }},
		{`{"quota_bytes":null}`, func(u *command.User) { u.QuotaBytes, u.LimitBytes = nil, 0 }},
		{`{"quota":"inherit"}`, func(u *command.User) { u.QuotaBytes, u.LimitBytes = nil, 0 }},
		{`{"name":"N"}`, func(u *command.User) { u.DisplayName = "N" }},
		{`{"display_name":"N"}`, func(u *command.User) { u.DisplayName = "N" }},
		{`{"display_name":null}`, func(u *command.User) { u.DisplayName = "" }},
		{`{"login_name":"NN"}`, func(u *command.User) { u.LoginName = "nn" }},
		{`{"login_name":""}`, func(u *command.User) { u.LoginName = "" }},
		{`{"addresses":["z@example.test"]}`, func(u *command.User) { u.Addresses = []string{"z@example.test"} }},
		{`{"addresses":[]}`, func(u *command.User) { u.Addresses = []string{} }},
		{`{"role":"admin"}`, func(u *command.User) { u.Roles, u.Domains = []string{"admin"}, []string{} }},
		{`{"roles":["admin","domain-admin"]}`, func(u *command.User) { u.Roles = []string{"admin", "domain-admin"} }},
		{`{"roles":[]}`, func(u *command.User) { u.Roles, u.Domains = []string{}, []string{} }},
		{`{"role":"domain-admin:frozen.test"}`, func(u *command.User) { u.Domains = []string{"frozen.test"} }},
		{`{"domains":["frozen.test"]}`, func(u *command.User) { u.Domains = []string{"frozen.test"} }},
		{`{"forward":["x@elsewhere.test"]}`, func(u *command.User) { u.Forward = []string{"x@elsewhere.test"} }},
		{`{"forward":[]}`, func(u *command.User) { u.Forward, u.KeepCopy = []string{}, false }},
		{`{"keep_copy":false}`, func(u *command.User) { u.KeepCopy = false }},
		{`{"services":["imap"]}`, func(u *command.User) { u.Switches.Services = []string{"imap"} }},
		{`{"services":["none"]}`, func(u *command.User) { u.Switches.Services = []string{} }},
		{`{"services":[]}`, func(u *command.User) { u.Switches.Services = []string{} }},
		{`{"submit":"none"}`, func(u *command.User) { u.Switches.Submit, u.SubmitDomains = "none", []string{} }},
		{`{"submit":"listed:frozen.test"}`, func(u *command.User) { u.SubmitDomains = []string{"frozen.test"} }},
		{`{"submit_domains":["frozen.test"]}`, func(u *command.User) { u.SubmitDomains = []string{"frozen.test"} }},
		{`{"receive":"discard"}`, func(u *command.User) { u.Switches.Receive = "discard" }},
		{`{"switches":{"receive":"reject"}}`, func(u *command.User) { u.Switches.Receive = "reject" }},
		{`{"switches":{"services":["smtp"]},"receive":"reject"}`, func(u *command.User) {
			u.Switches.Services, u.Switches.Receive = []string{"smtp"}, "reject"
		}},
		{`{"disabled":true}`, func(u *command.User) { u.State, u.Disabled = "disabled", true }},
		{`{"disabled":false}`, func(*command.User) {}},
		{`{"state":"archived"}`, func(u *command.User) { u.State, u.Disabled = "archived", true }},
		{`{"state":"active"}`, func(u *command.User) { u.State = "active" }},
		{`{"language":"fr"}`, func(u *command.User) { u.Language = "fr" }},
		{`{"timezone":"UTC"}`, func(u *command.User) { u.Timezone = "UTC" }},
		{`{"date_format":"iso"}`, func(u *command.User) { u.DateFormat = "iso" }},
		{`{"recovery":"r@else.test"}`, func(u *command.User) { u.Recovery = "r@else.test" }},
	}
	const rich = `{"address":"rich@example.test","display_name":"Rich","login_name":"rich","addresses":["r@example.test"],"quota":"5M",
		"role":"domain-admin:other.test","forward":["bob@example.test"],"keep_copy":true,"services":["imap","smtp"],"submit":"listed:other.test",
		"receive":"accept","state":"suspended","language":"de","timezone":"Europe/Berlin","date_format":"dmy","recovery":"r@elsewhere.test"}`
	for _, tt := range tests {
		t.Run(tt.body, func(t *testing.T) {
			r := start(t, nil)
			var want, got command.User
			r.ok("POST /v1/users", rich, 201, &want)
			tt.want(&want)
			r.ok("PATCH /v1/users/rich@example.test", tt.body, 200, &got)
			want.Revision = got.Revision
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("PATCH %s (-want +got):\n%s", tt.body, diff)
			}
			var read command.User
			r.ok("GET /v1/users/rich@example.test", "", 200, &read)
			if diff := cmp.Diff(got, read); diff != "" {
				t.Errorf("GET differs from the answer of PATCH (-answer +get):\n%s", diff)
			}
		})
	}
}

func TestLists(t *testing.T) {
	r := start(t, nil)
	r.ok("POST /v1/domains", `{"domain":"bücher.test"}`, 201, nil)
	r.ok("POST /v1/users", `{"address":"zoe@bücher.test"}`, 201, nil)
	tests := []struct {
		query string
		want  string
	}{
		{"?domain=frozen.test", "carol@frozen.test"},
		{"?match=carol@*", "carol@closed.test carol@frozen.test carol@other.test carol@pending.test"},
		{"?match=CAROL@F*", "carol@frozen.test"},
		{"?match=b??@example.test", "bob@example.test"},
		{"?match=*@b%C3%BCcher.test", "zoe@xn--bcher-kva.test"},
		{"?match=*@xn--*", "zoe@xn--bcher-kva.test"},
		{"?domain=example.test&match=*ed@*&limit=2", "archived@example.test deferred@example.test"},
		{"?match=nobody", ""},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			for _, path := range []string{"/v1/users", "/v1/quota"} {
				var users []command.User
				r.ok("GET "+path+tt.query, "", 200, &users)
				var got []string
				for _, u := range users {
					got = append(got, u.Address)
				}
				if text := strings.Join(got, " "); text != tt.want {
					t.Errorf("GET %s%s = %s, want %s", path, tt.query, text, tt.want)
				}
			}
		})
	}
	var domains []command.Domain
	r.ok("GET /v1/domains", "", 200, &domains)
	if !slices.IsSortedFunc(domains, func(a, b command.Domain) int { return strings.Compare(a.Domain, b.Domain) }) || len(domains) != 6 {
		t.Errorf("GET /v1/domains = %v, want six in order", domains)
	}
}

// TestDocument: the OpenAPI document has every command and nothing foreign.
func TestDocument(t *testing.T) {
	r := start(t, nil)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string                     `json:"operationId"`
			Responses   map[string]json.RawMessage `json:"responses"`
		} `json:"paths"`
	}
	a := r.ok("GET /v1/openapi.json", "", 200, &doc)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi = %q, want 3.1.0", doc.OpenAPI)
	}
	operations := 0
	for _, item := range doc.Paths {
		operations += len(item)
	}
	if operations != len(command.All()) {
		t.Errorf("%d operations, want %d", operations, len(command.All()))
	}
	for _, s := range command.All() {
		o, ok := doc.Paths[s.Path][strings.ToLower(s.Method)]
		if !ok || o.OperationID != s.ID() {
			t.Errorf("%s %s = %+v, want %s", s.Method, s.Path, o, s.ID())
		}
		if !strings.Contains(string(o.Responses["default"]), "application/problem+json") {
			t.Errorf("%s has no problem as its default answer", s.Name)
		}
	}
	for _, foreign := range []string{"ErrorModel", "$schema", "http://", "https://"} {
		if strings.Contains(a.body, foreign) {
			t.Errorf("the document mentions %s", foreign)
		}
	}
}
