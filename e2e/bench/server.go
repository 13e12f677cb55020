package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// How long a server may take to be ready, and to come to rest after that.
const (
	startTime = 60 * time.Second
	restTime  = 40 * time.Second
)

// server is a running server on sockets in a directory of its own.
type server struct {
	name     string
	dir      string
	process  *process.Server
	pids     []int // of all its processes
	users    traffic.Users
	gatepost bool // it has doors, and metrics
}

// socket returns the address of a door.
func (s *server) socket(door string) string { return filepath.Join(s.dir, door) }

// startEcho starts an echo server, report.Echo or report.EchoLoop, for requests
// that end with end.
func (b *benchmark) startEcho(ctx context.Context, name, end, reply string) (*server, error) {
	role := "role-echo"
	if name == report.EchoLoop {
		role = "role-echo-loop"
	}
	dir, err := os.MkdirTemp(b.dir, "echo")
	if err != nil {
		return nil, err
	}
	s := &server{name: name, dir: dir}
	cmd := exec.CommandContext(ctx, b.self, role, s.socket("policy"),
		strconv.Quote(end), strconv.Quote(reply), filepath.Join(dir, "profile"))
	return s, s.start(cmd)
}

// doors are all of gatepost's.
var doors = []string{"policy", "socketmap", "auth", "auth-master", "quota", "admin", "metrics"}

// configure writes a configuration with every door in the server's directory.
func (s *server) configure(state string) (file string, err error) {
	var text strings.Builder
	fmt.Fprintf(&text, "state_dir = %q\n[mail]\nuid = \"5000\"\ngid = \"5000\"\n", state)
	for _, door := range doors {
		fmt.Fprintf(&text, "[[listen]]\ndoor = %q\naddress = %q\nmode = \"0600\"\ngroup = \"%d\"\n",
			door, "unix:"+s.socket(door), os.Getgid())
	}
	file = filepath.Join(s.dir, "gatepost.toml")
	return file, os.WriteFile(file, []byte(text.String()), 0o600)
}

// startGatepost starts gatepostd on a state directory. instrumented: as a role
// of this program.
func (b *benchmark) startGatepost(ctx context.Context, name string, users traffic.Users, instrumented bool) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, "gp")
	if err != nil {
		return nil, err
	}
	s := &server{name: name, dir: dir, users: users, gatepost: true}
	file, err := s.configure(b.state(users))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, b.daemon, "--config", file)
	if instrumented {
		cmd = exec.CommandContext(ctx, b.self, "role-gatepostd", file, filepath.Join(dir, "profile"))
	}
	return s, s.start(cmd)
}

func (s *server) start(cmd *exec.Cmd) (err error) {
	if s.process, err = process.Start(filepath.Join(s.dir, "log"), cmd); err != nil {
		return err
	}
	if err := s.process.AwaitLog(startTime, readyWord); err != nil {
		return errors.Join(err, s.process.Stop())
	}
	s.pids = process.Tree(s.process.PID())
	return nil
}

// rest waits until a server that has just started does nothing more. What it does
// in the background may have to wait for other programs, so it is looked at for a
// while.
func (s *server) rest() error {
	const look, most, enough = 250 * time.Millisecond, 0.04, 6
	quiet := 0
	for end := time.Now().Add(restTime); time.Now().Before(end); {
		before := process.Used(s.pids)
		time.Sleep(look)
		quiet++
		if used := process.Used(s.pids).Sub(before).Total; float64(used) >= most*float64(look) {
			quiet = 0
		}
		if quiet == enough {
			return nil
		}
	}
	return fmt.Errorf("%s does not come to rest", s.name)
}

func (s *server) pause() error  { return s.process.Pause() }
func (s *server) resume() error { return s.process.Resume() }

// stopAll stops servers.
func stopAll(servers ...*server) error {
	var errs []error
	for _, s := range servers {
		if s != nil && s.process != nil {
			errs = append(errs, s.process.Stop())
			s.process = nil
		}
	}
	return errors.Join(errs...)
}
