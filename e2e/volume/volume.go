// Package volume makes small file systems for programs that hurt what lies on
// them: a tmpfs, or an ext4 in a file, mounted through a loop device. Both need
// root.
package volume

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

// Volume is a small file system of its own.
type Volume struct {
	Dir   string // where it is mounted
	image string // its file, mounted through a loop device; "": tmpfs
}

// NotHereError says why a case cannot run on this machine.
type NotHereError struct{ Reason string }

func (e NotHereError) Error() string { return e.Reason }

// NewExt4 makes an ext4 in a file and mounts it.
func NewExt4(ctx context.Context, base string, size int64) (*Volume, error) {
	v := &Volume{Dir: base + ".mnt", image: base + ".img"}
	if os.Geteuid() != 0 {
		return nil, NotHereError{"needs root, to mount"}
	}
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		if mkfs, err = exec.LookPath("/usr/sbin/mkfs.ext4"); err != nil {
			return nil, NotHereError{"needs mkfs.ext4"}
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return nil, NotHereError{"needs loop devices"}
	}
	if err := errors.Join(os.WriteFile(v.image, nil, 0o600), os.Truncate(v.image, size), os.MkdirAll(v.Dir, 0o700)); err != nil {
		return nil, err
	}
	if err := command(ctx, mkfs, "-q", "-F", v.image); err != nil {
		return nil, err
	}
	return v, v.Mount(ctx)
}

// Mount mounts an ext4 again.
func (v *Volume) Mount(ctx context.Context) error {
	return command(ctx, "mount", "-o", "loop", v.image, v.Dir)
}

// Remount changes how the volume is mounted.
func (v *Volume) Remount(ctx context.Context, options string) error {
	return command(ctx, "mount", "-o", "remount,"+options, v.Dir)
}

// NewTmpfs mounts a tmpfs of a size.
func NewTmpfs(base string, size int64) (*Volume, error) {
	v := &Volume{Dir: base + ".mnt"}
	if os.Geteuid() != 0 {
		return nil, NotHereError{"needs root, to mount"}
	}
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", v.Dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return nil, NotHereError{"cannot mount a tmpfs: " + err.Error()}
	}
	return v, nil
}

// CutPower makes the file system forget at once what it has not been told to
// keep: EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH. Everything fails
// with EIO until it is mounted again.
func (v *Volume) CutPower() error {
	const shutdown, noLogFlush = 0x8004587d, uint32(2)
	dir, err := os.Open(v.Dir)
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

// Unmount takes the volume away; a process that was killed may hold it for a
// moment.
func (v *Volume) Unmount() (err error) {
	for range 100 {
		if err = syscall.Unmount(v.Dir, 0); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("unmount %s: %w", v.Dir, err), syscall.Unmount(v.Dir, syscall.MNT_DETACH))
}

// Remove takes the volume away for good.
func (v *Volume) Remove() error {
	err := errors.Join(v.Unmount(), os.Remove(v.Dir))
	if v.image != "" {
		err = errors.Join(err, os.Remove(v.image))
	}
	return err
}

// Path is the path of a file on the volume.
func (v *Volume) Path(name string) string { return filepath.Join(v.Dir, name) }

func command(ctx context.Context, name string, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
