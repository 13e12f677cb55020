// Package rig runs a whole mail server for tests and the demonstration: gatepostd,
// a real Postfix and a real Dovecot, and a sink that takes the mail for
// everywhere else.
//
// All of it lives in one temporary directory on free loopback ports; the
// system's own Postfix and Dovecot are neither read nor touched. The
// configuration is that of README.md, whose fenced blocks are read and run
// with other paths, ports and certificates, so a wrong line there breaks the
// tests. Postfix's master.cf is Debian's own with its chroots.
//
// A rig needs root: Postfix and Dovecot change to their users.
//
// Stop removes everything. So does the end of the process that started the rig,
// however it ends: the script that stops the rig waits for a pipe to close.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/gatepost/gatepost/e2e/activation"
)

// Options say what to run.
type Options struct {
	Bin  string // the folder with gatepostd and gatepostctl
	Docs string // README.md
	Log  *slog.Logger

	// HoldSockets makes the rig hold gatepostd's sockets, as systemd does, so
	// that they stay when gatepostd ends. Without it gatepostd makes its own.
	HoldSockets bool
}

// Rig is a running mail server. Its methods may be called from one goroutine.
type Rig struct {
	Dir   string // everything is below it
	Ports Ports
	Sink  *Sink

	options  Options
	blocks   map[string]string // of README.md
	gatepost *daemon
	sockets  *activation.Sockets // nil: gatepostd's own
	keeper   *exec.Cmd           // the stop script, waiting
	lifeline io.WriteCloser      // it reads this to its end
}

// Ports are the loopback ports of the rig.
type Ports struct {
	MX, Submission, Submissions int // Postfix
	IMAP, IMAPS, POP3, LMTP     int // Dovecot
	Metrics                     int // gatepostd
}

// Start starts a rig. When it fails it leaves nothing behind, and the error
// holds the end of each log.
func Start(ctx context.Context, o Options) (*Rig, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("rig needs root: Postfix and Dovecot change to their own users")
	}
	r := &Rig{options: o}
	if err := r.prepare(); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	if err := r.startAll(ctx); err != nil {
		return nil, errors.Join(err, errors.New(r.LogTails(30, nil)), r.Stop())
	}
	return r, nil
}

func (r *Rig) prepare() error {
	blocks, err := readBlocks(r.options.Docs)
	if err != nil {
		return err
	}
	r.blocks = blocks
	// Short, because a Unix socket's path has room for 107 bytes.
	if r.Dir, err = os.MkdirTemp("/tmp", "gp"); err != nil {
		return err
	}
	if err := r.keep(); err != nil {
		return err
	}
	if err := r.directories(); err != nil {
		return err
	}
	if r.Ports, err = freePorts(); err != nil {
		return err
	}
	return writeCertificate(r.path("tls"))
}

// directories makes those that the documentation has an administrator make.
func (r *Rig) directories() error {
	for _, dir := range []string{"", "log", "run", "spool", "spool/gatepost", "etc", "mail", "dovecot", "tls"} {
		if err := os.MkdirAll(r.path(dir), 0o755); err != nil {
			return err
		}
		if err := os.Chmod(r.path(dir), 0o755); err != nil {
			return err
		}
	}
	return os.Chown(r.path("mail"), mailID, mailID)
}

func (r *Rig) startAll(ctx context.Context) error {
	var err error
	if r.Sink, err = listenSink(); err != nil {
		return err
	}
	if err := r.configurePostfix(ctx); err != nil {
		return err
	}
	if err := r.writeGatepost(); err != nil {
		return err
	}
	if err := r.holdSockets(); err != nil {
		return err
	}
	if err := r.StartGatepost(ctx); err != nil {
		return err
	}
	if err := r.startDovecot(ctx); err != nil {
		return err
	}
	return r.postfix(ctx, "start")
}

// stopScript stops the daemons in the directory it lies in and removes it. It
// is run by Stop, by the end of our process, and by whoever kept a rig. Each
// daemon leads a process group. Dovecot and Postfix take seconds to end of
// themselves, and nothing of theirs is wanted any more.
const stopScript = `#!/bin/sh
# Stops this instance of gatepostd, Postfix and Dovecot, and removes it.
dir=%[1]s
[ "${1:-}" != wait ] || { read -r word; [ "$word" != keep ] || exit 0; }
end() { # pid file, tenths of a second it may take
	pid=$(tr -dc 0-9 2>/dev/null <"$1") && [ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null || return 0
	for _ in $(seq "$2"); do
		sleep 0.1
		kill -0 "$pid" 2>/dev/null || return 0
	done
	kill -KILL "-$pid" 2>/dev/null
}
exec 2>/dev/null
end "$dir/spool/pid/master.pid" 3 &
end "$dir/dovecot/run/master.pid" 3 &
wait
end "$dir/gatepostd.pid" 50
rm -rf "$dir"
`

// keep writes the stop script and lets it wait for our end.
func (r *Rig) keep() error {
	if err := os.WriteFile(r.StopScript(), fmt.Appendf(nil, stopScript, r.Dir), 0o755); err != nil {
		return err
	}
	r.keeper = exec.Command("/bin/sh", r.StopScript(), "wait")
	r.keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	lifeline, err := r.keeper.StdinPipe()
	if err != nil {
		return err
	}
	r.lifeline = lifeline
	return r.keeper.Start()
}

// StopScript is the path of the script that stops a kept rig.
func (r *Rig) StopScript() string { return r.path("stop") }

// Stop stops everything and removes the rig's directory. It may be called when
// Start failed half-way, and again.
func (r *Rig) Stop() error { return r.leave("") }

// Keep leaves everything running except the sink, and forgets it.
func (r *Rig) Keep() error { return r.leave("keep\n") }

func (r *Rig) leave(word string) error {
	if r.keeper == nil {
		if r.Dir == "" {
			return nil
		}
		return os.RemoveAll(r.Dir)
	}
	if r.Sink != nil {
		r.Sink.Close()
	}
	if r.sockets != nil {
		_ = r.sockets.Close() // nothing of theirs is wanted any more
	}
	_, werr := io.WriteString(r.lifeline, word)
	cerr := r.lifeline.Close()
	err := errors.Join(werr, cerr, r.keeper.Wait())
	r.keeper, r.Dir = nil, ""
	return err
}

func (r *Rig) path(elem ...string) string {
	return filepath.Join(append([]string{r.Dir}, elem...)...)
}
