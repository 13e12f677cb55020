package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/volume"
)

const (
	fullSize = 512 << 20
	before   = 2 * time.Second        // how long it writes before the disk is filled
	restart  = 200 * time.Millisecond // after which a service manager starts it again
	recovery = 10 * time.Second       // within which changes must be taken again when there is space
	starting = 2 * time.Second        // within which a start on a full disk must serve
)

// pauses of the writers: ten changes a second together, and as many as possible.
var pauses = []time.Duration{600 * time.Millisecond, 0}

// fulls fills the disk to the last byte under a daemon that writes, keeps it
// full for a while, kills the daemon meanwhile, and makes space again.
func fulls(ctx context.Context, t *torture) *result {
	r := &result{name: "disk full, tmpfs"}
	deaths, refusedStarts := 0, 0
	for r.rounds < t.Fills && ctx.Err() == nil && r.failure == "" {
		r.rounds++
		v, err := volume.NewTmpfs(filepath.Join(t.Dir, fmt.Sprint("full", r.rounds)), fullSize)
		if here := (volume.NotHereError{}); errors.As(err, &here) {
			r.note("not run: it %s", here.Reason)
			return r
		}
		if err != nil {
			r.fail("%v", err)
			return r
		}
		d := &daemon{victim: victim{t: t, dir: v.Path("state")}, pause: pauses[r.rounds%len(pauses)], dead: dead{waiting: map[string]bool{}}}
		if err := d.fill(ctx, r, v); err != nil && ctx.Err() == nil {
			r.fail("round %d: %v", r.rounds, err)
		}
		deaths, refusedStarts = deaths+d.deaths, refusedStarts+d.refused
		d.end(ctx, r)
		if err := v.Remove(); err != nil {
			r.fail("%v", err)
		}
	}
	r.note("%d ended by the disk, %d starts refused", deaths, refusedStarts)
	return r
}

// daemon is a writing process that is started again when it ends.
type daemon struct {
	victim
	pause   time.Duration // of each writer
	p       *process
	dead    dead // all processes so far
	deaths  int  // ended by a signal or a panic
	refused int  // could not start, and said why
	killed  bool // this end was ours
}

func (d *daemon) fill(ctx context.Context, r *result, v *volume.Volume) error {
	if err := errors.Join(d.begin(ctx), d.up(ctx)); err != nil {
		return err
	}
	defer d.down()
	if !d.waitForAcknowledged(ctx, recovery) {
		return fmt.Errorf("no change is taken on an empty disk:\n%s", d.p.stderr.String())
	}
	pause(ctx, before)
	filler := v.Fill()
	defer filler.Stop()
	if err := d.keepUp(ctx, d.t.Full/2); err != nil {
		return err
	}
	if err := d.restart(ctx); err != nil {
		return err
	}
	if err := d.keepUp(ctx, d.t.Full/2); err != nil {
		return err
	}
	filler.Stop()
	for end := time.Now().Add(recovery); time.Now().Before(end) && ctx.Err() == nil; {
		if err := d.up(ctx); err != nil {
			return err
		}
		if d.waitForAcknowledged(ctx, restart) {
			return d.finish(ctx, r)
		}
	}
	return fmt.Errorf("no change is taken %v after there is space again:\n%.3000s", recovery, d.p.stderr.String())
}

// keepUp starts the process whenever it ends, for a while.
func (d *daemon) keepUp(ctx context.Context, long time.Duration) error {
	for end := time.Now().Add(long); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, restart) {
		if err := d.up(ctx); err != nil {
			return err
		}
	}
	if d.deaths > 1 {
		return fmt.Errorf("it died %d times while the disk was full:\n%.3000s", d.deaths, d.p.stderr.String())
	}
	return nil
}

// restart kills the process: the next one must serve from the full disk.
func (d *daemon) restart(ctx context.Context) error {
	d.killed = true
	d.p.kill()
	if err := d.up(ctx); err != nil {
		return err
	}
	select {
	case <-d.p.opened:
	case <-time.After(starting):
		return fmt.Errorf("a start on a full disk does not serve within %v:\n%.3000s", starting, d.p.stderr.String())
	}
	return nil
}

// up starts the process unless it runs, and notes how the last one ended.
func (d *daemon) up(ctx context.Context) (err error) {
	if d.p != nil {
		select {
		case <-d.p.ended:
			d.note()
		default:
			return nil
		}
	}
	d.p, err = start(ctx, orders{Mode: "write", Dir: d.dir, Seed: d.t.Seed, Writers: d.next, Pause: d.pause})
	return err
}

// note takes in what the ended process said.
func (d *daemon) note() {
	answers := d.p.wait()
	d.dead.take(d.next, answers, len(answers))
	advance(d.next, answers)
	for w := range d.next {
		d.next[w]++ // the one without an answer may be there, and is not given again
	}
	switch status := d.p.cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case d.killed:
		d.killed = false
	case status.Exited() && status.ExitStatus() == 1:
		d.refused++
		d.t.Say("refused to start: %.300s", lastLine(d.p.stderr.String()))
	case !status.Exited() || status.ExitStatus() != 0:
		d.deaths++
		d.t.Say("died: %.300s", d.p.stderr.String())
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// waitForAcknowledged waits until the running process acknowledges one more
// change.
func (d *daemon) waitForAcknowledged(ctx context.Context, patience time.Duration) bool {
	before := d.p.acknowledged()
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, 10*time.Millisecond) {
		if d.p.acknowledged() > before {
			return true
		}
	}
	return false
}

// finish ends the process and checks what is there.
func (d *daemon) finish(ctx context.Context, r *result) error {
	d.down()
	r.acknowledged += countAcknowledged(d.dead.answers)
	for _, a := range d.dead.answers {
		if a.kind == 'x' && !strings.Contains(a.reason, "disk") && !strings.Contains(a.reason, "no space") {
			return fmt.Errorf("a change was refused without the reason: %s", a.reason)
		}
	}
	lost, err := survivor(ctx, d.dir, d.model, &d.dead)
	r.lost += lost
	return err
}

// down ends the process.
func (d *daemon) down() {
	if d.p != nil {
		_ = d.p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		d.note()
		d.p = nil
	}
}
