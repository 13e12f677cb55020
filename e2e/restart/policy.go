package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// settleWithin is how long it may take until each client was answered after a
// restart: a retry takes a second.
const settleWithin = 30 * time.Second

// policyResult is what the case policy has found.
type policyResult struct {
	plan   *plan
	rounds map[syscall.Signal]int
	first  spread                     // answer after the start of the process
	ends   map[syscall.Signal]*spread // from the signal to the end of the process
	tally  tally
	log    []string // lines that nobody should see
	took   time.Duration
}

// policy restarts gatepostd under the load of Postfix's policy clients.
func (p *plan) policy(ctx context.Context) (_ *policyResult, err error) {
	began := time.Now()
	s, err := newSite(p)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, s.tail())
		}
		if rerr := s.remove(); err == nil {
			err = rerr
		}
	}()
	if err := s.populate(ctx, p.Users); err != nil {
		return nil, err
	}
	r := &policyResult{plan: p, rounds: map[syscall.Signal]int{}, ends: map[syscall.Signal]*spread{syscall.SIGKILL: {}, syscall.SIGTERM: {}}}
	c := &crowd{path: s.socket("policy"), users: p.Users, pause: p.Pause}
	loading, endLoad := context.WithCancel(ctx)
	c.begin(loading, p.Clients)
	err = p.restarts(ctx, s, c, r)
	endLoad()
	c.working.Wait()
	if err != nil {
		return nil, err
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		return nil, err
	}
	r.tally, r.took = c.tally, time.Since(began)
	r.log, err = s.trouble()
	return r, err
}

// populate starts gatepostd for the first time and fills it.
func (s *site) populate(ctx context.Context, users int) error {
	if err := s.start(); err != nil {
		return err
	}
	if err := administer(ctx, s.bin, s.socket("admin"), "", "domain", "add", domain); err != nil {
		return err
	}
	return administer(ctx, s.bin, s.socket("admin"), batch(users), "user", "add", "--batch", "-")
}

// restarts does what the plan says. SIGKILL and SIGTERM take turns.
func (p *plan) restarts(ctx context.Context, s *site, c *crowd, r *policyResult) error {
	for r.rounds[syscall.SIGKILL] < p.Kills || r.rounds[syscall.SIGTERM] < p.Terms {
		signal := syscall.SIGKILL
		if n := r.rounds[syscall.SIGKILL]; n >= p.Kills || n > r.rounds[syscall.SIGTERM] && r.rounds[syscall.SIGTERM] < p.Terms {
			signal = syscall.SIGTERM
		}
		if err := c.settle(ctx); err != nil {
			return err
		}
		time.Sleep(upTo(200 * time.Millisecond)) // the moment is random
		begun := time.Now()
		c.last.Store(int64(signal))
		if err := s.stop(signal); err != nil {
			return err
		}
		r.ends[signal].add(time.Since(begun))
		took, err := s.answerAfterStart(c)
		if err != nil {
			return err
		}
		r.first.add(took)
		r.rounds[signal]++
		p.Say("%v: ended after %v, answered %v after the start", signal, r.ends[signal].latest(), took)
	}
	return c.settle(ctx)
}

// settle waits until each client was answered by the running process.
func (c *crowd) settle(ctx context.Context) error {
	deadline := time.Now().Add(settleWithin)
	for !c.settled() {
		if time.Now().After(deadline) {
			return fmt.Errorf("not every client was answered within %v", settleWithin)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// answerAfterStart starts gatepostd and returns how long a request took that was
// waiting in the socket.
func (s *site) answerAfterStart(c *crowd) (time.Duration, error) {
	conn, err := net.DialTimeout("unix", c.path, patience)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(settleWithin))
	q := ask(0, int(c.run.Load()))
	if _, err := io.WriteString(conn, q.request); err != nil {
		return 0, err
	}
	c.run.Add(1)
	begun := time.Now()
	if err := s.start(); err != nil {
		return 0, err
	}
	reply, err := readReply(bufio.NewReader(conn))
	took := time.Since(begun)
	if err == nil && reply != q.want {
		err = fmt.Errorf("the first answer is %q, want %q", reply, q.want)
	}
	return took, err
}

func (r *policyResult) print() {
	fmt.Printf("policy: %d clients, %d users, %d transactions in %v\n", r.plan.Clients, r.plan.Users, r.tally.transactions, r.took.Round(time.Second))
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  SIGNAL\tRESTARTS\tRETRIES\tNOT READ\tREAD, NOT ANSWERED\tCUT\tUNTIL THE END")
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		retried := r.tally.retried[signal]
		sum := 0
		for _, n := range retried {
			sum += n
		}
		fmt.Fprintf(table, "  %v\t%d\t%d\t%d\t%d\t%d\t%v\n", signal, r.rounds[signal], sum, retried[unsent], retried[unanswered], retried[cut], r.ends[signal])
	}
	_ = table.Flush()
	fmt.Printf("  failed beyond one retry: %d, wrong replies: %d, first answer: %v\n", len(r.tally.failed), len(r.tally.wrong), &r.first)
}

// broken returns which promises were.
func (r *policyResult) broken() error {
	var all []string
	say := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	if n := len(r.tally.failed); n > 0 {
		say("%d transactions failed beyond one retry, such as: %s", n, r.tally.failed[0])
	}
	if n := len(r.tally.wrong); n > 0 {
		say("%d replies were wrong, such as: %s", n, r.tally.wrong[0])
	}
	drained := r.tally.retried[syscall.SIGTERM]
	if n := drained[unanswered] + drained[cut] + drained[silent]; n > 0 {
		say("a process that drained read %d requests and did not answer them", n)
	}
	for signal, ends := range r.tally.retried {
		if n := ends[silent]; n > 0 {
			say("%d requests got no answer within %v after %v", n, patience, signal)
		}
	}
	if slowest := r.first.at(1); slowest > r.plan.First {
		say("the first answer took up to %v, want at most %v", slowest, r.plan.First)
	}
	if len(r.log) > 0 {
		say("gatepostd logged: %s", r.log[0])
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("policy: %s", strings.Join(all, "; "))
}
