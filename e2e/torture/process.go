package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/gatepost/gatepost/internal/directory"
)

// process is a child that runs.
type process struct {
	cmd    *exec.Cmd
	stderr said
	opened chan struct{} // closed when the child has opened its directory, or ended
	held   chan struct{} // closed when its syncs are held, or it ended
	ended  chan struct{} // closed when it has ended and everything is read

	mu      sync.Mutex // guards the fields below
	answers []answer
}

// said is what a process says on its standard error; it may be read meanwhile.
type said struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// answer is what a child said of one command, or of what can be seen.
type answer struct {
	kind     byte // 'a' acknowledged, 'r' refused, 'u' outcome unknown, 'x' not taken; and what else write tells
	writer   int
	k        uint64
	revision directory.Revision
	reason   string // or a fingerprint
}

// settled reports whether the writer goes on with the command behind this one.
func (a answer) settled() bool { return strings.IndexByte("aruxs", a.kind) >= 0 }

// raceOptions are for children of a binary with the race detector: a race is no
// death. Badger 4.9.6 races with itself when it gives up opening a damaged
// database (closeAllTables in levels.go reads what goroutines still append to).
const raceOptions = "exitcode=0 atexit_sleep_ms=0"

// spawn starts a child of this program; read is where it answers.
func spawn(ctx context.Context, o orders, stderr io.Writer) (cmd *exec.Cmd, read *os.File, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	read, written, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer written.Close()
	cmd = exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text), "GOTRACEBACK=single", "GORACE="+raceOptions)
	cmd.Stderr = stderr
	cmd.ExtraFiles = []*os.File{written}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, nil, errors.Join(err, read.Close())
	}
	return cmd, read, nil
}

// start starts a child that writes. It must be waited for.
func start(ctx context.Context, o orders) (*process, error) {
	p := &process{opened: make(chan struct{}), held: make(chan struct{}), ended: make(chan struct{})}
	var read *os.File
	var err error
	if p.cmd, read, err = spawn(ctx, o, &p.stderr); err != nil {
		return nil, err
	}
	go p.listen(read)
	return p, nil
}

// listen reads what the child says, until it ends.
func (p *process) listen(read *os.File) {
	defer close(p.ended)
	defer read.Close()
	var opened, held sync.Once
	open := func() { opened.Do(func() { close(p.opened) }) }
	hold := func() { held.Do(func() { close(p.held) }) }
	defer open()
	defer hold()
	for lines := bufio.NewScanner(read); lines.Scan(); {
		if lines.Text() == "o" {
			open()
			continue
		}
		if a, ok := parseAnswer(lines.Text()); ok {
			p.mu.Lock()
			p.answers = append(p.answers, a)
			p.mu.Unlock()
			if a.kind == 'h' {
				hold()
			}
		}
	}
}

// parseAnswer reads a line of write. The last one of a killed child may be cut.
func parseAnswer(line string) (a answer, ok bool) {
	if line == "" {
		return a, false
	}
	a.kind = line[0]
	var err error
	switch a.kind {
	case 'a':
		_, err = fmt.Sscanf(line, "a %d %d %d", &a.writer, &a.k, &a.revision)
	case 'r', 'u', 's', 'v':
		_, err = fmt.Sscanf(line[1:], "%d %d", &a.writer, &a.k)
	case 'x':
		_, err = fmt.Sscanf(line, "x %d %d %q", &a.writer, &a.k, &a.reason)
	case 'f':
		_, err = fmt.Sscanf(line, "f %d %s", &a.revision, &a.reason)
	case 'h', 't':
		_, err = fmt.Sscanf(line[1:], "%q", &a.reason)
	default:
		return a, false
	}
	return a, err == nil
}

// said returns how many answers there are now.
func (p *process) said() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.answers)
}

// acknowledged returns how many changes are acknowledged now.
func (p *process) acknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return countAcknowledged(p.answers)
}

// hasEnded reports whether the child has ended, by itself.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill ends the child at once and waits until all it said is read.
func (p *process) kill() []answer {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	return p.wait()
}

// wait waits for the child's end.
func (p *process) wait() []answer {
	<-p.ended
	_ = p.cmd.Wait() // how it ended is in ProcessState
	return p.answers
}
