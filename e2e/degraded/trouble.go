package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/volume"
)

const (
	diskSize = 512 << 20
	nobody   = 65534
)

var (
	refusesWrites = word{"read_only_filesystem", "mount it for writing"}
	// When the change that is under way has been written and is not synced yet.
	unknownOutcome = word{"unknown_outcome", "restart gatepost to find out"}
)

// readOnly makes the file system read-only under a running gatepostd, as the
// kernel does after an error, and later while gatepostd is down.
func readOnly(ctx context.Context, p *plan, r *result) error {
	r.rounds++
	v, err := volume.NewExt4(ctx, filepath.Join(p.Dir, "readonly"), diskSize)
	if err != nil {
		return err
	}
	err = p.on(ctx, v.Path("state"), func(c *crowd) error {
		if err := v.Remount(ctx, "abort"); err != nil { // errors=remount-ro
			return err
		}
		if err := c.degraded(ctx, refusesWrites, unknownOutcome); err != nil {
			return err
		}
		c.site.kill() // a start on it
		if err := c.degraded(ctx, refusesWrites); err != nil {
			return err
		}
		if err := p.mountedReadOnly(ctx, v, c); err != nil {
			return err
		}
		if err := v.Remount(ctx, "rw"); err != nil {
			return err
		}
		if err := r.recovery(ctx, c); err != nil {
			return err
		}
		pause(ctx, settle)
		c.end()
		return r.take(ctx, c, 1)
	})
	return errors.Join(err, v.Remove())
}

// mountedReadOnly takes the volume, which has seen an error, out and mounts it
// read-only, while gatepostd is down.
func (p *plan) mountedReadOnly(ctx context.Context, v *volume.Volume, c *crowd) error {
	c.end()
	if err := c.site.halt(syscall.SIGTERM); err != nil {
		return err
	}
	if err := errors.Join(v.Unmount(), v.Mount(ctx), v.Remount(ctx, "ro")); err != nil { // mounting repairs it
		return err
	}
	if err := c.site.start(); err != nil {
		return err
	}
	c.goOn(ctx)
	return c.degraded(ctx, refusesWrites)
}

// fault lets the file system under the database fail, and only there: what Badger
// has mapped faults. The start after that serves from snapshot and journal.
func fault(ctx context.Context, p *plan, r *result) error {
	r.rounds++
	state := filepath.Join(p.Dir, "fault")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	v, err := volume.NewExt4(ctx, filepath.Join(p.Dir, "database"), diskSize)
	if err != nil {
		return err
	}
	badger := filepath.Join(state, "badger")
	if err = os.Symlink(v.Path("badger"), badger); err == nil {
		err = os.Mkdir(v.Path("badger"), 0o700)
	}
	if err == nil {
		err = p.on(ctx, state, func(c *crowd) error { return p.faultOnce(ctx, r, v, c) })
	}
	return errors.Join(err, v.Remove(), os.RemoveAll(state))
}

func (p *plan) faultOnce(ctx context.Context, r *result, v *volume.Volume, c *crowd) error {
	if err := v.CutPower(); err != nil {
		return err
	}
	if err := c.degraded(ctx, word{"io_error", "input/output error"}); err != nil {
		return err
	}
	p.Say("died so far: %v", c.site.died())
	c.site.kill() // a start on it
	if err := c.degraded(ctx, word{"io_error", "check the disk"}); err != nil {
		return err
	}
	if err := errors.Join(v.Unmount(), v.Mount(ctx)); err != nil { // the disk is well again
		return err
	}
	if err := r.recovery(ctx, c); err != nil {
		return err
	}
	pause(ctx, settle)
	c.end()
	return r.take(ctx, c, 1)
}

// owner gives the database to somebody else while gatepostd is down.
func owner(ctx context.Context, p *plan, r *result) error {
	r.rounds++
	state := filepath.Join(p.Dir, "owner")
	if err := errors.Join(os.MkdirAll(state, 0o700), os.Chown(state, nobody, nobody)); err != nil {
		return err
	}
	s, err := newSite(p, state, nobody)
	if err != nil {
		return err
	}
	if err = s.start(); err == nil {
		var c *crowd
		if c, err = begin(ctx, s); err == nil {
			err = p.ownerOnce(ctx, r, c)
			c.end()
		}
	}
	return errors.Join(err, s.remove(), os.RemoveAll(state))
}

func (p *plan) ownerOnce(ctx context.Context, r *result, c *crowd) error {
	pause(ctx, settle)
	c.end()
	if err := c.site.halt(syscall.SIGTERM); err != nil {
		return err
	}
	badger := filepath.Join(c.site.state, "badger")
	if err := give(badger, 0); err != nil {
		return err
	}
	if err := c.site.start(); err != nil {
		return err
	}
	c.goOn(ctx)
	if err := c.degraded(ctx, word{"permission", "give it back (chown -R)"}); err != nil {
		return err
	}
	if err := give(badger, nobody); err != nil {
		return err
	}
	if err := r.recovery(ctx, c); err != nil {
		return err
	}
	pause(ctx, settle)
	c.end()
	return r.take(ctx, c, 0)
}

// give changes the owner of everything in a folder.
func give(dir string, uid int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, uid, uid))
	})
}

// second starts a second gatepostd over the same state directory: it must say so
// and end, and the first one goes on.
func second(ctx context.Context, p *plan, r *result) error {
	r.rounds++
	state := filepath.Join(p.Dir, "second")
	return p.on(ctx, state, func(c *crowd) error {
		other, err := newSite(p, state, 0)
		if err != nil {
			return err
		}
		defer func() { _ = other.remove() }()
		cmd := other.command()
		if err := cmd.Start(); err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }() // ends with the process
		select {
		case <-ended:
		case <-time.After(recoverWithin):
			_ = cmd.Process.Kill()
			<-ended
			return errors.New("a second gatepostd serves")
		}
		said := other.text()
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(said, "another gatepostd is using it") {
			return fmt.Errorf("the second gatepostd ended with %d and said:\n%s", code, said)
		}
		r.notes = append(r.notes, strings.TrimSpace(said))
		if err := r.recovery(ctx, c); err != nil {
			return err
		}
		c.end()
		return errors.Join(r.take(ctx, c, 0), os.RemoveAll(state))
	})
}
