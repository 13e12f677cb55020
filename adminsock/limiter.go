package adminsock

import (
	"sync"
	"time"
)

// How many refusals are logged: refusalBurst in each refusalWindow. Nobody may
// fill the disk with them.
const (
	refusalBurst  = 20
	refusalWindow = 10 * time.Second
)

// limiter lets a number of events through in each window of time.
type limiter struct {
	mu      sync.Mutex // guards the fields below
	begun   time.Time  // the window
	passed  int        // in it
	dropped int        // since the last one that passed
}

// allow reports whether an event passes, and how many did not since the last
// one that did.
func (l *limiter) allow(now time.Time) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.begun) >= refusalWindow || now.Before(l.begun) {
		l.begun, l.passed = now, 0
	}
	if l.passed >= refusalBurst {
		l.dropped++
		return 0, false
	}
	l.passed++
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}
