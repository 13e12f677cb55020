package authsock

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/login"
)

// What draining does to a request, by what it is at when draining begins one
// second after it was sent.
func TestDrain(t *testing.T) {
	ir := plain("", "alice@example.test", right)
	hang := func(ctx context.Context, _ login.Attempt) { <-ctx.Done() }
	last := func(d time.Duration) func(context.Context, login.Attempt) {
		return func(ctx context.Context, _ login.Attempt) { time.Sleep(d) }
	}
	tests := []struct {
		name, request string
		hold          func(context.Context, login.Attempt)
		want          string // what the client is told in the end
		drained       time.Duration
	}{
		{"idle", "", nil, "", 0},
		{"verification ends in time", auth(1, "imap", "alice@example.test", right), last(2 * time.Second), "OK\t1\tuser=alice@example.test\n", time.Second},
		{"verification ends in time, Postfix", auth(1, "smtp", "alice@example.test", right), last(2 * time.Second), "OK\t1\tuser=alice@example.test\n", time.Second},
		{"refusal waits for its time", auth(1, "imap", "alice@example.test", wrong), nil, "FAIL\t1\tuser=alice@example.test\n", time.Second},
		{"verification hangs", auth(1, "imap", "alice@example.test", right), hang, "FAIL\t1\tuser=alice@example.test\tcode=temp_fail\n", drainTime},
		{"verification hangs, Postfix", auth(1, "smtp", "alice@example.test", right), hang, "", drainTime},
		{"client is to go on", "AUTH\t1\tPLAIN\tservice=imap", nil, "CONT\t1\t\nFAIL\t1\tcode=temp_fail\n", 0},
		{"client is to go on, Postfix", "AUTH\t1\tPLAIN\tservice=smtp\tnologin", nil, "CONT\t1\t\n", 0},
		{"half a request, the rest comes", "AUTH\t1\tPLAIN\tservice=imap\tresp=" + ir[:4], nil, "OK\t1\tuser=alice@example.test\n", 1500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig) {
					r.wire(t, login.DefaultFailureDelay)
					if tt.hold != nil {
						r.slowly(tt.hold)
					}
				})
				c := client(t, doortest.Pipes(t, r.server), 2)
				var told string
				var reading sync.WaitGroup
				reading.Go(func() { told = c.rest() })
				half := strings.HasPrefix(tt.name, "half")
				switch {
				case half:
					c.Send(tt.request)
				case tt.request != "":
					c.Send(tt.request + "\n")
				}
				time.Sleep(time.Second)
				start := time.Now()
				var stopping sync.WaitGroup
				stopping.Go(func() { doortest.Stop(t, r.server) })
				if half {
					time.Sleep(1500 * time.Millisecond)
					c.Send(ir[4:] + "\n")
				}
				stopping.Wait()
				if took := time.Since(start); took.Round(100*time.Millisecond) != tt.drained {
					t.Errorf("drained after %v, want %v", took, tt.drained)
				}
				reading.Wait()
				if told != tt.want {
					t.Errorf("the client was told %q, want %q", told, tt.want)
				}
			})
		})
	}
}

// A login process that has a mail client keeps its connection for a moment. What
// is answered to a login that it sends so long after draining began.
func TestDrainWaitsForLogins(t *testing.T) {
	const ok = "OK\t1\tuser=alice@example.test\n"
	tests := []struct {
		name         string
		connected    time.Duration // before draining begins
		sent         time.Duration // after that
		verification time.Duration
		want         string
		drained      time.Duration
	}{
		{"at once", 100 * time.Millisecond, 0, 0, ok, time.Second},
		{"before it has been idle for a second", 100 * time.Millisecond, 800 * time.Millisecond, 0, ok, lingerMax},
		{"after it has been idle for a second", 100 * time.Millisecond, 950 * time.Millisecond, 0, "", 900 * time.Millisecond},
		{"it has been idle before", patience / 2, 100 * time.Millisecond, 0, "", 0},
		{"its verification takes a second", 0, 900 * time.Millisecond, time.Second, ok, 1900 * time.Millisecond},
		{"its verification hangs", 0, 900 * time.Millisecond, time.Hour, "FAIL\t1\tuser=alice@example.test\tcode=temp_fail\n", drainTime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig) {
					r.slowly(func(ctx context.Context, _ login.Attempt) {
						select {
						case <-time.After(tt.verification):
						case <-ctx.Done():
						}
					})
				})
				c := client(t, doortest.Pipes(t, r.server), 2)
				var told string
				var talking sync.WaitGroup
				talking.Go(func() { told = c.rest() })
				time.Sleep(tt.connected)
				start := time.Now()
				talking.Go(func() {
					time.Sleep(tt.sent)
					_, _ = io.WriteString(c, auth(1, "imap", "alice@example.test", right)+"\n") // fails when the end came first
				})
				doortest.Stop(t, r.server)
				if took := time.Since(start); took.Round(100*time.Millisecond) != tt.drained {
					t.Errorf("drained after %v, want %v", took, tt.drained)
				}
				talking.Wait()
				if told != tt.want {
					t.Errorf("the client was told %q, want %q", told, tt.want)
				}
			})
		})
	}
}

