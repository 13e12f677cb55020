package adminsock_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/testkit"
)

// TestWriters: many at once, each sees its own change when it is answered, and
// of those who want the same name one gets it.
func TestWriters(t *testing.T) {
	r := start(t, nil)
	const writers = 64
	var group sync.WaitGroup
	var won atomic.Int32
	for i := range writers {
		group.Go(func() {
			address := fmt.Sprintf("w%d@example.test", i)
			if a := r.do("POST /v1/users", `{"address":"`+address+`"}`); a.status != 201 {
				t.Errorf("POST %s = %d %s", address, a.status, a.body)
			}
			if !r.dir.View().User(mailaddr.KeyOf(testkit.Addr(address))).Exists() {
				t.Errorf("%s is not there although it was answered", address)
			}
			if a := r.do("POST /v1/users", `{"address":"same@example.test"}`); a.status == 201 {
				won.Add(1)
			}
			if a := r.do("POST /v1/aliases/team@example.test/targets", `{"target":"`+address+`"}`); a.status != 200 {
				t.Errorf("add target = %d %s", a.status, a.body)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers got the same name, want 1", won.Load())
	}
	var team command.Alias
	r.ok("GET /v1/aliases/team@example.test", "", 200, &team)
	if len(team.Targets) != writers+2 {
		t.Errorf("%d targets, want %d: an update was lost", len(team.Targets), writers+2)
	}
}

// TestHangUp: a caller that goes away does not undo what has reached the
// committer, and it is logged as done.
func TestHangUp(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store := &testkit.Store{Fail: func(*directory.Batch) error {
		once.Do(func() { close(reached); <-release })
		return nil
	}}
	ledger := newLedger()
	answered := make(chan adminsock.Result, 1)
	r := serve(t, testkit.Open(t, store, ledger), ledger, func(s *adminsock.Server) {
		s.Hooks.Command = func(_ string, result adminsock.Result, _ time.Duration) { answered <- result }
	})
	ctx, hangUp := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://x/v1/domains", strings.NewReader(`{"domain":"new.test"}`))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if _, err := r.client.Do(req); err == nil {
			t.Error("the caller got an answer, want none")
		}
	}()
	<-reached
	hangUp()
	<-gone
	close(release)
	if got := <-answered; got != adminsock.Done {
		t.Errorf("result = %s, want done", got)
	}
	if !r.dir.View().Lookup(testkit.Domain("new.test").Key()).Exists() {
		t.Error("the domain is not there")
	}
	if log := r.log.String(); !strings.Contains(log, "msg=changed") {
		t.Errorf("log = %s, want the change", log)
	}
}

// TestShutdown: a request in progress is answered, the next one is not taken.
func TestShutdown(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	r := start(t, func(s *adminsock.Server) {
		s.Status = func() adminsock.Status {
			close(reached)
			<-release
			return adminsock.Status{}
		}
	})
	status := make(chan int, 1)
	go func() { status <- r.do("GET /v1/status", "").status }()
	<-reached
	down := make(chan error, 1)
	go func() { down <- r.server.Shutdown(context.Background()) }()
	for { // until the listener is closed
		c, err := net.Dial("unix", r.socket)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	close(release)
	if got := <-status; got != 200 {
		t.Errorf("status = %d, want 200", got)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown = %v, want nil", err)
	}
}

// TestTooManyConnections: those above the limit are closed, those below served.
func TestTooManyConnections(t *testing.T) {
	var open []int
	var mu sync.Mutex // guards open
	r := start(t, func(s *adminsock.Server) {
		s.MaxConns = 2
		s.Hooks.Conns = func(n int) { mu.Lock(); open = append(open, n); mu.Unlock() }
	})
	first, second := r.dial(), r.dial()
	for _, c := range []*wire{first, second} {
		c.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := c.status(); got != 200 {
			t.Fatalf("status = %d, want 200", got)
		}
	}
	if got := r.dial().status(); got != 0 {
		t.Errorf("the third connection got %d, want to be closed", got)
	}
	first.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
	if got := first.status(); got != 200 {
		t.Errorf("status = %d, want 200", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(open) < 3 || open[0] != 1 || open[1] != 2 || open[2] != 3 {
		t.Errorf("Hooks.Conns told %v, want 1, 2, 3, …", open)
	}
}

// TestPasswords: what is stored is what was asked for, and verifies.
func TestPasswords(t *testing.T) {
	r := start(t, nil)
	verifier := password.NewVerifier(password.Options{})
	credentials := func() []directory.Credential {
		u, err := r.dir.ReadUser(t.Context(), testkit.Addr("bob@example.test"))
		if err != nil {
			t.Fatal(err)
		}
		return u.Credentials
	}
	verified := func(hash, secret string) bool {
		ok, err := verifier.Verify(t.Context(), hash, password.Secret(secret))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	const path = "PUT /v1/users/bob@example.test/password"
	r.ok(path, `{"password":"Hunter-2222"}`, 200, nil)
	if c := credentials(); len(c) != 1 || !strings.HasPrefix(c[0].Hash, "{ARGON2ID}") || !verified(c[0].Hash, "Hunter-2222") {
		t.Errorf("credentials = %+v, want one of Hunter-2222", c)
	}
	var set command.PasswordSet
	r.ok(path, `{"random":true}`, 200, &set)
	if c := credentials(); len(c) != 1 || !verified(c[0].Hash, set.Password) {
		t.Errorf("credentials = %+v, want one of %s", c, set.Password)
	}
	r.ok(path, `{"password_hash":"`+testkit.PasswordHash+`"}`, 200, nil)
	if c := credentials(); len(c) != 1 || c[0].Hash != testkit.PasswordHash {
		t.Errorf("credentials = %+v, want the hash that was given", c)
	}
	var app command.NewCredential
	r.ok("POST /v1/users/bob@example.test/app-passwords", `{"label":"phone","services":["imap"],"ttl":"30d"}`, 200, &app)
	r.ok(path, `{"no_password":true}`, 200, nil)
	c := credentials()
	if len(c) != 1 || c[0].Kind != directory.AppPassword || c[0].Services != directory.IMAP ||
		!c[0].Expires.Equal(testkit.Noon.Add(time.Hour+30*24*time.Hour)) || !password.VerifyRandom(c[0].Hash, password.Secret(app.Password)) {
		t.Errorf("credentials = %+v, want the app password %s alone", c, app.Password)
	}
	var once command.NewCredential
	r.ok("POST /v1/users/bob@example.test/otp", `{"single_use":true}`, 200, &once)
	r.ok("POST /v1/users/bob@example.test/otp", `{}`, 200, nil)
	if c := credentials(); len(c) != 3 || c[1].Kind != directory.OneTimePassword || !c[1].SingleUse || !password.VerifyRandom(c[1].Hash, password.Secret(once.Password)) {
		t.Errorf("credentials = %+v, want two one-time passwords beside", c)
	}
}

// TestExpiredOneTimePasswordsGo when the next one is made.
func TestExpiredOneTimePasswordsGo(t *testing.T) {
	now := testkit.Noon
	r := start(t, func(s *adminsock.Server) { s.Now = func() time.Time { return now } })
	r.ok("POST /v1/users/bob@example.test/otp", `{}`, 200, nil)
	now = now.Add(time.Hour)
	r.ok("POST /v1/users/bob@example.test/otp", `{}`, 200, nil)
	u, err := r.dir.ReadUser(t.Context(), testkit.Addr("bob@example.test"))
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Credentials) != 2 {
		t.Errorf("credentials = %+v, want the main one and one one-time password", u.Credentials)
	}
}
