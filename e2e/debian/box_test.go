//go:build e2e

package debian

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything in a box may take.
const patience = 60 * time.Second

// kind says what runs in a box.
type kind string

const (
	plain   kind = "plain"   // nothing: as in a container, or while an image is made
	systemd kind = "systemd" // booted
)

// box is a machine to try things on.
type box struct {
	*testing.T
	first *exec.Cmd // its first process; all ends with it
}

// newBox starts a box that sees the folder packages as /mnt.
func newBox(t *testing.T, k kind, packages string) *box {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this needs root")
	}
	script, err := filepath.Abs("box.sh")
	if err != nil {
		t.Fatal(err)
	}
	group := "gatepost-e2e-" + strconv.Itoa(os.Getpid())
	b := &box{t, exec.Command(script, t.TempDir(), packages, string(k), group)}
	b.first.Stderr = os.Stderr
	b.first.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	said, err := b.first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.first.Start(); err != nil {
		t.Fatalf("a box needs the right to make namespaces: %v", err)
	}
	t.Cleanup(func() {
		_ = b.first.Process.Kill()
		_ = b.first.Wait()
		if k == systemd {
			removeGroups(t, group)
		}
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the box is not ready: %q, %v (it needs the right to mount)", line, err)
	}
	if k == systemd {
		b.booted()
	}
	return b
}

// booted waits until systemd has started what it starts.
func (b *box) booted() {
	b.Helper()
	b.eventually("systemd runs", func() error {
		said, err := b.try("systemctl", "is-system-running", "--wait")
		if state := strings.TrimSpace(said); state != "running" && state != "degraded" {
			return fmt.Errorf("%s: %v", state, err)
		}
		return nil
	})
}

// removeGroups removes the control groups that systemd made in a box.
func removeGroups(t *testing.T, name string) {
	for _, hierarchy := range []string{"", "systemd", "unified"} {
		var groups []string
		top := filepath.Join("/sys/fs/cgroup", hierarchy, name)
		_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				groups = append(groups, path)
			}
			return nil
		})
		for _, group := range slices.Backward(groups) {
			if err := syscall.Rmdir(group); err != nil {
				t.Logf("remove the control group %s: %v", group, err)
			}
		}
	}
}

// try runs a command in the box and returns what it said.
func (b *box) try(command ...string) (string, error) {
	in := []string{"--target", strconv.Itoa(b.first.Process.Pid), "--all", "--root", "--wd"}
	cmd := exec.CommandContext(b.Context(), "nsenter", append(in, command...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER="}
	cmd.WaitDelay = patience
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// run is try for what must work.
func (b *box) run(command ...string) string {
	b.Helper()
	said, err := b.try(command...)
	if err != nil {
		b.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), err, said, b.journal())
	}
	return said
}

// journal returns what was logged about gatepost, for a test that failed.
func (b *box) journal() string {
	if _, err := b.try("test", "-d", "/run/systemd/system"); err != nil {
		return ""
	}
	said, _ := b.try("journalctl", "--no-pager", "--lines=60", "--unit=gatepost*")
	return "\njournal:\n" + said
}

// says fails the test unless a command prints a line.
func (b *box) says(want string, command ...string) {
	b.Helper()
	if got := strings.TrimSpace(b.run(command...)); got != want {
		b.Errorf("%s: %q, want %q", strings.Join(command, " "), got, want)
	}
}

// path returns a file of the box as the host sees it.
func (b *box) path(name string) string {
	return fmt.Sprintf("/proc/%d/root%s", b.first.Process.Pid, name)
}

// has reports whether a file exists in the box, also a link that leads nowhere.
func (b *box) has(name string) bool {
	_, err := b.try("test", "-e", name, "-o", "-L", name)
	return err == nil
}

// present and absent check that files are there, or not.
func (b *box) present(names ...string) {
	b.Helper()
	for _, name := range names {
		if !b.has(name) {
			b.Errorf("there is no %s", name)
		}
	}
}

func (b *box) absent(names ...string) {
	b.Helper()
	for _, name := range names {
		if b.has(name) {
			b.Errorf("%s is still there", name)
		}
	}
}

// owned checks mode, owner and group of a file.
func (b *box) owned(name, want string) {
	b.Helper()
	if got := strings.TrimSpace(b.run("stat", "-c", "%a %U:%G", name)); got != want {
		b.Errorf("%s is %s, want %s", name, got, want)
	}
}

// write replaces a file in the box.
func (b *box) write(name, text string) {
	b.Helper()
	b.run("sh", "-c", `mkdir -p "${1%/*}" && printf %s "$2" >"$1"`, "sh", name, text)
}

// eventually asks again and again until it is so.
func (b *box) eventually(what string, ask func() error) {
	b.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	b.Fatalf("%s: not within %v: %v%s", what, patience, err, b.journal())
}
