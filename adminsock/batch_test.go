package adminsock_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/testkit"
)

// hashed is a batch of n users with hashes.
func hashed(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"address":"u%06d@example.test","password_hash":%q,"quota":"1G"}`+"\n", i, testkit.PasswordHash)
	}
	return b.String()
}

func TestBatch(t *testing.T) {
	r := start(t, nil)
	const n = 5000 // about a megabyte and a half: more than other bodies may have
	var made command.Created
	r.ok("POST /v1/users/batch", hashed(n), 201, &made)
	if made.Created != n || made.Revision != 2 {
		t.Errorf("POST /v1/users/batch = %+v, want %d in one change", made, n)
	}
	if got := r.dir.View().Count(directory.KindUser); got != n+22 {
		t.Errorf("%d users, want %d", got, n+22)
	}
	var users []command.User
	r.ok("GET /v1/users?match=u*", "", 200, &users)
	if len(users) != n+1 { // and unknownusage
		t.Errorf("GET = %d users, want %d", len(users), n+1)
	}
}

// TestBatchIsAllOrNothing: whatever is wrong with one line, nobody is added.
func TestBatchIsAllOrNothing(t *testing.T) {
	good := `{"address":"good@example.test","password":"Hunter-2222"}` + "\n"
	tests := []struct {
		name, text string
		status     int
		code       string
		line       int
	}{
		{"exists", good + `{"address":"alice@example.test"}`, 409, "exists", 2},
		{"twice in the batch", good + "\n" + good, 409, "exists", 3},
		{"no such domain", good + `{"address":"x@nowhere.test"}`, 422, "no_such_domain", 2},
		{"not JSON", good + `{"address"`, 400, "malformed", 2},
		{"two on a line", `{"address":"a@example.test"}{"address":"b@example.test"}`, 400, "malformed", 1},
		{"field twice", good + `{"address":"x@example.test","address":"y@example.test"}`, 400, "malformed", 2},
		{"unknown field", good + `{"address":"x@example.test","colour":"red"}`, 422, "invalid", 2},
		{"wrong type", good + `{"address":"x@example.test","quota_bytes":"1"}`, 422, "invalid", 2},
		{"not an object", good + `"x@example.test"`, 422, "invalid", 2},
		{"null", good + `null`, 422, "invalid", 2},
		{"random", good + `{"address":"x@example.test","random":true}`, 422, "invalid", 2},
		{"two passwords", good + `{"address":"x@example.test","password":"Hunter-2222","password_hash":"x"}`, 422, "invalid", 2},
		{"weak", good + `{"address":"x@example.test","password":"x"}`, 422, "weak_password", 2},
		{"no address", good + `{}`, 422, "invalid", 2},
		{"long line", good + `{"address":"` + strings.Repeat("x", adminsock.MaxLine) + `"}`, 413, "too_large", 2},
		{"nothing", "\n\n", 422, "invalid", 0},
		{"not UTF-8", good + "{\"address\":\"\xff\"}", 400, "malformed", 2},
	}
	r := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := r.do("POST /v1/users/batch", tt.text).problem(t)
			if p.Status != tt.status || p.Code != tt.code || p.Line != tt.line {
				t.Errorf("POST = %d %s line %d (%s), want %d %s line %d", p.Status, p.Code, p.Line, p.Detail, tt.status, tt.code, tt.line)
			}
			if r.dir.View().User(mailaddr.KeyOf(testkit.Addr("good@example.test"))).Exists() {
				t.Error("a part of the batch was added")
			}
		})
	}
	if got := r.dir.Revision(); got != 1 {
		t.Errorf("Revision = %d, want 1: a rehearsal counts as a change", got)
	}
}

// TestBatchIsRefusedEarly: an error in the first line is answered although the
// rest is still being sent.
func TestBatchIsRefusedEarly(t *testing.T) {
	r := start(t, nil)
	req, err := http.NewRequest(http.MethodPost, "http://x/v1/users/batch", strings.NewReader("nonsense\n"+hashed(20_000)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatalf("the refusal was lost: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status = %d, want 400", res.StatusCode)
	}
}
