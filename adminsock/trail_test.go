package adminsock_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// stored is a rig over a real store.
type stored struct {
	*rig
	store *store.Store
	state string // the state directory
}

// startStored serves the standard directory from disk; change may alter the
// options before.
func startStored(t testing.TB, change ...func(*adminsock.Server)) *stored {
	t.Helper()
	state := t.TempDir()
	s, err := store.Open(store.Options{Dir: state, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	d, l := testkit.StandardOn(t, s)
	r := serve(t, d, l, func(a *adminsock.Server) {
		a.Audit, a.Backup, a.ReadBackup, a.SpoolDir = s, s, store.ReadSnapshot, state
		a.Modes = func() *policy.Modes { return &policy.Modes{} }
		a.RuleCounts = func() adminsock.RuleCounts { return adminsock.RuleCounts{} }
		for _, fn := range change {
			fn(a)
		}
	})
	return &stored{r, s, state}
}

func TestAuditTail(t *testing.T) {
	r := startStored(t)
	r.ok("POST /v1/users/bob@example.test/disable", "", 200, nil)
	r.ok("POST /v1/aliases", `{"address":"new@example.test","targets":["bob@example.test"]}`, 201, nil)
	r.ok("DELETE /v1/aliases/new@example.test", "", 200, nil)
	r.ok("POST /v1/users/alice@example.test/disable", "", 200, nil)
	tests := []struct {
		query string
		want  []string
	}{
		{"?limit=2", []string{"4 alias delete new@example.test deleted", "5 user disable alice@example.test changed"}},
		{"?limit=1", []string{"5 user disable alice@example.test changed"}},
		{"?user=new@example.test", []string{"3 alias add new@example.test made", "4 alias delete new@example.test deleted"}},
		{"?user=new@example.test&limit=1", []string{"4 alias delete new@example.test deleted"}},
		{"?user=BOB@example.test&limit=2", []string{"1 test bob@example.test made of 36", "2 user disable bob@example.test changed"}},
		{"?user=nobody@example.test", nil},
		{"?limit=3&names=0", []string{"3 alias add", "4 alias delete", "5 user disable"}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			var changes []command.Change
			r.ok("GET /v1/audit"+tt.query, "", 200, &changes)
			if diff := cmp.Diff(tt.want, told(changes)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// told says each change in a line.
func told(changes []command.Change) (lines []string) {
	for _, c := range changes {
		var line strings.Builder
		line.WriteString(fmt.Sprint(c.Revision, " ", c.Command))
		for _, n := range c.Names {
			line.WriteString(" " + n.Name + " " + n.What)
		}
		if c.Total > 1 {
			line.WriteString(fmt.Sprint(" of ", c.Total))
		}
		lines = append(lines, line.String())
	}
	return lines
}

func TestAuditShow(t *testing.T) {
	r := startStored(t)
	request := r.ok("PATCH /v1/users/bob@example.test", `{"quota":"1G","forward":["alice@example.test"]}`, 200, nil).header.Get("Request-Id")
	var c command.Change
	r.ok("GET /v1/audit/2", "", 200, &c)
	want := command.Change{
		Revision: 2, Time: testkit.Noon, UID: uint32(os.Geteuid()), PID: uint32(os.Getpid()), Actor: c.Actor, Command: "user set", Request: request, Total: 1,
		Names: []command.ChangedName{{Name: "bob@example.test", What: "changed", Previous: 1, Fields: c.Names[0].Fields}},
	}
	if diff := cmp.Diff(want, c); diff != "" || c.Actor == "" {
		t.Errorf("GET /v1/audit/2 (-want +got):\n%s", diff)
	}
	var fields struct {
		Kind    string
		Quota   int64
		Forward []string
	}
	if err := json.Unmarshal(c.Names[0].Fields, &fields); err != nil || fields.Kind != "user" || fields.Quota != 1<<30 || len(fields.Forward) != 1 {
		t.Errorf("fields = %s, %v", c.Names[0].Fields, err)
	}
	r.ok("GET /v1/audit/1?names=3", "", 200, &c)
	if len(c.Names) != 3 || c.Total != 36 {
		t.Errorf("%d of %d names, want 3 of 36", len(c.Names), c.Total)
	}
	for path, status := range map[string]int{"/v1/audit/3": 404, "/v1/audit/0": 404, "/v1/audit/x": 422, "/v1/audit/-1": 422, "/v1/audit?limit=0": 422, "/v1/audit?user=x": 422, "/v1/audit?limit=10001": 422} {
		if a := r.do("GET "+path, ""); a.status != status {
			t.Errorf("GET %s = %d %s, want %d", path, a.status, a.body, status)
		}
	}
}

func TestAuditVerify(t *testing.T) {
	r := startStored(t)
	r.ok("POST /v1/users/bob@example.test/disable", "", 200, nil)
	var v command.Verified
	r.ok("GET /v1/audit/verify", "", 200, &v)
	if v.Changes != 2 || v.First != 1 || v.Last != 2 || len(v.Head) != 64 {
		t.Errorf("verified %+v, want 2 changes", v)
	}
	head := v.Head
	r.ok("POST /v1/users/bob@example.test/enable", "", 200, nil)
	if r.ok("GET /v1/audit/verify", "", 200, &v); v.Changes != 3 || v.Head == head {
		t.Errorf("verified %+v after one more change", v)
	}
	segments, err := filepath.Glob(filepath.Join(r.state, "journal", "*"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	whole[bytes.Index(whole, []byte("bob@example.test"))] ^= 1
	if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/audit/verify", "/v1/audit/1", "/v1/audit?user=bob@example.test"} {
		p := r.do("GET "+path, "").problem(t)
		if p.Status != 500 || p.Code != "damaged" || !strings.Contains(p.Detail, "journal segment "+filepath.Base(segments[0])+" is damaged at byte 64") {
			t.Errorf("GET %s = %+v, want the place of the damage", path, p)
		}
	}
	if !strings.Contains(r.log.String(), "command failed") {
		t.Error("the log does not tell of the damage")
	}
}

// What an administrator says about a change stands in the trail with it.
func TestReasonOfAChange(t *testing.T) {
	r := startStored(t)
	said := url.QueryEscape(" ticket 4711: Bob hört auf ")
	r.ok("POST /v1/users/bob@example.test/disable?reason="+said, "", 200, nil)
	r.ok("PATCH /v1/users/alice@example.test?reason=more", `{"quota":"1G"}`, 200, nil)
	r.ok("DELETE /v1/aliases/dead@example.test", "", 200, nil)
	var changes []command.Change
	r.ok("GET /v1/audit?limit=3", "", 200, &changes)
	for i, want := range []string{"ticket 4711: Bob hört auf", "more", ""} {
		if changes[i].Reason != want {
			t.Errorf("reason of change %d = %q, want %q", changes[i].Revision, changes[i].Reason, want)
		}
	}
	for _, row := range []struct {
		name, request string
		status        int
	}{
		{"too long", "POST /v1/users/bob@example.test/enable?reason=" + strings.Repeat("x", command.MaxReason+1), 422},
		{"two lines", "POST /v1/users/bob@example.test/enable?reason=a%0Ab", 422},
		{"no text", "POST /v1/users/bob@example.test/enable?reason=%ff", 422},
		{"two reasons", "POST /v1/users/bob@example.test/enable?reason=a&reason=b", 400},
		{"nothing is changed", "GET /v1/users/bob@example.test?reason=curiosity", 422},
	} {
		if a := r.do(row.request, ""); a.status != row.status || row.status == 422 && a.problem(t).Field != "reason" {
			t.Errorf("%s: %d %s, want %d", row.name, a.status, a.body, row.status)
		}
	}
	if r.dir.Revision() != 4 {
		t.Error("a change with a wrong reason was made")
	}
}

// Of a pruned trail it is told where it begins and what it hangs on.
func TestAuditOfAPrunedTrail(t *testing.T) {
	r := startStored(t)
	r.ok("POST /v1/users/bob@example.test/disable", "", 200, nil)
	var before, after command.Verified
	r.ok("GET /v1/audit/verify", "", 200, &before)
	if before.Begins != "start" || before.Anchor != "" || before.Pruned != nil {
		t.Errorf("verified %+v, want a trail from the start", before)
	}
	if err := r.store.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := testkit.Noon.Add(8 * 24 * time.Hour)
	if p, err := r.store.Prune(t.Context(), 24*time.Hour, later); err != nil || p.Begins != 3 {
		t.Fatalf("Prune = %+v, %v, want nothing left before change 3", p, err)
	}
	r.ok("GET /v1/audit/verify", "", 200, &after)
	if after.Changes != 0 || after.Begins != "pruned" || after.Anchor != before.Head || after.Head != before.Head || !after.Pruned.Equal(later) {
		t.Errorf("verified %+v, want nothing, hanging on %s", after, before.Head)
	}
	r.ok("POST /v1/users/bob@example.test/enable", "", 200, nil)
	r.ok("GET /v1/audit/verify", "", 200, &after)
	if after.Changes != 1 || after.First != 3 || after.Anchor != before.Head || after.Head == before.Head {
		t.Errorf("verified %+v, want one change", after)
	}
	if r.ok("GET /v1/audit/verify?until=2", "", 200, &after); after.Head != before.Head {
		t.Errorf("verified until change 2 %+v, want the head of before", after)
	}
	for path, want := range map[string]string{
		"/v1/audit/1": "change 1 is not in the trail any more: it begins with 3", "/v1/audit/verify?until=1": "with change 3; change 1 is not there any more",
		"/v1/audit/verify?until=4": "there is no change 4; the last is 3",
	} {
		if p := r.do("GET "+path, "").problem(t); p.Status != 404 || !strings.Contains(p.Detail, want) {
			t.Errorf("GET %s = %+v, want %q", path, p, want)
		}
	}
	var changes []command.Change
	if r.ok("GET /v1/audit", "", 200, &changes); len(changes) != 1 || changes[0].Revision != 3 {
		t.Errorf("the trail has %+v, want change 3", changes)
	}
}

// No secret of anybody is in what audit and explain answer, and none in the log.
func TestNothingSecretIsShown(t *testing.T) {
	r := startStored(t)
	var made command.NewCredential
	r.ok("POST /v1/users/bob@example.test/app-passwords", `{"label":"phone"}`, 200, &made)
	r.ok("PUT /v1/users/alice@example.test/password", `{"password":"Hunter-2222"}`, 200, nil)
	r.ok("POST /v1/users/busy@example.test/otp", `{}`, 200, nil)
	secrets := []string{made.Password, "Hunter-2222", "$argon2id$", "$6$"}
	for record := range r.dir.View().All(directory.KindUser) {
		for c := range record.User().Credentials() {
			secrets = append(secrets, c.Hash, c.Hash[strings.IndexByte(c.Hash, '}')+1:])
		}
	}
	if len(secrets) < 40 {
		t.Fatalf("%d secrets, want those of every user", len(secrets))
	}
	paths := []string{"/v1/audit?limit=10000&names=100000", "/v1/audit/1?names=100000", "/v1/audit/2", "/v1/audit/3", "/v1/audit/4", "/v1/audit/verify", "/v1/rules", "/v1/status"}
	for record := range r.dir.View().All(directory.KindUser) {
		paths = append(paths, "/v1/audit?user="+string(record.Key()), "/v1/explain/rcpt?recipient="+string(record.Key())+"&login="+string(record.Key()))
		for _, service := range []string{"imap", "smtp", "doveadm"} {
			paths = append(paths, "/v1/explain/login?name="+string(record.Key())+"&service="+service)
		}
	}
	for _, path := range paths {
		body := r.ok("GET "+path, "", 200, nil).body
		for _, secret := range secrets {
			if strings.Contains(body, secret) {
				t.Fatalf("GET %s shows %s", path, secret)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(r.log.String(), secret) {
			t.Fatalf("the log shows %s", secret)
		}
	}
}
