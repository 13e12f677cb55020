package scenario

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shell is a command of the administrator.
type shell struct {
	line  string
	stdin string
	want  []expectation
	exit  int
}

func (p *parser) command(line string) (func(context.Context, *run) error, error) {
	c, err := p.shell(line)
	return func(ctx context.Context, s *run) error { return s.tellCommand(s.command(ctx, c)) }, err
}

// until is command, asked again until it comes out as it should.
func (p *parser) until(line string) (func(context.Context, *run) error, error) {
	c, err := p.shell(line)
	return func(ctx context.Context, s *run) error {
		var o outcome
		soon(ctx, func() error {
			o = s.command(ctx, c)
			return o.err
		})
		return s.tellCommand(o)
	}, err
}

func (p *parser) shell(line string) (shell, error) {
	c := shell{line: line}
	if input := p.following("<"); len(input) > 0 {
		c.stdin = strings.Join(input, "\n") + "\n"
	}
	var err error
	if c.want, err = expectAll(p.following(">")); err != nil {
		return c, err
	}
	if exit := p.following("exit"); len(exit) > 0 {
		c.exit, err = strconv.Atoi(exit[0])
	}
	return c, err
}

// outcome is what came of a command: the lines that were expected, and what is wrong.
type outcome struct {
	line  string
	found []string
	err   error
}

func (s *run) command(ctx context.Context, c shell) outcome {
	output, exit := s.shell(ctx, expand(c.line), c.stdin)
	found, missing := inOrder(c.want, strings.Split(output, "\n"))
	o := outcome{line: c.line, found: found}
	switch {
	case exit != c.exit:
		o.err = fmt.Errorf("expected exit %d, got %d; it said:\n%s", c.exit, exit, output)
	case missing != "":
		o.err = fmt.Errorf("expected a line: %s\nit said:\n%s", missing, output)
	}
	return o
}

func (s *run) tellCommand(o outcome) error {
	if !s.quiet {
		s.report.Command(o.line, o.found)
	}
	return o.err
}

// commandPatience is how long a command may take.
const commandPatience = 20 * time.Second

// shell runs a command line and returns what it said and its exit status, -1
// when a signal ended it.
func (s *run) shell(ctx context.Context, line, stdin string) (string, int) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.Env = s.env
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second // for what the command started and left
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		return err.Error(), -1
	}
	return output.String(), cmd.ProcessState.ExitCode()
}

// inOrder returns the lines that meet what is wanted, each after the one
// before, and the first text that no line met.
func inOrder(want []expectation, lines []string) (found []string, missing string) {
	for _, w := range want {
		at := 0
		for at < len(lines) && !w.meets(lines[at]) {
			at++
		}
		if at == len(lines) {
			return found, w.text
		}
		found, lines = append(found, lines[at]), lines[at+1:]
	}
	return found, ""
}

// actions are the words after "gatepostd".
var actions = map[string]func(context.Context, *run) error{
	"start":   func(ctx context.Context, s *run) error { return s.rig.StartGatepost(ctx) },
	"stop":    func(ctx context.Context, s *run) error { return s.rig.StopGatepost(ctx, syscall.SIGTERM) },
	"kill":    func(ctx context.Context, s *run) error { return s.rig.StopGatepost(ctx, os.Kill) },
	"reload":  func(ctx context.Context, s *run) error { return s.rig.SignalGatepost(syscall.SIGHUP) },
	"restart": restart,
}

func restart(ctx context.Context, s *run) error {
	if err := s.rig.StopGatepost(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	return s.rig.StartGatepost(ctx)
}

func (p *parser) gatepostd(action string) (func(context.Context, *run) error, error) {
	act, ok := actions[action]
	if !ok {
		return nil, fmt.Errorf("unknown action %q", action)
	}
	return func(ctx context.Context, s *run) error {
		s.report.Fact("gatepostd: " + action)
		return act(ctx, s)
	}, nil
}

func (p *parser) postfix(action string) (func(context.Context, *run) error, error) {
	if action != "reload" {
		return nil, fmt.Errorf("unknown action %q", action)
	}
	return func(ctx context.Context, s *run) error { return s.rig.ReloadPostfix(ctx) }, nil
}
