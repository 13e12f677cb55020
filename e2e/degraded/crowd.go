package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	domain   = "degraded.test"
	alice    = "alice@" + domain
	disabled = "disabled@" + domain
	password = "Secret-1234-of-alice"

	askEvery    = 20 * time.Millisecond
	loginEvery  = 100 * time.Millisecond
	changeEvery = 100 * time.Millisecond // ten a second
)

// crowd is everybody who wants something of a site, and what became of it.
type crowd struct {
	site   *site
	all    sync.WaitGroup
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows
	changes int        // begun
	acked   map[string]bool
	refused map[string]bool
	reasons map[string]int // of refusals, by their text up to the first figure
	last    time.Time      // of an acknowledged change: when it was begun
	policy  seen
	logins  seen
	wrong   []string
}

// seen is how long answers took.
type seen struct {
	n     int
	worst time.Duration
}

func (s *seen) add(took time.Duration) { s.n, s.worst = s.n+1, max(s.worst, took) }

// begin makes the users that are asked about, and starts everybody.
func begin(ctx context.Context, s *site) (*crowd, error) {
	c := &crowd{site: s, acked: map[string]bool{}, refused: map[string]bool{}, reasons: map[string]int{}}
	for _, step := range []struct {
		path string
		in   map[string]any
	}{
		{"/v1/domains", map[string]any{"domain": domain}},
		{"/v1/users", map[string]any{"address": alice, "password": password}},
		{"/v1/users", map[string]any{"address": disabled, "no_password": true, "disabled": true}},
	} {
		if a := s.call(ctx, "admin", http.MethodPost, step.path, step.in); a.status/100 != 2 {
			return nil, fmt.Errorf("%s: %d %s\n%s", step.path, a.status, a.text, s.tail())
		}
	}
	c.goOn(ctx)
	return c, nil
}

// goOn starts everybody.
func (c *crowd) goOn(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.all.Go(func() { c.ask(ctx, alice, "action=DUNNO") })
	c.all.Go(func() { c.ask(ctx, disabled, "action=550 5.2.1 Mailbox disabled") })
	c.all.Go(func() { c.logIn(ctx, password, "OK 1 user="+alice) })
	c.all.Go(func() { c.logIn(ctx, "wrong", "FAIL 1 user="+alice) })
	c.all.Go(func() { c.change(ctx) })
}

// end ends everybody.
func (c *crowd) end() {
	c.cancel()
	c.all.Wait()
}

// note counts an answer that was asked for.
func (c *crowd) note(ctx context.Context, which *seen, reply, want string, took time.Duration) {
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	which.add(took)
	if !strings.HasPrefix(reply, want) || strings.Contains(reply, "temp") {
		c.wrong = append(c.wrong, fmt.Sprintf("%q, want %q", reply, want))
	}
}

func (c *crowd) ask(ctx context.Context, recipient, want string) {
	p := &policy{path: c.site.socket("policy")}
	defer p.hangUp()
	for ; ctx.Err() == nil; pause(ctx, askEvery) {
		reply, took := p.ask(ctx, recipient)
		c.note(ctx, &c.policy, reply, want, took)
	}
}

func (c *crowd) logIn(ctx context.Context, password, want string) {
	for ; ctx.Err() == nil; pause(ctx, loginEvery) {
		reply, took := login(ctx, c.site.socket("auth"), alice, password)
		c.note(ctx, &c.logins, reply, want, took)
	}
}

// change makes a user ten times a second. What was acknowledged is obeyed at
// once.
func (c *crowd) change(ctx context.Context) {
	ticker := time.NewTicker(changeEvery)
	defer ticker.Stop()
	var changing sync.WaitGroup
	defer changing.Wait()
	for ctx.Err() == nil {
		c.mu.Lock()
		c.changes++
		address := fmt.Sprintf("c%06d@%s", c.changes, domain)
		c.mu.Unlock()
		changing.Go(func() { c.add(ctx, address) })
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (c *crowd) add(ctx context.Context, address string) {
	began := time.Now()
	a := c.site.call(context.WithoutCancel(ctx), "admin", http.MethodPost, "/v1/users", map[string]any{"address": address, "no_password": true, "disabled": true})
	if a.status/100 == 2 {
		p := &policy{path: c.site.socket("policy")}
		defer p.hangUp()
		reply, took := p.ask(ctx, address)
		c.note(ctx, &c.policy, reply, "action=550 5.2.1 Mailbox disabled", took)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case a.status/100 == 2:
		c.acked[address], c.last = true, began
	case a.status == http.StatusServiceUnavailable && a.code == "read_only":
		c.refused[address] = true
		c.reasons[withoutFigures(a.text)]++
	case a.status == 0, a.code == "unknown_outcome": // the process died, or said that it does not know
	default:
		c.wrong = append(c.wrong, fmt.Sprintf("a change: %d %s %s", a.status, a.code, a.text))
	}
}

// withoutFigures makes texts the same that differ in figures.
func withoutFigures(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, text)
}

// takenSince reports whether a change was acknowledged that was begun after t.
func (c *crowd) takenSince(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last.After(t)
}

// refusals returns how many changes were refused with a text so far.
func (c *crowd) refusals(text string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for reason, times := range c.reasons {
		if strings.Contains(reason, text) {
			n += times
		}
	}
	return n
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
