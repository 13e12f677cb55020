// Package process starts the servers of a benchmark and asks the kernel what
// they use: CPU time and memory of a process and its children, read from /proc
// (proc(5)). Linux only.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a running server.
type Server struct {
	name string
	pid  int
	log  *os.File
	done chan struct{} // closed when it has ended
}

// stopTime is how long a server may take to end.
const stopTime = 20 * time.Second

// Start starts a server in a process group of its own; what it says goes to the
// file log.
func Start(log string, cmd *exec.Cmd) (*Server, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &Server{name: cmd.Path, pid: cmd.Process.Pid, log: f, done: make(chan struct{})}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// Daemon starts a server that goes into the background and writes its process
// id to the file pidFile.
func Daemon(log, pidFile string, cmd *exec.Cmd) (*Server, error) {
	s, err := Start(log, cmd)
	if err != nil {
		return nil, err
	}
	<-s.done
	if s.pid, err = readPID(pidFile); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", s.name, err, s.said())
	}
	s.done = make(chan struct{})
	go func() { // ends with the process, which is not our child
		for syscall.Kill(s.pid, 0) == nil {
			time.Sleep(20 * time.Millisecond)
		}
		close(s.done)
	}()
	return s, nil
}

// pidTime is how long a server in the background may take to write its process id
// after the one that started it has ended.
const pidTime = 10 * time.Second

func readPID(file string) (pid int, err error) {
	for end := time.Now().Add(pidTime); ; time.Sleep(20 * time.Millisecond) {
		text, failed := os.ReadFile(file)
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		if err = errors.Join(failed, err); err == nil || time.Now().After(end) {
			return pid, err
		}
	}
}

// PID returns the server's process id.
func (s *Server) PID() int { return s.pid }

// Await polls until ready says so. It fails when the server ends before, or
// after the time given, with what the server said last.
func (s *Server) Await(within time.Duration, ready func() bool) error {
	last := time.Now().Add(within)
	for !ready() {
		select {
		case <-s.done:
			return fmt.Errorf("%s ended: %s", s.name, s.said())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(last) {
			return fmt.Errorf("%s is not ready after %v: %s", s.name, within, s.said())
		}
	}
	return nil
}

// AwaitLog awaits a word in what the server says.
func (s *Server) AwaitLog(within time.Duration, word string) error {
	return s.Await(within, func() bool {
		text, err := os.ReadFile(s.log.Name())
		return err == nil && bytes.Contains(text, []byte(word))
	})
}

// said returns the end of the server's log.
func (s *Server) said() string {
	const most = 2000
	info, err := s.log.Stat()
	if err != nil {
		return err.Error()
	}
	text, _ := io.ReadAll(io.NewSectionReader(s.log, max(0, info.Size()-most), most))
	return string(text)
}

// Pause stops the server and its children where they are, so that one that is
// not being measured uses nothing; Resume lets them go on.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	for _, pid := range Tree(s.PID()) {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// Stop ends the server: kindly first.
func (s *Server) Stop() error {
	defer func() { _ = s.log.Close() }()
	_ = s.Resume()
	children := Tree(s.PID())
	_ = syscall.Kill(s.pid, syscall.SIGTERM)
	select {
	case <-s.done:
		return nil
	case <-time.After(stopTime):
	}
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.done
	return fmt.Errorf("%s did not end within %v", s.name, stopTime)
}

// Signal sends the server itself a signal.
func (s *Server) Signal(sig syscall.Signal) error { return syscall.Kill(s.pid, sig) }
