//go:build e2e

package main

import (
	"os"
	"testing"
	"time"
)

// reduced is a little of everything; `go run ./e2e/restart` does all of it. What
// is measured in milliseconds there has seconds here: the machine may be busy.
func reduced(t *testing.T) *plan {
	p := &plan{
		Bin:   os.Getenv("GATEPOST_BIN"),
		Kills: 3, Terms: 3, Clients: 64, Pause: 20 * time.Millisecond, Users: 10_000, First: 5 * time.Second,
		Accounts: 6, Rate: 10, Logins: 30, Every: time.Second, Deaths: 2, Think: 500 * time.Millisecond,
	}
	if err := p.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(p.temporary()) })
	return p
}

func TestRestartUnderPolicyLoad(t *testing.T) {
	t.Parallel()
	r, err := reduced(t).policy(t.Context())
	report(t, r, err)
}

func TestRestartUnderLogins(t *testing.T) {
	t.Parallel()
	r, err := reduced(t).logins(t.Context())
	report(t, r, err)
}

func report[R result](t *testing.T, r R, err error) {
	if err != nil {
		t.Fatalf("%v\n(the packages this needs are installed by tools/install-deps --test)", err)
	}
	r.print()
	if err := r.broken(); err != nil {
		t.Error(err)
	}
}
