package command

import (
	"fmt"
	"strings"
)

// Markdown returns docs/commands.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Commands

Made from the table in ` + "`adminsock/command`" + `; do not edit. ` + "`go test ./adminsock/command -update`" + ` makes it anew.

Every command is also HTTP on the admin socket, with JSON in and out: ` + "`curl --unix-socket /run/gatepost/admin http://gatepost/v1/status`" + `.
The OpenAPI 3.1 document is at ` + "`/v1/openapi.json`" + `. Errors are problems (RFC 9457) with a stable ` + "`code`" + `.
` + "`--json`" + ` prints the JSON document of the answer; ` + "`--socket PATH`" + ` or ` + "`GATEPOST_SOCKET`" + ` name another socket.
Exit codes: 0 done, 1 refused or failed, 2 wrong command line.
Every command that changes something takes a reason for the audit trail: ` + "`--reason TEXT`" + `, or ` + "`?reason=`" + ` in HTTP.
A change that names a revision (` + "`--revision`" + `, or ` + "`If-Match`" + ` in HTTP) is refused when somebody else was faster.

`)
	for _, s := range All() {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", s.Name, s.ID(), s.Summary)
	}
	for _, s := range All() {
		s.markdown(&b)
	}
	return b.String()
}

func (s *Spec) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s%s.\n", s.Name, strings.ToUpper(s.Summary[:1]), s.Summary[1:])
	if s.Detail != "" {
		fmt.Fprintf(b, "\n%s\n", s.Detail)
	}
	if s.Hint != "" {
		fmt.Fprintf(b, "\nNote: %s.\n", s.Hint)
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n", s.exampleLine())
	fmt.Fprintf(b, "\nHTTP: `%s %s`, permission `%s`.\n", s.Method, s.Path, s.Permission)
	s.parameters(b)
}

// exampleLine is a command line that does it.
func (s *Spec) exampleLine() string {
	for _, p := range s.Params() {
		if p.Use != File {
			continue
		}
		for _, other := range All() {
			if other.Or == s.Name {
				return "gatepostctl " + other.Name + " --" + p.Name + " FILE"
			}
		}
	}
	return strings.TrimSpace("gatepostctl " + s.Name + " " + s.Example)
}

// parameters writes the table of parameters.
func (s *Spec) parameters(b *strings.Builder) {
	params := s.Params()
	if len(params) == 0 {
		return
	}
	b.WriteString("\n| command line | HTTP | what it is |\n| --- | --- | --- |\n")
	for _, p := range params {
		fmt.Fprintf(b, "| %s | %s | %s |\n", s.typed(p), p.sent(), strings.ReplaceAll(p.Doc, "|", "\\|"))
	}
	if s.Confirm != "" {
		fmt.Fprintf(b, "| `--yes` | | do it: it %s |\n", s.Confirm)
	}
}

// typed is how a parameter looks on the command line.
func (s *Spec) typed(p Param) string {
	value := ""
	switch p.Kind {
	case Bool:
	case Limit:
		value = " SIZE"
	default:
		value = " " + strings.ToUpper(string(p.Kind))
	}
	switch p.Use {
	case Arg, Source, Target:
		return "`" + strings.ToUpper(p.Name) + "`"
	case Args:
		return "`" + strings.ToUpper(p.Name) + "...`"
	case Hidden:
		return "`--" + p.Name + "-stdin`"
	case File:
		return "`--" + p.Name + " FILE`"
	case Instead, Flag:
		return p.short() + "`--" + p.Name + value + "`"
	case Key:
		if s.Assign {
			return "`" + p.Name + "=`"
		}
		return "`--" + p.Name + value + "`"
	}
	return ""
}

// short is the flag of one letter, if there is one.
func (p Param) short() string {
	if p.Short == "" {
		return ""
	}
	return "`-" + p.Short + "`, "
}

// sent is where a parameter stands in HTTP.
func (p Param) sent() string {
	switch p.Place {
	case AsBody:
		return "the body"
	case AsAnswer:
		return "the answer"
	case Nowhere:
		return ""
	case InBody:
		return "`" + p.Field + "`"
	}
	return fmt.Sprintf("`%s` (%s)", p.Field, p.Place)
}
