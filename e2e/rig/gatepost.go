package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/activation"
)

// mailID is the mail user's uid and gid. It needs no entry in /etc/passwd.
const mailID = 5000

// FailureDelay is how long gatepostd holds a refused login back in a rig.
const FailureDelay = 500 * time.Millisecond

// gatepostHead and gatepostTail stand before and after the documented file: the
// keys that it leaves to their defaults, which are the system's places.
const (
	gatepostHead = "state_dir = \"%s/state\"\n\n"
	gatepostTail = `
[login]
failure_delay = "%[1]s"

[[listen]]
door    = "admin"
address = "unix:%[2]s/run/admin"
mode    = "0600"
group   = "root"

[[listen]]
door    = "metrics"
address = "tcp:127.0.0.1:%[3]d"
`
)

// readyWithin is how long gatepostd may take to start.
const readyWithin = 20 * time.Second

func (r *Rig) writeGatepost() error {
	documented, err := r.substituted(gatepostBlock,
		substitution{"/run/gatepost/", r.path("run") + "/"},
		substitution{"/var/spool/postfix/", r.path("spool") + "/"},
		substitution{"/var/vmail/", r.path("mail") + "/"},
		substitution{`"vmail"`, fmt.Sprintf(`"%d"`, mailID)},
	)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(gatepostHead, r.Dir) + documented +
		fmt.Sprintf(gatepostTail, FailureDelay, r.Dir, r.Ports.Metrics)
	return r.write("gatepost.toml", text, 0o644)
}

// holdSockets makes the sockets of the units in the folder systemd, if they are
// to be held.
func (r *Rig) holdSockets() (err error) {
	if !r.options.HoldSockets {
		return nil
	}
	places := strings.NewReplacer("/run/gatepost/", r.path("run")+"/", "/var/spool/postfix/", r.path("spool")+"/")
	r.sockets, err = activation.Listen(activation.Options{
		Units: filepath.Join(filepath.Dir(r.options.Docs), "systemd"), Place: places.Replace,
		IDs: map[string]int{"vmail": mailID, "gatepost-admin": 0},
	})
	return err
}

func (r *Rig) gatepostCommand() *exec.Cmd {
	program, args := filepath.Join(r.options.Bin, "gatepostd"), []string{"--config", r.path("gatepost.toml"), "--log-level", "debug"}
	if r.sockets != nil {
		return r.sockets.Command(program, args...)
	}
	return exec.Command(program, args...)
}

// daemon is a running gatepostd.
type daemon struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
}

// StartGatepost starts gatepostd and returns when it says that it is ready. At
// most one may run.
func (r *Rig) StartGatepost(ctx context.Context) error {
	log, err := os.OpenFile(r.log("gatepostd"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := log.Seek(0, 2)
	if err != nil {
		return err
	}
	cmd := r.gatepostCommand()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	if err := cmd.Start(); err != nil {
		return err
	}
	r.gatepost = &daemon{cmd: cmd, gone: make(chan struct{})}
	go func(d *daemon) {
		defer close(d.gone)
		d.cmd.Wait() // how it ended is in its log
	}(r.gatepost)
	if err := r.write("gatepostd.pid", fmt.Sprintln(cmd.Process.Pid), 0o644); err != nil {
		return err
	}
	return r.ready(ctx, before)
}

// ready waits for the word "ready" in gatepostd's log from offset on.
func (r *Rig) ready(ctx context.Context, offset int64) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		text, err := os.ReadFile(r.log("gatepostd"))
		if err != nil {
			return err
		}
		if strings.Contains(string(text[offset:]), "ready") {
			return nil
		}
		select {
		case <-r.gatepost.gone:
			return fmt.Errorf("gatepostd ended: %v", r.gatepost.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("gatepostd did not say that it is ready: %w", ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// StopGatepost sends gatepostd a signal and waits for its end.
func (r *Rig) StopGatepost(ctx context.Context, signal os.Signal) error {
	if err := r.gatepost.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("gatepostd: %w", err)
	}
	select {
	case <-r.gatepost.gone:
		return nil
	case <-time.After(readyWithin):
		return fmt.Errorf("gatepostd did not end within %v of %v", readyWithin, signal)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SignalGatepost sends gatepostd a signal.
func (r *Rig) SignalGatepost(signal os.Signal) error { return r.gatepost.cmd.Process.Signal(signal) }

// Bin is the folder of gatepostd and gatepostctl.
func (r *Rig) Bin() string { return r.options.Bin }

// AdminSocket is the path for gatepostctl --socket.
func (r *Rig) AdminSocket() string { return r.path("run", "admin") }
