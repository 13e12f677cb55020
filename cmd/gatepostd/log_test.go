package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// valve passes on what is written while nobody has it locked.
type valve struct {
	sync.Mutex
	to io.Writer
}

func (v *valve) Write(b []byte) (int, error) {
	v.Lock()
	defer v.Unlock()
	return v.to.Write(b)
}

// A log that takes nothing is seen from outside while it lasts: the metric counts
// what is lost, and the log tells the same number when it takes lines again.
func TestStuckLogIsCounted(t *testing.T) {
	p := newPlace(t)
	r := &process{t: t, place: p, log: &log{more: make(chan struct{})}, ended: make(chan struct{})}
	r.cmd = exec.Command(os.Args[0], "--config", p.config, "--log-format", "text", "--log-level", "debug")
	r.cmd.Env = append(os.Environ(), asDaemon+"=1")
	stderr := &valve{to: r.log}
	r.cmd.Stderr = stderr
	r.begin()
	r.says("msg=ready")
	if got := p.droppedLines(t); got != 0 {
		t.Errorf("%d lines were dropped while the log was read", got)
	}

	stderr.Lock()
	p.askUntil(t, func() bool { return p.droppedLines(t) > 0 })
	stderr.Unlock()
	r.says("msg=\"lines were dropped: the log did not take them\"")
	dropped := p.droppedLines(t)
	if code := r.end(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code = %d", code)
	}
	text, _ := r.log.read()
	told := 0
	for _, m := range regexp.MustCompile(`msg="lines were dropped.*" dropped=(\d+)\n`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		told += n
	}
	if told != dropped {
		t.Errorf("the log tells of %d dropped lines, the metric of %d", told, dropped)
	}
}

// droppedLines reads the metric.
func (p *place) droppedLines(t *testing.T) (n int) {
	t.Helper()
	_, value, _ := strings.Cut(p.scrape(t), "\ngatepost_log_dropped_lines_total ")
	if _, err := fmt.Sscan(value, &n); err != nil {
		t.Fatalf("gatepost_log_dropped_lines_total is no number: %v", err)
	}
	return n
}

// askUntil asks the policy door until enough says so. Each question is a line of
// the log at level debug.
func (p *place) askUntil(t *testing.T, enough func() bool) {
	t.Helper()
	c, err := net.DialTimeout("unix", p.socket("policy"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for deadline := time.Now().Add(patience); !enough(); {
		if time.Now().After(deadline) {
			t.Fatal("no line is dropped")
		}
		for range 2000 {
			exchange(t, c, questions()[0].text, "action=DUNNO\n\n")
		}
	}
}
