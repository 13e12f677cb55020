package authsock

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// patience is how long anything may take that is not a matter of time.
const patience = 10 * time.Second

const wrong = "Wrong-Secret-77"

// TestMain looks at what all tests left: passwords in the log, and goroutines.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, problem := range []string{secretsIn(logged.String()), running()} {
		if problem != "" && code == 0 {
			fmt.Fprintln(os.Stderr, problem)
			code = 1
		}
	}
	os.Exit(code)
}

// logged is what every server of these tests logged, at every level.
var logged doortest.Record

// secretsIn names a password that was logged, in clear or as a response.
func secretsIn(log string) string {
	for _, secret := range []string{testkit.Password, wrong, "alicepw", "adminpw", "bobpw"} {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), plain("", "alice@example.test", secret)} {
			if strings.Contains(log, form) {
				return fmt.Sprintf("the log holds the password %q as %q", secret, form)
			}
		}
	}
	return ""
}

// running returns the stacks of goroutines of ours that have not ended.
func running() string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "authsock.(*") {
			return ""
		}
		if time.Now().After(deadline) {
			return "goroutines are left:\n" + stacks
		}
	}
}

// rig is both doors over the standard directory.
type rig struct {
	directory *directory.Directory
	ledger    *quota.Ledger
	checker   *login.Checker
	requests  *Requests
	server    *Server
	master    *Master
	log       *doortest.Record
}

// newRig makes the doors; set may change them before they open.
func newRig(t testing.TB, set func(*rig)) *rig {
	t.Helper()
	r := &rig{requests: NewRequests(), log: &doortest.Record{}}
	r.directory, r.ledger = testkit.Standard(t)
	r.wire(t, -1)
	if set != nil {
		set(r)
	}
	return r
}

// wire makes checker and doors over the rig's directory.
func (r *rig) wire(t testing.TB, delay time.Duration) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.MultiWriter(r.log, &logged), &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.checker = login.New(login.Options{
		Directory: r.directory, Verifier: password.NewVerifier(password.Options{Scheme: password.SHA512Crypt}),
		FailureDelay: delay, Log: log, Now: func() time.Time { return testkit.Noon },
	})
	r.server = &Server{Check: r.checker.Check, Recall: r.checker.Recall, Requests: r.requests, Log: log}
	r.master = &Master{
		Directory: r.directory, Requests: r.requests, Recheck: r.checker.Recheck, FlushCache: r.checker.FlushCache, Log: log,
	}
	mail, err := NewMail(MailOptions{UID: 5000, GID: 5000, Home: "/run/rig/mail/%d/%n", QuotaRoot: "User quota"})
	if err != nil {
		t.Fatal(err)
	}
	r.master.Mail.Store(mail)
}

// change rewrites a user of example.test.
func (r *rig) change(t testing.TB, local string, fn func(*directory.UserFields)) {
	t.Helper()
	testkit.Update(t, r.directory, func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr(local+"@example.test"), directory.AnyRevision, func(u *directory.UserFields) error {
			fn(u)
			return nil
		})
	})
}

// peer is a client that reads line by line.
type peer struct {
	*doortest.Client
	in       *bufio.Reader
	t        testing.TB
	greeting string
	cookie   string
}

// dial connects and reads the greeting.
func dial(t testing.TB, d doortest.Dial) *peer {
	t.Helper()
	c := doortest.Connect(t, d)
	p := &peer{Client: c, in: bufio.NewReader(c), t: t}
	for {
		line := p.line()
		p.greeting += line + "\n"
		if cookie, ok := strings.CutPrefix(line, "COOKIE\t"); ok {
			p.cookie = cookie
		}
		if line == "DONE" || strings.HasPrefix(line, "SPID") && !strings.Contains(p.greeting, "MECH") {
			return p
		}
	}
}

// client connects and shakes hands as a client of this minor version.
func client(t testing.TB, d doortest.Dial, minor int) *peer {
	t.Helper()
	p := dial(t, d)
	p.Send(fmt.Sprintf("VERSION\t1\t%d\nCPID\t%d\n", minor, testCPID))
	return p
}

const testCPID = 4711

// masterClient connects to the master door.
func masterClient(t testing.TB, d doortest.Dial) *peer {
	t.Helper()
	p := dial(t, d)
	p.Send("VERSION\t1\t1\n")
	return p
}

// line reads one line; "" when the connection has ended.
func (p *peer) line() string {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	line, err := p.in.ReadString('\n')
	if err != nil {
		if !isEnd(err) {
			p.t.Fatalf("reading a line: %v", err)
		}
		return ""
	}
	return strings.TrimSuffix(line, "\n")
}

func isEnd(err error) bool { return !os.IsTimeout(err) }

// lines reads n lines.
func (p *peer) lines(n int) []string {
	p.t.Helper()
	all := make([]string, n)
	for i := range all {
		all[i] = p.line()
	}
	return all
}

// ask sends a line and returns the next one.
func (p *peer) ask(request string) string {
	p.t.Helper()
	p.Send(request + "\n")
	return p.line()
}

// rest returns what still comes until the server closes the connection.
func (p *peer) rest() string {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	all, err := io.ReadAll(p.in)
	if err != nil && !isEnd(err) {
		p.t.Errorf("the connection stays open: %v", err)
	}
	return string(all)
}

// plain is a PLAIN response.
func plain(authzid, name, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + name + "\x00" + secret))
}

// encoded is a response of LOGIN.
func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// auth is an AUTH line with a PLAIN response.
func auth(id int, service, name, secret string) string {
	return fmt.Sprintf("AUTH\t%d\tPLAIN\tservice=%s\tsecured\trip=192.0.2.7\tresp=%s", id, service, plain("", name, secret))
}

// slowly makes each attempt last as long as hold says.
func (r *rig) slowly(hold func(ctx context.Context, a login.Attempt)) {
	check := r.server.Check
	r.server.Check = func(ctx context.Context, a login.Attempt) login.Outcome {
		hold(ctx, a)
		return check(ctx, a)
	}
}
