package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/rig"
)

// What Dovecot says to a mail client.
const (
	loggedIn    = "OK"
	unavailable = "UNAVAILABLE"
)

// loginResult is what the case logins has found.
type loginResult struct {
	series []*loginSeries
	log    []string // lines that nobody should see
}

// counts returns how often each reply came, and of those that failed how many
// were not under way when a process died.
func (s *loginSeries) counts() (replies map[string]int, strangers []login) {
	replies = map[string]int{}
	for _, l := range s.logins {
		replies[l.result()]++
		if l.result() != loggedIn && !slices.ContainsFunc(s.restarts, l.underWay) {
			strangers = append(strangers, l)
		}
	}
	return replies, strangers
}

// pendings is how a login process of Dovecot logs that a connection closed with
// requests under way.
var pendings = regexp.MustCompile(`Auth connection closed with (\d+) pending requests`)

// pendingRequests sums them up.
func pendingRequests(log string) (sum int) {
	for _, found := range pendings.FindAllStringSubmatch(log, -1) {
		n, _ := strconv.Atoi(found[1]) // digits
		sum += n
	}
	return sum
}

// tell says when a login was sent, seen from the restart before it or around it.
func (s *loginSeries) tell(l login) string {
	for _, r := range slices.Backward(s.restarts) {
		if !l.sent.IsZero() && l.answered.After(r.told) {
			return fmt.Sprintf("%q, %v after LOGIN, which came %v after gatepostd was told to end, which took %v",
				l.reply, l.answered.Sub(l.sent).Round(time.Microsecond), l.sent.Sub(r.told).Round(time.Microsecond), r.ended.Sub(r.told).Round(time.Microsecond))
		}
	}
	return fmt.Sprintf("%q, before LOGIN or before any restart", l.reply)
}

// underWay reports whether the login was sent, and not answered, when a process
// died. A mail client that did not get as far was about to: its login process
// was connecting (and Dovecot 2.3 sends it away: "BYE Auth process broken").
func (l login) underWay(r restart) bool {
	begun := l.sent
	if begun.IsZero() {
		begun = l.came
	}
	return begun.Before(r.ended) && l.answered.After(r.told)
}

func (s *loginSeries) took() *spread {
	var all spread
	for _, l := range s.logins {
		if !l.sent.IsZero() {
			all.add(l.answered.Sub(l.sent))
		}
	}
	return &all
}

func (r *loginResult) print() {
	for _, s := range r.series {
		replies, strangers := s.counts()
		fmt.Printf("logins over %v: %d restarts, until the end %v\n", s.signal, len(s.restarts), &s.ends)
		fmt.Printf("  %d logins, answered after %v\n", len(s.logins), s.took())
		fmt.Printf("  %d requests had no answer when their connection to gatepostd closed, says Dovecot\n", s.pending)
		for _, reply := range slices.Sorted(maps.Keys(replies)) {
			fmt.Printf("  %6d %s\n", replies[reply], reply)
		}
		if s.signal == syscall.SIGKILL {
			fmt.Printf("  failed without being under way when a process died: %d\n", len(strangers))
		}
	}
}

// broken returns which promises were.
func (r *loginResult) broken() error {
	var errs []error
	for _, s := range r.series {
		if s.signal == syscall.SIGTERM {
			errs = append(errs, s.brokenByDraining())
		} else {
			errs = append(errs, s.brokenByDying())
		}
	}
	if len(r.log) > 0 {
		errs = append(errs, fmt.Errorf("logins: gatepostd logged: %s", r.log[0]))
	}
	return errors.Join(errs...)
}

// worst returns a login that failed, rather one whose reply is wrong in any case.
func (s *loginSeries) worst() (w login) {
	for _, l := range s.logins {
		if code := l.result(); code != loggedIn && (code != unavailable || w.reply == "") {
			w = l
		}
	}
	return w
}

// brokenByDraining: nobody may be told that a password is wrong, and one in a
// thousand that something is amiss.
func (s *loginSeries) brokenByDraining() error {
	replies, _ := s.counts()
	all := len(s.logins)
	failed := all - replies[loggedIn] - replies[unavailable]
	if failed == 0 && replies[unavailable] <= (all+999)/1000 && all > 0 {
		return nil
	}
	return fmt.Errorf("logins over SIGTERM: of %d the replies were %v, such as: %s", all, replies, s.tell(s.worst()))
}

// brokenByDying: only those fail that were under way.
func (s *loginSeries) brokenByDying() error {
	replies, strangers := s.counts()
	switch {
	case len(s.logins) == 0:
		return errors.New("logins over SIGKILL: there were none")
	case len(strangers) > 0:
		return fmt.Errorf("logins over SIGKILL: of %d the replies were %v, and %d of those that failed were not under way, such as: %s",
			len(s.logins), replies, len(strangers), s.tell(strangers[0]))
	}
	return nil
}

// rigTrouble returns the lines of gatepostd's log that nobody should see.
func rigTrouble(r *rig.Rig) (lines []string) {
	for line := range strings.Lines(r.LogSince("gatepostd", 0)) {
		if isTrouble(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// isTrouble reports whether a line of gatepostd's log is one that nobody should
// see. Built with the race detector, it logs its races too.
func isTrouble(line string) bool {
	return slices.ContainsFunc([]string{"level=ERROR", "panic", "DATA RACE", "cut off"},
		func(sign string) bool { return strings.Contains(line, sign) })
}