// A login that was granted before draining gets its mail process: the master
// door stays open for it, also to those who connect now, but not for ever.
func TestDrainFinishesLogins(t *testing.T) {
	for name, after := range map[string]time.Duration{"asked for": time.Second, "never asked for": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig) { r.slowly(func(context.Context, login.Attempt) { time.Sleep(time.Second) }) })
				masters := doortest.Pipes(t, r.master)
				c := client(t, doortest.Pipes(t, r.server), 2)
				c.Send(auth(1, "imap", "alice@example.test", right) + "\n")
				time.Sleep(time.Millisecond)

				start := time.Now()
				var stopping sync.WaitGroup
				stopping.Go(func() {
					doortest.Stop(t, r.server)
					doortest.Stop(t, r.master)
				})
				if got := c.line(); got != "OK\t1\tuser=alice@example.test" {
					t.Fatalf("AUTH answered %q", got)
				}
				want := time.Second + settleTime // of verification, and of hope
				if after > 0 {
					time.Sleep(after)
					m := masterClient(t, masters)
					got := m.ask(fmt.Sprintf("REQUEST\t9\t%d\t1\t%s", testCPID, c.cookie))
					if want := "USER\t9\t" + fields("alice", 0) + "\tauth_mech=PLAIN"; got != want {
						t.Errorf("REQUEST answered %q, want %q", got, want)
					}
					want = time.Second + after
				}
				stopping.Wait()
				if took := time.Since(start); took.Round(100*time.Millisecond) != want {
					t.Errorf("drained after %v, want %v", took, want)
				}
			})
		})
	}
}

// A LIST that is read slowly ends as failed when the door drains.
func TestDrainEndsList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.directory, _ = doortest.Crowd(t, 1000)
		r.master.Directory = r.directory
		m := masterClient(t, doortest.Pipes(t, r.master))
		m.Send("LIST\t1\n")
		m.line()
		synctest.Wait()
		var stopping sync.WaitGroup
		stopping.Go(func() { doortest.Stop(t, r.master) })
		time.Sleep(time.Second)
		rest := m.rest()
		stopping.Wait()
		if !strings.HasSuffix(rest, "\nDONE\t1\tfail\n") || strings.Count(rest, "LIST") > 900 {
			t.Errorf("the list ends with %q after %d lines", rest[max(0, len(rest)-40):], strings.Count(rest, "\n"))
		}
	})
}

// A client that goes away takes its verifications with it.
func TestDisconnectEndsVerifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := 0
		r := newRig(t, func(r *rig) {
			r.slowly(func(ctx context.Context, _ login.Attempt) { <-ctx.Done(); ended++ })
		})
		c := client(t, doortest.Pipes(t, r.server), 2)
		c.Send(auth(1, "imap", "alice@example.test", right) + "\n")
		synctest.Wait()
		_ = c.Close()
		synctest.Wait()
		if ended != 1 {
			t.Errorf("%d verifications ended, want 1", ended)
		}
	})
}

// Refusals leave together, whoever the name belongs to; successes at once.
func TestFailureDelay(t *testing.T) {
	tests := []struct {
		name, user, secret string
		want               time.Duration
	}{
		{"wrong", "alice@example.test", wrong, 2 * time.Second},
		{"unknown", "nobody@example.test", right, 2 * time.Second},
		{"disabled", "disabled@example.test", right, 2 * time.Second},
		{"right", "alice@example.test", right, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig) { r.wire(t, login.DefaultFailureDelay) })
				c := client(t, doortest.Pipes(t, r.server), 2)
				start := time.Now()
				c.ask(auth(1, "imap", tt.user, tt.secret))
				if got := time.Since(start); got != tt.want {
					t.Errorf("answered after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// An exchange that waited too long is over.
func TestExchangeTimesOut(t *testing.T) {
	for after, want := range map[time.Duration]string{
		requestTimeout:               "OK\t1\tuser=alice@example.test",
		requestTimeout + time.Second: "FAIL\t1\treason=Authentication request timed out",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nil)
			c := client(t, doortest.Pipes(t, r.server), 2)
			c.ask("AUTH\t1\tPLAIN\tservice=imap")
			time.Sleep(after)
			if got := c.ask("CONT\t1\t" + plain("", "alice@example.test", right)); got != want {
				t.Errorf("after %v: %q, want %q", after, got, want)
			}
		})
	}
}
