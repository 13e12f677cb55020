package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

// volume is a small file system of its own.
type volume struct {
	dir   string // where it is mounted
	image string // its file, mounted through a loop device; "": tmpfs
}

// errNotHere says why a case cannot run on this machine.
type errNotHere struct{ reason string }

func (e errNotHere) Error() string { return e.reason }

// newExt4 makes an ext4 in a file and mounts it.
func newExt4(ctx context.Context, base string, size int64) (*volume, error) {
	v := &volume{dir: base + ".mnt", image: base + ".img"}
	if os.Geteuid() != 0 {
		return nil, errNotHere{"needs root, to mount"}
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		if mkfs, err = exec.LookPath("/usr/sbin/mkfs.ext4"); err != nil {
			return nil, errNotHere{"needs mkfs.ext4"}
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return nil, errNotHere{"needs loop devices"}
	}
	if err := errors.Join(os.WriteFile(v.image, nil, 0o600), os.Truncate(v.image, size), os.MkdirAll(v.dir, 0o700)); err != nil {
		return nil, err
	}
	if err := command(ctx, mkfs, "-q", "-F", v.image); err != nil {
		return nil, err
	}
	return v, v.mount(ctx)
}

func (v *volume) mount(ctx context.Context) error {
	return command(ctx, "mount", "-o", "loop", v.image, v.dir)
}

// newTmpfs mounts a tmpfs of a size.
func newTmpfs(base string, size int64) (*volume, error) {
	v := &volume{dir: base + ".mnt"}
	if os.Geteuid() != 0 {
		return nil, errNotHere{"needs root, to mount"}
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", v.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return nil, errNotHere{"cannot mount a tmpfs: " + err.Error()}
	}
	return v, nil
}

// cutPower makes the file system forget at once what it has not been told to
// keep: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH. Everything fails
// with EIO until it is mounted again.
func (v *volume) cutPower() error {
	const shutdown, noLogFlush = 0x8004587d, uint32(2)
	dir, err := os.Open(v.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	flags := noLogFlush
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dir.Fd(), shutdown, uintptr(unsafe.Pointer(&flags)))
	if errno != 0 {
		return fmt.Errorf("shut the file system down: %w", errno)
	}
	return nil
}

// unmount takes the volume away; a process that was killed may hold it for a
// moment.
func (v *volume) unmount() (err error) {
	for range 100 {
		if err = syscall.Unmount(v.dir, 0); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("unmount %s: %w", v.dir, err), syscall.Unmount(v.dir, syscall.MNT_DETACH))
}

// remove takes the volume away for good.
func (v *volume) remove() error {
	err := errors.Join(v.unmount(), os.Remove(v.dir))
	if v.image != "" {
		err = errors.Join(err, os.Remove(v.image))
	}
	return err
}

func (v *volume) path(name string) string { return filepath.Join(v.dir, name) }

func command(ctx context.Context, name string, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
