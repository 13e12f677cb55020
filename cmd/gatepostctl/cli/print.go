package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
)

// print prints an answer.
func (a *app) print(req *request, body io.Reader) error {
	switch {
	case a.json:
		_, err := io.Copy(a.Stdout, body)
		return err
	case req.spec.List:
		return a.printList(req.spec, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	out := reflect.New(req.spec.Out)
	if err := json.Unmarshal(text, out.Interface()); err != nil {
		return fmt.Errorf("an answer that is not gatepostd's: %w", err)
	}
	if req.spec.Done == "" {
		return printRecord(a.Stdout, out.Elem().Interface())
	}
	return a.printDone(req, text)
}

// printDone says what was done, shows a password that was made, and adds what
// the table says.
func (a *app) printDone(req *request, text []byte) error {
	var out struct {
		Password string  `json:"password"`
		Expires  *string `json:"expires"`
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return err
	}
	lines := fill(req, text) + "\n"
	if out.Password != "" {
		lines += "password: " + out.Password + "\n"
	}
	if out.Expires != nil {
		lines += "expires: " + *out.Expires + "\n"
	}
	_, err := io.WriteString(a.Stdout, lines)
	if req.spec.Hint != "" {
		say(a.Stderr, "hint", req.spec.Hint)
	}
	return err
}

// fill replaces the {parameters} of the table's words: by what the server calls
// it, else by what was typed. Of several lines, a later one is left out when a
// parameter of it is empty.
func fill(req *request, text []byte) string {
	answer := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&answer) // it was decoded before
	var lines []string
	for i, line := range strings.Split(req.spec.Done, "\n") {
		filled, whole := fillLine(line, answer, req)
		if i == 0 || whole {
			lines = append(lines, filled)
		}
	}
	return strings.Join(lines, "\n")
}

// fillLine is fill for one line, and reports whether no parameter is empty.
func fillLine(line string, answer map[string]any, req *request) (filled string, whole bool) {
	filled, whole = line, true
	for _, field := range fieldsOf(line) {
		v, ok := answer[field]
		if !ok {
			v, _ = req.text(field)
		}
		whole = whole && v != ""
		filled = strings.ReplaceAll(filled, "{"+field+"}", fmt.Sprint(v))
	}
	return filled, whole
}

// fieldsOf returns the names in braces.
func fieldsOf(words string) []string {
	var fields []string
	for _, part := range strings.Split(words, "{")[1:] {
		field, _, _ := strings.Cut(part, "}")
		fields = append(fields, field)
	}
	return fields
}

// alignBy is how many rows of a table decide how wide its columns are; more
// come in as they are, so that a list of a million is not held.
const alignBy = 200

// printList prints a table.
func (a *app) printList(spec *command.Spec, body io.Reader) error {
	t := tableOf(spec.Out)
	d := json.NewDecoder(body)
	if _, err := d.Token(); err != nil {
		return brokenList(err)
	}
	rows := [][]string{t.titles()}
	var widths []int
	for d.More() {
		v := reflect.New(spec.Out)
		if err := d.Decode(v.Interface()); err != nil {
			return brokenList(err)
		}
		rows = append(rows, t.row(v.Elem().Interface()))
		if len(rows) > alignBy {
			widths = a.printRows(rows, widths)
			rows = nil
		}
	}
	if _, err := d.Token(); err != nil {
		return brokenList(err)
	}
	a.printRows(rows, widths)
	return nil
}

func brokenList(err error) error { return fmt.Errorf("the list broke off: %w", err) }

// printRows prints rows with the widths given, or those that they need
// themselves, and returns the widths.
func (a *app) printRows(rows [][]string, widths []int) []int {
	if widths == nil {
		widths = widthsOf(rows)
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", max(0, widths[i]-width(cell))+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, _ = io.WriteString(a.Stdout, b.String()) // a pipe that was closed has seen enough
	return widths
}

func widthsOf(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	return widths
}

// width is how many characters a terminal shows, unless they are wide or
// combining ones.
func width(text string) int { return len([]rune(text)) }

// pair is a line of a record; without text and with a name that ends in ":" it
// is a heading.
type pair struct{ name, text string }

func (p pair) heading() bool { return p.text == "" && strings.HasSuffix(p.name, ":") }

// printRecord prints what is not empty of a record.
func printRecord(w io.Writer, v any) error {
	var b strings.Builder
	pairs := recordOf(v)
	longest := 0
	for _, p := range pairs {
		if p.text != "" {
			longest = max(longest, len(p.name))
		}
	}
	for _, p := range pairs {
		switch {
		case p.heading():
			b.WriteString(p.name + "\n")
		case p.text != "":
			fmt.Fprintf(&b, "%-*s  %s\n", longest+1, p.name+":", p.text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
