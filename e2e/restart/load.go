package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// crowd is all clients of a site's policy door.
type crowd struct {
	path  string
	users int
	pause time.Duration // after an answer

	run  atomic.Int64 // counts the starts of gatepostd
	last atomic.Int64 // the signal that ended the last one

	working  sync.WaitGroup
	answered []atomic.Int64 // by client: the run in which a request was sent that was answered

	mu    sync.Mutex // guards what follows
	tally tally
}

// tally is what became of the transactions.
type tally struct {
	transactions int
	retried      map[syscall.Signal]map[ending]int
	failed       []string
	wrong        []string
}

// begin starts n clients, which ask until ctx ends; wait for working.
func (c *crowd) begin(ctx context.Context, n int) {
	c.answered = make([]atomic.Int64, n)
	c.tally.retried = map[syscall.Signal]map[ending]int{syscall.SIGKILL: {}, syscall.SIGTERM: {}}
	for i := range n {
		c.working.Go(func() { c.client(ctx, i) })
	}
}

// client asks about one random user after the other.
func (c *crowd) client(ctx context.Context, number int) {
	s := &smtpd{path: c.path}
	defer s.hangUp()
	random := rand.New(rand.NewPCG(uint64(number), uint64(time.Now().UnixNano())))
	done := 0
	for ctx.Err() == nil {
		c.transact(s, number, ask(random.IntN(c.users), number<<32+done))
		done++
		time.Sleep(c.pause)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.transactions += done
}

// transact asks one question as smtpd does.
func (c *crowd) transact(s *smtpd, number int, q question) {
	for try := 1; ; try++ {
		run := c.run.Load()
		reply, how, err := s.try(q.request)
		if err == nil {
			c.answered[number].Store(run)
			if reply != q.want {
				c.note(&c.tally.wrong, "%q, want %q", reply, q.want)
			}
			return
		}
		s.hangUp()
		if try == tryLimit {
			c.note(&c.tally.failed, "after run %d: %v: %v", run, how, err)
			return
		}
		c.retry(how)
		time.Sleep(retryDelay)
	}
}

func (c *crowd) note(list *[]string, format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, fmt.Sprintf(format, a...))
}

func (c *crowd) retry(how ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.retried[syscall.Signal(c.last.Load())][how]++
}

// settled reports whether every client was answered in the run that is.
func (c *crowd) settled() bool {
	for i := range c.answered {
		if c.answered[i].Load() != c.run.Load() {
			return false
		}
	}
	return true
}
