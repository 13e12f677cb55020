package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// recoverWithin is how long it may take after the trouble until changes are taken.
const recoverWithin = 10 * time.Second

// result is what a case has found.
type result struct {
	name                  string
	within                time.Duration // for each answer
	rounds                int
	acked, refused, lost  int
	deaths, starts        int
	policy, logins        seen
	recovered             time.Duration // the slowest
	notes, brokenPromises []string
}

// broken notes a broken promise.
func (r *result) broken(err error) { r.brokenPromises = append(r.brokenPromises, err.Error()) }

// take adds what a crowd has seen, and what is left of it, to the result. It may
// have died so often by itself.
func (r *result) take(ctx context.Context, c *crowd, mayDie int) error {
	died := c.site.died()
	r.acked, r.refused = r.acked+len(c.acked), r.refused+len(c.refused)
	r.deaths, r.starts = r.deaths+len(died), r.starts+c.site.starts
	r.policy = seen{r.policy.n + c.policy.n, max(r.policy.worst, c.policy.worst)}
	r.logins = seen{r.logins.n + c.logins.n, max(r.logins.worst, c.logins.worst)}
	for _, text := range slices.Sorted(maps.Keys(c.reasons)) {
		r.notes = append(r.notes, fmt.Sprintf("%d × %s", c.reasons[text], text))
	}
	for _, how := range died {
		r.notes = append(r.notes, "died: "+how)
	}
	var errs []error
	if len(died) > mayDie {
		errs = append(errs, fmt.Errorf("it died %d times, %v; the log ends:\n%s", len(died), died, c.site.tail()))
	}
	if len(c.wrong) > 0 {
		errs = append(errs, fmt.Errorf("%d wrong answers, as %s", len(c.wrong), c.wrong[0]))
	}
	if worst := max(c.policy.worst, c.logins.worst); worst > r.within {
		errs = append(errs, fmt.Errorf("an answer took %v", worst))
	}
	lost, err := c.missing(ctx)
	r.lost += lost
	return errors.Join(append(errs, err)...)
}

// missing compares what there is with what was answered.
func (c *crowd) missing(ctx context.Context) (lost int, err error) {
	a := c.site.call(ctx, "admin", http.MethodGet, "/v1/users?domain="+domain, nil)
	var users []struct{ Address string }
	if err := json.Unmarshal([]byte(a.text), &users); err != nil {
		return len(c.acked), fmt.Errorf("list the users: %d %.300s: %w", a.status, a.text, err)
	}
	there := map[string]bool{}
	for _, u := range users {
		there[u.Address] = true
		if c.refused[u.Address] {
			err = fmt.Errorf("%s was refused and is there", u.Address)
		}
	}
	for address := range c.acked {
		if !there[address] {
			lost++
			err = fmt.Errorf("%s was acknowledged and is lost", address)
		}
	}
	return lost, err
}

// recovery waits until a change is taken that was begun after now.
func (r *result) recovery(ctx context.Context, c *crowd) error {
	began := time.Now()
	for !c.takenSince(began) {
		if time.Since(began) > recoverWithin || ctx.Err() != nil {
			return fmt.Errorf("no change is taken %v after the trouble has ended; the log ends:\n%s", recoverWithin, c.site.tail())
		}
		pause(ctx, 10*time.Millisecond)
	}
	r.recovered = max(r.recovered, time.Since(began))
	return nil
}

// word is a reason as gatepost_degraded has it, and what is said with it.
type word struct{ reason, text string }

// degraded waits until metrics, status and the answers to changes have one of the
// reasons.
func (c *crowd) degraded(ctx context.Context, words ...word) error {
	before := map[word]int{}
	for _, w := range words {
		before[w] = c.refusals(w.text)
	}
	for began := time.Now(); time.Since(began) < 2*recoverWithin && ctx.Err() == nil; pause(ctx, 20*time.Millisecond) {
		for _, w := range words {
			if c.refusals(w.text) > before[w] && c.site.says(ctx, w) {
				return nil
			}
		}
	}
	return fmt.Errorf("metrics, readyz, status and changes do not all say %v; refusals %v; the log ends:\n%s", words, c.reasons, c.site.tail())
}

// says reports whether metrics, readyz and status have a reason now.
func (s *site) says(ctx context.Context, w word) bool {
	page := s.call(ctx, "metrics", http.MethodGet, "/metrics", nil).text
	ready := s.call(ctx, "metrics", http.MethodGet, "/readyz", nil)
	status := s.call(ctx, "admin", http.MethodGet, "/v1/status", nil).text
	return strings.Contains(page, fmt.Sprintf("gatepost_degraded{reason=%q} 1\n", w.reason)) &&
		ready.status == http.StatusServiceUnavailable && strings.Contains(ready.text, w.text) && strings.Contains(status, w.text)
}

// show prints the results; an error says which promises were broken.
func show(out io.Writer, results []*result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tROUNDS\tACKNOWLEDGED\tREFUSED\tLOST\tDIED\tSTARTS\tPOLICY ANSWERS\tSLOWEST\tLOGINS\tSLOWEST\tCHANGES AGAIN AFTER")
	var errs []error
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%d\t%v\t%v\n", r.name, r.rounds, r.acked, r.refused, r.lost, r.deaths, r.starts,
			r.policy.n, r.policy.worst.Round(time.Millisecond), r.logins.n, r.logins.worst.Round(time.Millisecond), r.recovered.Round(time.Millisecond))
		for _, text := range r.brokenPromises {
			errs = append(errs, fmt.Errorf("%s: %s", r.name, text))
		}
	}
	_ = w.Flush()
	for _, r := range results {
		for _, note := range r.notes {
			fmt.Fprintf(out, "%s: %s\n", r.name, note)
		}
	}
	return errors.Join(errs...)
}
