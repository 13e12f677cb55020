package delegation

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// fixture is a server over the standard directory.
type fixture struct {
	*Server
	doortest.Record
	t      testing.TB
	ledger *quota.Ledger
	dial   doortest.Dial
}

// prepare makes a server that does not run yet.
func prepare(t testing.TB) *fixture {
	t.Helper()
	d, l := testkit.Standard(t)
	f := &fixture{t: t, ledger: l}
	f.Server = &Server{Directory: d, Ledger: l, Log: slog.New(slog.NewTextHandler(f, nil)), Hooks: Hooks{
		Decision: func(s policy.Stage, r policy.RuleID, a policy.Action, took time.Duration) {
			f.Told("%v %v %v", s, r, a)
			if took < 0 {
				f.Told("took %v", took)
			}
		},
		Watched:   func(s policy.Stage, r policy.RuleID, m policy.Mode) { f.Told("%v %v %v", s, r, m) },
		Unknown:   func(u policy.Unknown) { f.Told("unknown %v", u) },
		Malformed: func(m Malformation) { f.Told("malformed %v", m) },
		Panicked:  func() { f.Told("panicked") },
	}}
	return f
}

// open runs a server on a Unix socket.
func open(t testing.TB) *fixture {
	t.Helper()
	f := prepare(t)
	f.dial = doortest.Unix(t, f)
	return f
}

// client is one connection to the server.
type client struct {
	*doortest.Client
	t testing.TB
}

func (f *fixture) connect() *client {
	f.t.Helper()
	return &client{doortest.Connect(f.t, f.dial), f.t}
}

// ask sends a request and returns the action of its one reply.
func (c *client) ask(text string) string {
	c.t.Helper()
	reply := c.Ask(text)
	action, ok := strings.CutPrefix(reply, "action=")
	action, ended := strings.CutSuffix(action, "\n\n")
	if !ok || !ended || strings.Contains(action, "\n") {
		c.t.Fatalf("reply %q: want one action", reply)
	}
	return action
}

// mail tells requests about one message.
type mail struct {
	instance, login, sender string
	size                    int
}

func (m mail) request(state, recipient string) string {
	return fmt.Sprintf("%sprotocol_state=%s\nsender=%s\nrecipient=%s\ninstance=%s\nsize=%d\nsasl_username=%s\n\n",
		head, state, m.sender, recipient, m.instance, m.size, m.login)
}

func (m mail) rcpt(recipient string) string { return m.request("RCPT", recipient) }

func (m mail) end(size int) string {
	m.size = size
	return m.request("END-OF-MESSAGE", "")
}

// set changes one user.
func (f *fixture) set(address string, fn func(*directory.UserFields)) {
	f.t.Helper()
	testkit.Update(f.t, f.Directory, func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr(address), directory.AnyRevision, func(u *directory.UserFields) error {
			fn(u)
			return nil
		})
	})
}
