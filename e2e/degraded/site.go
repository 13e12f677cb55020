package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/activation"
)

const (
	restartAfter = 200 * time.Millisecond // RestartSec= of the unit
	endWithin    = 15 * time.Second
)

// site is one gatepostd with its sockets, which outlive it, and what starts it
// again when it ends.
type site struct {
	dir     string // sockets, configuration, log
	state   string // the state directory
	bin     string
	uid     int // who gatepostd runs as
	log     *os.File
	sockets *activation.Sockets
	keeping sync.WaitGroup

	mu       sync.Mutex // guards what follows
	daemon   *exec.Cmd
	ended    chan struct{} // closed when daemon has
	expected bool          // this end is ours
	held     bool          // it is not started again
	starts   int
	deaths   []string // how it ended by itself
}

const siteConfig = `state_dir = "%[2]s"

[[listen]]
door    = "metrics"
address = "unix:%[1]s/metrics"

[login]
failure_delay = "0s"

[mail]
uid  = "5000"
gid  = "5000"
home = "/nonexistent/%%d/%%n"
`

// newSite makes a site whose state directory is state. Nothing runs yet.
func newSite(p *plan, state string, uid int) (_ *site, err error) {
	s := &site{bin: p.Bin, state: state, uid: uid}
	if s.dir, err = os.MkdirTemp("/tmp", "gpd"); err != nil { // short: a socket's path has room for 107 bytes
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if s.log, err = os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, "gatepost.toml")
	err = errors.Join(os.WriteFile(config, fmt.Appendf(nil, siteConfig, s.dir, state), 0o644), os.Chmod(s.dir, 0o755), os.Chown(s.dir, uid, uid))
	if err != nil {
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

// command is gatepostd as systemd starts it.
func (s *site) command() *exec.Cmd {
	cmd := s.sockets.Command(filepath.Join(s.bin, "gatepostd"), "--config", filepath.Join(s.dir, "gatepost.toml"), "--log-format", "text")
	cmd.Stderr = s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}
	}
	return cmd
}

// start starts gatepostd, and again whenever it ends, until halt.
func (s *site) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	return s.launch()
}

// launch starts one process; s.mu is held.
func (s *site) launch() error {
	s.daemon, s.ended, s.expected = s.command(), make(chan struct{}), false
	s.starts++
	if err := s.daemon.Start(); err != nil {
		close(s.ended)
		return err
	}
	d, ended := s.daemon, s.ended
	s.keeping.Go(func() { // ends with the process
		_ = d.Wait() // how it ended is in ProcessState
		close(ended)
		s.again(d)
	})
	return nil
}

// again notes how a process ended, and starts the next one.
func (s *site) again(d *exec.Cmd) {
	s.mu.Lock()
	if !s.expected {
		s.deaths = append(s.deaths, d.ProcessState.String())
	}
	held := s.held
	s.mu.Unlock()
	if held {
		return
	}
	time.Sleep(restartAfter)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held {
		_ = s.launch() // clients will tell
	}
}

// kill kills the process; it is started again.
func (s *site) kill() {
	s.mu.Lock()
	s.expected = true
	d, ended := s.daemon, s.ended
	s.mu.Unlock()
	_ = d.Process.Kill() // it may have ended
	<-ended
}

// halt ends gatepostd and does not start it again.
func (s *site) halt(signal syscall.Signal) error {
	s.mu.Lock()
	d, ended := s.daemon, s.ended
	s.held, s.expected = true, true
	s.mu.Unlock()
	if d == nil || d.Process == nil {
		return nil
	}
	_ = d.Process.Signal(signal) // it may have ended
	select {
	case <-ended:
	case <-time.After(endWithin):
		_ = d.Process.Kill()
		return fmt.Errorf("gatepostd did not end within %v of %v", endWithin, signal)
	}
	s.keeping.Wait()
	if code := d.ProcessState.ExitCode(); signal == syscall.SIGTERM && code != 0 {
		return fmt.Errorf("gatepostd ended with %d after SIGTERM:\n%s", code, s.tail())
	}
	return nil
}

// died returns how processes have ended by themselves.
func (s *site) died() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.deaths...)
}

// remove ends gatepostd, if it runs, and removes everything but the state.
func (s *site) remove() error {
	err := s.halt(syscall.SIGKILL)
	if s.sockets != nil {
		err = errors.Join(err, s.sockets.Close())
	}
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// text is the log.
func (s *site) text() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// tail is the end of the log.
func (s *site) tail() string {
	text := s.text()
	return text[max(0, len(text)-4096):]
}
