package delegation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

// Only RCPT and END-OF-MESSAGE decide.
func TestOtherStates(t *testing.T) {
	f := open(t)
	c := f.connect()
	for _, state := range []string{"CONNECT", "EHLO", "HELO", "MAIL", "VRFY", "ETRN", "DATA", "BDAT", "rcpt", "NEW-STATE", ""} {
		if got := c.ask(mail{}.request(state, "disabled@example.test")); got != dunno {
			t.Errorf("%s: %q, want %q", state, got, dunno)
		}
	}
	if got := c.ask(head + "\n"); got != dunno {
		t.Errorf("no state: %q", got)
	}
	if got := c.ask(head + "protocol_state=RCPT\nrecipient=disabled@example.test\n\n"); got != disabled {
		t.Errorf("no instance: %q, want %q", got, disabled)
	}
	local := mail{login: "localonly@example.test", sender: "localonly@example.test"}
	if got := c.ask(local.rcpt("")); got != ownOnly {
		t.Errorf("no recipient: %q, want %q", got, ownOnly)
	}
	if events, _ := f.Taken(); events[0] != "other none dunno" {
		t.Errorf("first event %q", events[0])
	}
}

// Modes are replaced while connections are open.
func TestModes(t *testing.T) {
	f := open(t)
	c := f.connect()
	m := mail{login: "disabled@example.test", sender: "disabled@example.test"}
	ask := func(rules map[string]string, code int, want string, events ...string) {
		t.Helper()
		modes, err := policy.NewModes(rules, code)
		if err != nil {
			t.Fatal(err)
		}
		f.Modes.Store(modes)
		f.Taken()
		if got := c.ask(m.rcpt("alice@example.test")); got != want {
			t.Errorf("%v: %q, want %q", rules, got, want)
		}
		if got, _ := f.Taken(); !slices.Equal(got, events) {
			t.Errorf("%v: events %q, want %q", rules, got, events)
		}
	}
	ask(nil, 0, "550 5.7.1 Account disabled", "rcpt sender-disabled reject")
	ask(map[string]string{"sender-disabled": "warn"}, 0, dunno, "rcpt sender-disabled warn", "rcpt sender-disabled warn")
	ask(map[string]string{"sender-disabled": "shadow"}, 0, dunno, "rcpt none dunno", "rcpt sender-disabled shadow")
	ask(map[string]string{"sender-disabled": "off"}, 0, dunno, "rcpt none dunno")
	m = mail{}
	f.Modes.Store(must(policy.NewModes(nil, 452)))
	if got := c.ask(m.rcpt("full@example.test")); got != fullNow {
		t.Errorf("full_code 452: %q", got)
	}
}

func must(m *policy.Modes, err error) *policy.Modes {
	if err != nil {
		panic(err)
	}
	return m
}

// What gatepost cannot decide is deferred; a panic ends the connection, too.
func TestOwnTrouble(t *testing.T) {
	t.Run("panic", func(t *testing.T) {
		f := prepare(t)
		f.Directory = nil
		f.dial = doortest.Unix(t, f)
		c := f.connect()
		if got := c.ask(mail{}.rcpt("alice@example.test")); got != unavailable {
			t.Errorf("action %q, want %q", got, unavailable)
		}
		if rest := c.Rest(); rest != "" {
			t.Errorf("then %q", rest)
		}
		events, log := f.Taken() // of the event loop's panic, and of the handler's
		if want := []string{"panicked", "panicked", "rcpt none fail"}; !slices.Equal(events, want) {
			t.Errorf("events %q, want %q", events, want)
		}
		if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "stack=") {
			t.Errorf("log %q", log)
		}
	})
	t.Run("expansion", func(t *testing.T) {
		f := open(t)
		testkit.Update(t, f.Directory, func(tx *directory.Tx) error {
			return tx.CreateAlias(directory.AliasFields{
				Address: testkit.Addr("loop@other.test"), Targets: []mailaddr.Addr{testkit.Addr("loop-x@other.test")},
			})
		})
		f.Directory.Configure(directory.Settings{Delimiters: "-"})
		c := f.connect()
		if got := c.ask(mail{}.rcpt("loop@other.test")); got != unavailable {
			t.Errorf("action %q, want %q", got, unavailable)
		}
		if got := c.ask(mail{}.rcpt("disabled@example.test")); got != disabled {
			t.Errorf("afterwards: %q", got)
		}
	})
}

// A refusal is logged, with what a client sent made harmless; mail that passes
// is not, unless somebody wants to see it.
func TestLog(t *testing.T) {
	f := open(t)
	c := f.connect()
	c.ask(mail{}.rcpt("alice@example.test"))
	c.ask(mail{sender: "a\x01\x1b[2J\" rule=none@x.test"}.rcpt("disabled@example.test"))
	doortest.Stop(t, f)
	_, log := f.Taken()
	if strings.Count(log, "\n") != 1 || strings.ContainsAny(log, "\x01\x1b") {
		t.Fatalf("log %q, want one line", log)
	}
	for _, want := range []string{`msg="mail refused"`, "door=policy", "rule=recipient-disabled", "action=reject", "recipient=disabled@example.test", `\" rule=none@`} {
		if !strings.Contains(log, want) {
			t.Errorf("log %q lacks %q", log, want)
		}
	}
}

// Shutdown answers a request that has begun, and leaves idle peers.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prepare(t)
		f.dial = doortest.Pipes(t, f)
		idle, half := f.connect(), f.connect()
		idle.ask(head + "\n")
		request := mail{}.rcpt("disabled@example.test")
		half.Send(request[:20])
		synctest.Wait()
		done := make(chan struct{})
		go func() { defer close(done); doortest.Stop(t, f) }()
		if rest := idle.Rest(); rest != "" {
			t.Errorf("idle: %q", rest)
		}
		half.Send(request[20:])
		if rest := half.Rest(); rest != "action="+disabled+"\n\n" {
			t.Errorf("half: %q", rest)
		}
		<-done
	})
}

// Many connections at once, as many smtpd processes.
func TestConcurrent(t *testing.T) {
	f := open(t)
	var peers sync.WaitGroup
	for i := range 20 {
		c := f.connect()
		peers.Go(func() {
			for j := range 50 {
				m := mail{instance: fmt.Sprint(i, ".", j)}
				for _, step := range []struct{ request, want string }{
					{m.rcpt("busy@example.test"), dunno}, {m.rcpt("sendonly@example.test"), "550 5.2.1 This account does not receive mail"},
					{m.end(50_000), full},
				} {
					if got := c.ask(step.request); got != step.want {
						t.Errorf("%q, want %q", got, step.want)
						return
					}
				}
			}
		})
	}
	peers.Wait()
}
