package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/activation"
)

// endWithin is how long gatepostd may take to end; it promises 5 s.
const endWithin = 10 * time.Second

// prepare finds the source and builds the programs, unless it was told where
// they are.
func (p *plan) prepare(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	p.Source = filepath.Dir(strings.TrimSpace(string(out)))
	if p.Bin != "" {
		return nil
	}
	if p.Bin, err = os.MkdirTemp("", "restart-bin-*"); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.Bin, "./cmd/gatepostd", "./cmd/gatepostctl")
	build.Dir = p.Source
	if said, err := build.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("go build: %w\n%s", err, said), os.RemoveAll(p.Bin))
	}
	return nil
}

// temporary is the folder that prepare made, or "".
func (p *plan) temporary() string {
	if strings.HasPrefix(filepath.Base(p.Bin), "restart-bin-") {
		return p.Bin
	}
	return ""
}

// site is one gatepostd, its state directory and its sockets, which outlive it.
type site struct {
	dir     string
	bin     string
	log     *os.File
	sockets *activation.Sockets
	daemon  *exec.Cmd
	ended   chan struct{} // closed when daemon has
}

// siteConfig keeps gatepostd from opening anything of its own.
const siteConfig = `state_dir = "%[1]s/state"

[[listen]]
door    = "metrics"
address = "off"

[mail]
uid  = "5000"
gid  = "5000"
home = "%[1]s/mail/%%d/%%n"
`

// newSite makes a site. It must be removed.
func newSite(p *plan) (_ *site, err error) {
	s := &site{bin: p.Bin}
	if s.dir, err = os.MkdirTemp("/tmp", "gpr"); err != nil { // short: a socket's path has room for 107 bytes
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		return nil, err
	}
	if err = os.WriteFile(filepath.Join(s.dir, "gatepost.toml"), fmt.Appendf(nil, siteConfig, s.dir), 0o600); err != nil {
		return nil, err
	}
	s.sockets, err = activation.Listen(activation.Options{
		Units: filepath.Join(p.Source, "systemd"),
		Place: func(path string) string { return filepath.Join(s.dir, filepath.Base(path)) },
		IDs:   map[string]int{"postfix": 0, "dovenull": 0, "vmail": 0, "gatepost-admin": 0},
	})
	return s, err
}

// socket is the path of a door's socket.
func (s *site) socket(door string) string { return filepath.Join(s.dir, door) }

// start starts gatepostd and does not wait for it: the sockets take requests.
func (s *site) start() error {
	s.daemon = s.sockets.Command(filepath.Join(s.bin, "gatepostd"), "--config", filepath.Join(s.dir, "gatepost.toml"), "--log-format", "text")
	s.daemon.Stderr = s.log
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.daemon.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func(d *exec.Cmd, ended chan struct{}) { // ends with the process
		defer close(ended)
		_ = d.Wait() // how it ended is in ProcessState
	}(s.daemon, s.ended)
	return nil
}

// stop sends a signal and waits for the end. A process that was asked to end
// must not fail.
func (s *site) stop(signal syscall.Signal) error {
	if err := s.daemon.Process.Signal(signal); err != nil {
		return fmt.Errorf("gatepostd: %w", err)
	}
	select {
	case <-s.ended:
	case <-time.After(endWithin):
		return fmt.Errorf("gatepostd did not end within %v of %v", endWithin, signal)
	}
	if code := s.daemon.ProcessState.ExitCode(); signal == syscall.SIGTERM && code != 0 {
		return fmt.Errorf("gatepostd ended with %d after SIGTERM", code)
	}
	return nil
}

// remove ends gatepostd, if it runs, and removes everything.
func (s *site) remove() error {
	var errs []error
	if s.daemon != nil && s.ended != nil {
		_ = s.daemon.Process.Kill() // it may have ended
		<-s.ended
	}
	if s.sockets != nil {
		errs = append(errs, s.sockets.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// trouble returns the lines of the log that nobody should see.
func (s *site) trouble() (lines []string, err error) {
	text, err := os.ReadFile(s.log.Name())
	for line := range strings.Lines(string(text)) {
		if isTrouble(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines, err
}

// tail is the end of the log.
func (s *site) tail() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}

// administer runs gatepostctl.
func administer(ctx context.Context, bin, socket, input string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "gatepostctl"), append([]string{"--socket", socket}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("gatepostctl %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return nil
}
