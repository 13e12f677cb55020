package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatepost/gatepost/adminsock/command"
)

// add puts a command of the table into the tree.
func (a *app) add(root *cobra.Command, spec *command.Spec) {
	if hasFile(spec) {
		return // it is reached by a flag of another command
	}
	words := strings.Fields(spec.Name)
	parent := root
	for i := range words[:len(words)-1] {
		parent = noun(parent, strings.Join(words[:i+1], " "))
	}
	parent.AddCommand(a.leaf(spec))
}

// noun returns the command under parent that holds others, making it if need be.
func noun(parent *cobra.Command, name string) *cobra.Command {
	word := name[strings.LastIndexByte(name, ' ')+1:]
	for _, c := range parent.Commands() {
		if c.Name() == word {
			return c
		}
	}
	c := &cobra.Command{Use: word, Short: command.Nouns()[name], Args: cobra.ArbitraryArgs, RunE: onlyHelp}
	parent.AddCommand(c)
	return c
}

func hasFile(spec *command.Spec) bool {
	for _, p := range spec.Params() {
		if p.Use == command.File {
			return true
		}
	}
	return false
}

// line is a command of the table while its command line is read.
type line struct {
	*app
	spec  *command.Spec
	flags map[string]*flagValue // by HTTP name
	stdin map[string]*bool      // secrets that come on standard input, by HTTP name
	file  *flagValue            // of the command that stands in, when it reads one
	yes   bool
	why   string
}

// leaf makes the command that runs spec.
func (a *app) leaf(spec *command.Spec) *cobra.Command {
	l := &line{app: a, spec: spec, flags: map[string]*flagValue{}, stdin: map[string]*bool{}}
	words := strings.Fields(spec.Name)
	cmd := &cobra.Command{
		Use:   strings.TrimSpace(words[len(words)-1] + " " + strings.Join(arguments(spec), " ")),
		Short: spec.Summary,
		Long:  long(spec),
		Args:  cobra.ArbitraryArgs, // counted by run, whose words are better
		RunE:  func(cmd *cobra.Command, args []string) error { return l.run(cmd.Context(), args) },

		ValidArgsFunction: l.completeArgs,
	}
	cmd.Flags().SortFlags = false
	if spec.Example != "" {
		cmd.Example = "  gatepostctl " + spec.Name + " " + spec.Example
	}
	for _, p := range spec.Params() {
		l.define(cmd, p)
	}
	if spec.Write {
		cmd.Flags().StringVar(&l.why, command.Reason, "", "`TEXT` that says why, for the audit trail")
	}
	if spec.Confirm != "" {
		cmd.Flags().BoolVar(&l.yes, "yes", false, "do it: it "+spec.Confirm)
	}
	if or := command.Find(spec.Or); or != nil && hasFile(or) {
		for _, p := range or.Params() {
			l.file = l.flag(cmd, p)
		}
	}
	return cmd
}

// long returns the help's text.
func long(spec *command.Spec) string {
	text := strings.ToUpper(spec.Summary[:1]) + spec.Summary[1:] + "."
	if spec.Detail != "" {
		text += "\n\n" + wrap(spec.Detail)
	}
	if !spec.Assign {
		return text
	}
	text += "\n\nKeys:\n"
	for _, p := range spec.Params() {
		if p.Use == command.Key {
			text += fmt.Sprintf("  %-15s %s\n", p.Name, p.Doc)
		}
	}
	return strings.TrimSuffix(text, "\n")
}

// wrap breaks a text into lines.
func wrap(text string) string {
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case used == 0:
		case used+1+len(word) > lineWidth:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	return b.String()
}

// arguments names what stands after the command.
func arguments(spec *command.Spec) []string {
	var names []string
	for _, p := range spec.Params() {
		name := strings.ToUpper(p.Name)
		switch {
		case p.Use == command.Args:
			names = append(names, name+"...")
		case p.Use == command.Arg && spec.Or != "":
			names = append(names, "["+name+"]")
		case p.Use == command.Arg, p.Use == command.Source, p.Use == command.Target:
			names = append(names, name)
		}
	}
	if spec.Assign {
		names = append(names, "KEY=VALUE...")
	}
	return names
}

// define makes the flags of a parameter.
func (l *line) define(cmd *cobra.Command, p command.Param) {
	switch p.Use {
	case command.Key:
		if !l.spec.Assign {
			l.flag(cmd, p)
		}
	case command.Flag, command.Instead:
		l.flag(cmd, p)
	case command.Hidden:
		l.stdin[p.Field] = cmd.Flags().Bool(p.Name+"-stdin", false, "read from standard input: "+p.Doc)
	}
}

func (l *line) flag(cmd *cobra.Command, p command.Param) *flagValue {
	v := &flagValue{param: p}
	l.flags[p.Field] = v
	f := cmd.Flags().VarPF(v, p.Name, p.Short, p.Doc)
	if p.Kind == command.Bool {
		f.NoOptDefVal = "true"
	}
	if p.Use != command.File {
		_ = cmd.RegisterFlagCompletionFunc(p.Name, l.completeValue(p)) // fails only for a flag that is not there
	}
	return v
}

// flagValue is a flag that keeps its text: values are read like those of
// KEY=VALUE, so that both take the same.
type flagValue struct {
	param command.Param
	texts []string
}

func (v *flagValue) String() string { return strings.Join(v.texts, ",") }

// Set takes a value; of flags that are not lists the last one counts.
func (v *flagValue) Set(text string) error {
	if v.param.Kind != command.List {
		v.texts = nil
	}
	v.texts = append(v.texts, text)
	return nil
}

// Type names the value in the help.
func (v *flagValue) Type() string {
	switch v.param.Kind {
	case command.Bool:
		return "bool"
	case command.Size, command.Limit:
		return "SIZE"
	case command.Number:
		return "N"
	case command.List:
		return "LIST"
	}
	if v.param.Use == command.File {
		return "FILE"
	}
	return "TEXT"
}

func (v *flagValue) given() bool { return v != nil && len(v.texts) > 0 }
