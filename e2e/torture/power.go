package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/gatepost/gatepost/e2e/volume"
)

const volumeSize = 1 << 30 // of a file with holes

// cuts cuts the power, as a file system sees it: at a random moment it forgets
// what was not synced. Only what was acknowledged or served before that moment
// counts; an answer that is given while the file system goes down was measured to
// be unreliable with a plain write and fsync too. Before it, up to two processes
// are killed, and what they wrote and did not sync is found by the next, which may
// find the disk full, too.
func cuts(ctx context.Context, t *torture) *result {
	r := &result{name: "power cut, ext4"}
	var pruned pruning
	var found finding
	for r.rounds < t.Cuts && ctx.Err() == nil && r.failure == "" {
		disk, err := volume.NewExt4(ctx, filepath.Join(t.Dir, fmt.Sprint("power", r.rounds)), volumeSize)
		if here := (volume.NotHereError{}); errors.As(err, &here) {
			r.note("not run: it %s", here.Reason)
			return r
		}
		if err != nil {
			r.fail("%v", err)
			return r
		}
		v := &victim{t: t, dir: disk.Path("state"), disk: disk}
		v.prunes(r.rounds)
		for range min(lifetime, t.Cuts-r.rounds) {
			if ctx.Err() != nil || !v.round(ctx, r, 1+rand.IntN(3), func(p *process) (int, error) { return cut(ctx, disk, p) }) {
				break
			}
		}
		if r.failure != "" {
			_ = copyState(filepath.Join(t.Dir, "power"), v.dir) // to look at
		}
		v.end(ctx, r)
		pruned.add(v.pruning)
		found.add(v.finding)
		if err := disk.Remove(); err != nil {
			r.fail("%v", err)
		}
	}
	found.tell(r)
	pruned.tell(r)
	return r
}

// cut cuts the power under a process and brings the file system back as a new
// start of the machine does. It returns how many answers had been given before.
func cut(ctx context.Context, disk *volume.Volume, p *process) (certain int, err error) {
	certain = p.said()
	if err := disk.CutPower(); err != nil {
		return certain, err
	}
	p.kill()
	return certain, errors.Join(disk.Unmount(), disk.Mount(ctx), disk.Give())
}
