package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/rig"
)

const (
	loginPassword = "Restart-secret-1"
	thinkers      = 5 // one of so many clients thinks
)

// logins restarts gatepostd while mail clients log in to a real Dovecot.
func (p *plan) logins(ctx context.Context) (_ *loginResult, err error) {
	r, err := rig.Start(ctx, rig.Options{Bin: p.Bin, Docs: filepath.Join(p.Source, "README.md"), HoldSockets: true})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, r.LogTails(20, nil))
		}
		if serr := r.Stop(); err == nil {
			err = serr
		}
	}()
	if err := addAccounts(ctx, r, p.Accounts); err != nil {
		return nil, err
	}
	found := &loginResult{}
	for _, series := range []struct {
		signal   syscall.Signal
		restarts int
	}{
		{syscall.SIGTERM, int(float64(p.Logins)/p.Rate/p.Every.Seconds() + 1)},
		{syscall.SIGKILL, p.Deaths},
	} {
		s := &loginSeries{signal: series.signal}
		if err := s.run(ctx, p, r, series.restarts); err != nil {
			return nil, err
		}
		found.series = append(found.series, s)
	}
	found.log = rigTrouble(r)
	return found, nil
}

func addAccounts(ctx context.Context, r *rig.Rig, accounts int) error {
	var users strings.Builder
	for i := range accounts {
		fmt.Fprintf(&users, `{"address":"%s","password":"%s"}`+"\n", address(i), loginPassword)
	}
	if err := administer(ctx, r.Bin(), r.AdminSocket(), "", "domain", "add", domain); err != nil {
		return err
	}
	return administer(ctx, r.Bin(), r.AdminSocket(), users.String(), "user", "add", "--batch", "-")
}

// loginSeries is a number of restarts by one signal.
type loginSeries struct {
	signal   syscall.Signal
	restarts []restart
	ends     spread
	pending  int // requests whose connection ended, as Dovecot logged it

	mu     sync.Mutex // guards logins
	logins []login
}

// restart is when a process was told to end, and when it had.
type restart struct{ told, ended time.Time }

// run restarts gatepostd so many times, while clients come at the plan's rate.
func (s *loginSeries) run(ctx context.Context, p *plan, r *rig.Rig, restarts int) error {
	logged := r.LogSize("dovecot")
	defer func() { s.pending = pendingRequests(r.LogSince("dovecot", logged)) }() // after the last client
	var over atomic.Bool
	var coming sync.WaitGroup
	coming.Go(func() { s.clients(ctx, p, fmt.Sprintf("127.0.0.1:%d", r.Ports.IMAP), &over) })
	defer coming.Wait()
	defer over.Store(true)
	for range restarts {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.Every + upTo(50*time.Millisecond)): // not in step with the clients
		}
		told := time.Now()
		if err := r.StopGatepost(ctx, s.signal); err != nil {
			return err
		}
		ended := time.Now()
		if err := r.StartGatepost(ctx); err != nil {
			return err
		}
		s.restarts = append(s.restarts, restart{told, ended})
		s.ends.add(ended.Sub(told))
		p.Say("%v: ended after %v, ready %v later", s.signal, s.ends.latest(), time.Since(ended).Round(time.Millisecond))
	}
	time.Sleep(p.Every)
	return nil
}

// clients sends mail clients until it is over, and waits for the last.
func (s *loginSeries) clients(ctx context.Context, p *plan, server string, over *atomic.Bool) {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / p.Rate))
	defer ticker.Stop()
	var visits sync.WaitGroup
	defer visits.Wait()
	for n := 0; !over.Load() && ctx.Err() == nil; n++ {
		var think time.Duration
		if n%thinkers == 0 {
			think = upTo(p.Think)
		}
		visits.Go(func() {
			l := visit(ctx, server, address(n%p.Accounts), loginPassword, think)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.logins = append(s.logins, l)
		})
		<-ticker.C
	}
}
