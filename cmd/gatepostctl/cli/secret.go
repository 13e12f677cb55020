package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/gatepost/gatepost/adminsock/command"
)

// maxSecret is more than any password or hash may have.
const maxSecret = 4096

// secrets takes the password of a command that needs one, from where the
// command line says.
func (l *line) secrets(ctx context.Context, req *request) error {
	if len(l.stdin) == 0 {
		return nil
	}
	instead, given := l.sources()
	for _, p := range instead {
		if p.Field != "random" {
			continue
		}
		if len(instead)+len(given) > 1 {
			say(l.Stderr, "warning", "--random wins over "+others(p, instead, given))
		}
		req.set(p, true)
		return nil
	}
	switch {
	case len(instead)+len(given) > 1:
		return usage("%s: give only one of %s", l.spec.Name, l.choices())
	case len(instead) == 1:
		req.set(instead[0], true)
		return nil
	case len(given) == 1:
		return l.fromStdin(req, given[0])
	}
	return l.fromPrompt(ctx, req)
}

// sources returns the flags that say where the password comes from.
func (l *line) sources() (instead, given []command.Param) {
	for _, p := range l.spec.Params() {
		switch {
		case p.Use == command.Instead && l.flags[p.Field].given() && l.flags[p.Field].String() == "true":
			instead = append(instead, p)
		case p.Use == command.Hidden && *l.stdin[p.Field]:
			given = append(given, p)
		}
	}
	return instead, given
}

func others(winner command.Param, instead, given []command.Param) string {
	var names []string
	for _, p := range instead {
		if p.Field != winner.Field {
			names = append(names, "--"+p.Name)
		}
	}
	for _, p := range given {
		names = append(names, "--"+p.Name+"-stdin")
	}
	return strings.Join(names, " and ")
}

// choices names the flags that say where the password comes from.
func (l *line) choices() string {
	var names []string
	for _, p := range l.spec.Params() {
		switch p.Use {
		case command.Hidden:
			names = append(names, "--"+p.Name+"-stdin")
		case command.Instead:
			names = append(names, "--"+p.Name)
		}
	}
	return strings.Join(names, ", ")
}

// fromStdin reads a secret up to the end of standard input, without the line
// end that echo adds.
func (l *line) fromStdin(req *request, p command.Param) error {
	in, err := l.input()
	if err != nil {
		return fmt.Errorf("--%s-stdin: %w", p.Name, err)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	switch {
	case err != nil:
		return fmt.Errorf("--%s-stdin: standard input cannot be read: %w", p.Name, err)
	case len(text) > maxSecret:
		return usage("--%s-stdin: standard input is longer than any password", p.Name)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 {
		return usage("--%s-stdin: standard input is empty", p.Name)
	}
	req.set(p, string(text))
	return nil
}

// fromPrompt asks on a terminal, twice.
func (l *line) fromPrompt(ctx context.Context, req *request) error {
	terminal, ok := l.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return usage("%s: standard input is no terminal to ask for the password; give one of %s", l.spec.Name, l.choices())
	}
	first, err := l.ask(ctx, terminal, "Password: ")
	if err != nil {
		return err
	}
	second, err := l.ask(ctx, terminal, "The same again: ")
	switch {
	case err != nil:
		return err
	case len(first) == 0:
		return usage("the password is empty")
	case !bytes.Equal(first, second):
		return errors.New("the passwords differ; nothing was changed")
	}
	p, _ := l.spec.Param("password")
	req.set(p, string(first))
	return nil
}

// ask reads a line that is not shown. When ctx ends before, the terminal is put
// back as it was; the reading goroutine ends with the process.
func (l *line) ask(ctx context.Context, terminal *os.File, prompt string) ([]byte, error) {
	fd := int(terminal.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	_, _ = io.WriteString(l.Stderr, prompt)
	type typed struct {
		text []byte
		err  error
	}
	done := make(chan typed, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- typed{text, err}
	}()
	select {
	case t := <-done:
		_, _ = io.WriteString(l.Stderr, "\n")
		return t.text, t.err
	case <-ctx.Done():
		_ = term.Restore(fd, state)
		_, _ = io.WriteString(l.Stderr, "\n")
		return nil, errors.New("interrupted; nothing was changed")
	}
}
