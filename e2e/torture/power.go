package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gatepost/gatepost/e2e/volume"
)

const volumeSize = 1 << 30 // of a file with holes

// cuts cuts the power, as a file system sees it: at a random moment it forgets
// what was not synced. Only what was acknowledged before that moment counts; an
// answer that is given while the file system goes down was measured to be
// unreliable with a plain write and fsync too.
func cuts(ctx context.Context, t *torture) *result {
	r := &result{name: "power cut, ext4"}
	for r.rounds < t.Cuts && ctx.Err() == nil && r.failure == "" {
		v, err := volume.NewExt4(ctx, filepath.Join(t.Dir, fmt.Sprint("power", r.rounds)), volumeSize)
		if here := (volume.NotHereError{}); errors.As(err, &here) {
			r.note("not run: it %s", here.Reason)
			return r
		}
		if err != nil {
			r.fail("%v", err)
			return r
		}
		victim := &victim{t: t, dir: v.Path("state")}
		for range min(lifetime, t.Cuts-r.rounds) {
			if ctx.Err() != nil || !victim.round(ctx, r, func(p *process) (int, error) { return cut(ctx, v, p) }) {
				break
			}
		}
		if r.failure != "" {
			_ = copyState(filepath.Join(t.Dir, "power"), victim.dir) // to look at
		}
		victim.end(r)
		if err := v.Remove(); err != nil {
			r.fail("%v", err)
		}
	}
	return r
}

// cut cuts the power under a process and brings the file system back as a new
// start of the machine does. It returns how many answers had been given before.
func cut(ctx context.Context, v *volume.Volume, p *process) (certain int, err error) {
	certain = p.said()
	if err := v.CutPower(); err != nil {
		return certain, err
	}
	p.kill()
	return certain, errors.Join(v.Unmount(), v.Mount(ctx))
}
