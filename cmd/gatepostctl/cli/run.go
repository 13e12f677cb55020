package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatepost/gatepost/adminsock/command"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const (
	defaultSocket = "/run/gatepost/admin"
	lineWidth     = 100 // of the help
)

// Env is what surrounds the program.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Version        string
	// StepBehind lowers the priority of the program, if not nil. It is called before
	// a file is sent or fetched: that takes long, and mail should not wait for it.
	StepBehind func()
}

// app is one run of the program.
type app struct {
	Env
	socket string
	json   bool
}

// usageError says that the command line is wrong.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// Run runs a command line and returns the exit code.
func Run(ctx context.Context, args []string, env Env) int {
	root := Command(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var wrong *usageError
	if errors.As(err, &wrong) {
		say(env.Stderr, "error", wrong.text)
		return exitUsage
	}
	say(env.Stderr, "error", err.Error())
	if hint := hintFor(err); hint != "" {
		say(env.Stderr, "hint", hint)
	}
	return exitFailed
}

// say writes a line to standard error.
func say(w io.Writer, kind, text string) {
	_, _ = fmt.Fprintf(w, "gatepostctl: %s: %s\n", kind, text) // nowhere left to complain
}

// Command returns the tree of commands.
func Command(env Env) *cobra.Command {
	a := &app{Env: env}
	root := &cobra.Command{
		Use:           "gatepostctl",
		Short:         "administer a running gatepostd",
		Long:          "gatepostctl administers a running gatepostd over its admin socket. Every change is obeyed by the next transaction and the next login.",
		Version:       env.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          onlyHelp,
	}
	socket := env.Getenv("GATEPOST_SOCKET")
	if socket == "" {
		socket = defaultSocket
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.socket, "socket", socket, "admin socket at `PATH`; GATEPOST_SOCKET names it too")
	flags.BoolVar(&a.json, "json", false, "print one JSON document")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", lineWidth)))
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%v", err) })
	for _, spec := range command.All() {
		a.add(root, spec)
	}
	return root
}

// onlyHelp is what a command does that only holds others.
func onlyHelp(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		text := fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0])
		cmd.SuggestionsMinimumDistance = 2
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		return usage("%s", text)
	}
	cmd.SetOut(cmd.ErrOrStderr())
	_ = cmd.Help()
	return usage("%s needs a command", cmd.CommandPath())
}
