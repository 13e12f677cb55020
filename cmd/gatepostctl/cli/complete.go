package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatepost/gatepost/adminsock/command"
)

const (
	completeTime = time.Second // a shell waits
	completeMost = "100"
)

// completeArgs completes an argument: a name that the daemon knows, or a key.
func (l *line) completeArgs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	at := 0
	for _, p := range l.spec.Params() {
		switch {
		case p.Use == command.Args, p.Use == command.Arg && at == len(args):
			return l.known(cmd.Context(), p.Complete, typed), cobra.ShellCompDirectiveNoFileComp
		case at == len(args) && (p.Use == command.Source || p.Use == command.Target):
			return nil, cobra.ShellCompDirectiveDefault // a file
		case p.Use == command.Arg, p.Use == command.Source, p.Use == command.Target:
			at++
		}
	}
	if l.spec.Assign {
		return l.completeKey(cmd.Context(), args[at:], typed)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeKey completes KEY= and what follows it.
func (l *line) completeKey(ctx context.Context, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	key, text, hasValue := strings.Cut(typed, "=")
	var found []string
	for _, p := range l.spec.Params() {
		switch {
		case p.Use != command.Key:
		case hasValue && p.Name == key:
			for _, v := range l.values(ctx, p, text) {
				found = append(found, key+"="+v)
			}
			return found, cobra.ShellCompDirectiveNoFileComp
		case !hasValue && strings.HasPrefix(p.Name, typed) && !slices.ContainsFunc(args, keyIs(p.Name)):
			found = append(found, p.Name+"=\t"+p.Doc)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func keyIs(name string) func(string) bool {
	return func(arg string) bool { return strings.HasPrefix(arg, name+"=") }
}

// completeValue completes the value of a flag.
func (l *line) completeValue(p command.Param) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return l.values(cmd.Context(), p, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// values returns what a parameter may be. Of a list the last element is
// completed.
func (l *line) values(ctx context.Context, p command.Param, typed string) []string {
	before := ""
	if p.Kind == command.List {
		if i := strings.LastIndexByte(typed, ','); i >= 0 {
			before, typed = typed[:i+1], typed[i+1:]
		}
	}
	candidates := p.Values
	if p.Kind == command.Bool {
		candidates = []string{"yes", "no"}
	}
	if p.Complete != "" {
		candidates = l.known(ctx, p.Complete, typed)
	}
	var found []string
	for _, v := range candidates {
		if strings.HasPrefix(v, typed) {
			found = append(found, before+v)
		}
	}
	return found
}

// known asks the daemon for names that begin with what was typed. No answer is
// no completion: a shell is not the place to complain.
func (l *line) known(ctx context.Context, kind, typed string) []string {
	spec := command.Find(kind + " list")
	if spec == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	req := newRequest(spec)
	req.query = url.Values{"match": {typed + "*"}, "limit": {completeMost}}
	res, err := l.send(ctx, req)
	if err != nil {
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	var items []struct{ Address, Domain string }
	if json.NewDecoder(res.Body).Decode(&items) != nil {
		return nil
	}
	var names []string
	for _, item := range items {
		names = append(names, item.Address+item.Domain)
	}
	return names
}
