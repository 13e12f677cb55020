package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatepost/gatepost/e2e/volume"
)

// settle is how long everything runs before the trouble begins.
const settle = time.Second

// full fills the disk to the last byte and keeps it so.
func full(ctx context.Context, p *plan, r *result) error { return p.fill(ctx, r, false) }

// fullAndKill kills the process meanwhile, too.
func fullAndKill(ctx context.Context, p *plan, r *result) error { return p.fill(ctx, r, true) }

func (p *plan) fill(ctx context.Context, r *result, kill bool) error {
	for r.rounds < p.Rounds && ctx.Err() == nil {
		r.rounds++
		v, err := volume.NewTmpfs(filepath.Join(p.Dir, fmt.Sprint(r.name, r.rounds)), p.Size)
		if err != nil {
			return err
		}
		err = p.on(ctx, v.Path("state"), func(c *crowd) error { return p.fillOnce(ctx, r, v, c, kill) })
		if err = errors.Join(err, v.Remove()); err != nil {
			return fmt.Errorf("round %d: %w", r.rounds, err)
		}
	}
	return ctx.Err()
}

// on runs a case with a site and its crowd.
func (p *plan) on(ctx context.Context, state string, run func(*crowd) error) error {
	s, err := newSite(p, state, 0)
	if err != nil {
		return err
	}
	if err = s.start(); err == nil {
		var c *crowd
		if c, err = begin(ctx, s); err == nil {
			pause(ctx, settle)
			err = run(c)
			c.end()
		}
	}
	return errors.Join(err, s.remove())
}

func (p *plan) fillOnce(ctx context.Context, r *result, v *volume.Volume, c *crowd, kill bool) error {
	if !c.takenSince(time.Time{}) {
		return fmt.Errorf("no change is taken on an empty disk:\n%s", c.site.tail())
	}
	filler := v.Fill()
	defer filler.Stop()
	began := time.Now()
	if err := c.degraded(ctx, word{"disk_full", "the disk is full"}); err != nil {
		return err
	}
	if kill {
		pause(ctx, p.Full/2-time.Since(began))
		c.site.kill()
	}
	pause(ctx, p.Full-time.Since(began))
	filler.Stop()
	if err := r.recovery(ctx, c); err != nil {
		return err
	}
	p.Say("changes are taken again; the ballast has %d MiB", held(v.Path("state/ballast"))>>20)
	pause(ctx, settle)
	c.end()
	return r.take(ctx, c, 1)
}

// held returns how many bytes a file is long.
func held(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
