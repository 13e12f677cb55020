package load

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"
)

// drainTime is how long replies are waited for after the last request.
const drainTime = 10 * time.Second

// loop is a run in progress. Times are counted from its start.
type loop struct {
	plan   Plan
	conns  []*conn
	poller *poller
	start  time.Time
	result Result

	end      time.Duration // of sending
	open     int           // requests without reply
	counting bool
	began    time.Duration // 0: not yet
	cpu      time.Duration // of the client's thread when counting began

	// In an open loop:
	random  *rand.Rand
	next    time.Duration   // when the next request is due
	free    []*conn         // wait for no reply
	backlog []time.Duration // due, and no connection was free
}

func run(ctx context.Context, p Plan, conns []*conn) (*Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	preciseTimers()
	poller, err := newPoller(conns)
	if err != nil {
		return nil, err
	}
	defer poller.close()
	l := &loop{plan: p, conns: conns, poller: poller, end: p.Warmup + p.Duration,
		random: rand.New(rand.NewPCG(p.Seed, 1)), start: time.Now()}
	if err := l.begin(); err != nil {
		return nil, err
	}
	for l.now() < l.end && !l.stopped() {
		if err := errors.Join(l.turn(), ctx.Err()); err != nil {
			return nil, err
		}
	}
	l.stopCounting()
	return &l.result, l.drain(ctx)
}

func (l *loop) now() time.Duration { return time.Since(l.start) }

// begin gives every connection its first request, or makes it free.
func (l *loop) begin() error {
	if l.plan.Rate > 0 {
		l.free = append(l.free, l.conns...)
		return nil
	}
	for _, c := range l.conns {
		if err := l.send(c, l.now()); err != nil {
			return err
		}
	}
	return nil
}

// turn sends what is due and takes the replies that are there.
func (l *loop) turn() error {
	now := l.now()
	if !l.counting && now >= l.plan.Warmup {
		l.startCounting(now)
	}
	if err := l.sendDue(now); err != nil {
		return err
	}
	return l.takeAll(l.patience())
}

// takeAll takes the replies that are there, or the first that comes within d.
func (l *loop) takeAll(d time.Duration) error {
	events, err := l.poller.wait(d)
	if err != nil {
		return err
	}
	for i := range events {
		if err := l.take(l.conns[events[i].Fd]); err != nil {
			return err
		}
	}
	return nil
}

// stopEvery is how often it is looked whether the run is to end.
const stopEvery = 10 * time.Millisecond

func (l *loop) stopped() bool {
	select {
	case <-l.plan.Stop:
		l.end = l.now()
		return true
	default:
		return false
	}
}

// patience is how long the loop may wait for a reply.
func (l *loop) patience() time.Duration {
	until := l.end
	if !l.counting {
		until = min(until, l.plan.Warmup)
	}
	if l.plan.Rate > 0 && len(l.free) > 0 {
		until = min(until, l.next)
	}
	if l.plan.Stop != nil {
		return min(until-l.now(), stopEvery)
	}
	return until - l.now()
}

// sendDue sends the requests of the Poisson process, and keeps those for which
// no connection is free.
func (l *loop) sendDue(now time.Duration) error {
	if l.plan.Rate == 0 {
		return nil
	}
	for l.next <= now {
		l.backlog = append(l.backlog, l.next)
		l.next += time.Duration(l.random.ExpFloat64() / l.plan.Rate * 1e9)
	}
	return l.sendBacklog()
}

// sendBacklog takes the connection that has been free longest, so that all of
// them take turns.
func (l *loop) sendBacklog() error {
	for len(l.backlog) > 0 && len(l.free) > 0 {
		if err := l.send(l.free[0], l.backlog[0]); err != nil {
			return err
		}
		l.free, l.backlog = l.free[1:], l.backlog[1:]
	}
	return nil
}

func (l *loop) send(c *conn, due time.Duration) error {
	l.open++
	return c.send(due)
}

// take reads a reply, counts it, and sends the connection's next request.
func (l *loop) take(c *conn) error {
	whole, err := c.receive()
	if err != nil || !whole {
		return err
	}
	l.open--
	now := l.now()
	if l.began > 0 && c.due >= l.began {
		l.result.Latency.Add(now - c.due)
		if l.counting {
			l.result.Requests++
		}
	}
	if l.plan.Rate > 0 {
		l.free = append(l.free, c)
		return nil
	}
	if now < l.end {
		return l.send(c, now)
	}
	return nil
}

func (l *loop) startCounting(now time.Duration) {
	l.counting = true
	if l.plan.Begin != nil {
		l.plan.Begin()
	}
	l.cpu = threadCPU()
	l.began = max(now, l.now())
}

func (l *loop) stopCounting() {
	l.counting = false
	l.result.Took = l.now() - l.began
	l.result.Client = threadCPU() - l.cpu
	if l.plan.End != nil {
		l.plan.End()
	}
}

// drain sends what was due in time and takes the replies that are still to
// come: no latency is left out, and every reply is checked.
func (l *loop) drain(ctx context.Context) error {
	last := l.now() + drainTime
	for l.open+len(l.backlog) > 0 {
		if l.now() > last {
			return errors.New("the last replies did not come")
		}
		if err := errors.Join(l.sendBacklog(), l.takeAll(100*time.Millisecond), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}
