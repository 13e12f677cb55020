package scenario

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Parse reads a scenario from text. Its errors name the line.
func Parse(name, text string) (*Scenario, error) {
	title, rest, _ := strings.Cut(text, "\n")
	s := &Scenario{Name: name, Title: title}
	p := parser{lines: strings.Split(rest, "\n"), number: 1}
	for p.next() {
		if p.line == "" || strings.HasPrefix(p.line, "# ") {
			continue
		}
		st := step{line: p.number, text: p.line}
		if err := p.statement(&st); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, st.line, err)
		}
		s.steps = append(s.steps, st)
	}
	if title == "" || len(s.steps) == 0 {
		return nil, fmt.Errorf("%s: a scenario has a title and a statement", name)
	}
	return s, nil
}

type parser struct {
	lines  []string // not read yet
	line   string
	number int // of line in the file
}

func (p *parser) next() bool {
	if len(p.lines) == 0 {
		return false
	}
	p.line, p.lines = strings.TrimRight(p.lines[0], "\r"), p.lines[1:]
	p.number++
	return true
}

// following takes the lines that come next and begin with prefix.
func (p *parser) following(prefix string) []string {
	var all []string
	for len(p.lines) > 0 && strings.HasPrefix(p.lines[0]+" ", prefix+" ") {
		p.next()
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(p.line, prefix), " "))
	}
	return all
}

// statements maps the first word of a statement to what reads the rest of it.
var statements = map[string]func(*parser, string) (func(context.Context, *run) error, error){
	"==":        (*parser).heading,
	"$":         (*parser).command,
	"until":     (*parser).until,
	"connect":   (*parser).connect,
	"with":      (*parser).with,
	"C:":        (*parser).client,
	"S:":        (*parser).server,
	"S*":        (*parser).serverLine,
	"took":      (*parser).took,
	"hang":      (*parser).hangUp,
	"mailbox":   (*parser).mailbox,
	"outside":   (*parser).outside,
	"queue":     (*parser).queue,
	"metric":    (*parser).metric,
	"log":       (*parser).log,
	"gatepostd": (*parser).gatepostd,
	"postfix":   (*parser).postfix,
}

// quietForms are the spellings of statements that a demonstration does not show.
var quietForms = map[string]string{"c:": "C:", "s:": "S:", "s*": "S*", "$-": "$"}

func (p *parser) statement(st *step) error {
	word, rest, _ := strings.Cut(p.line, " ")
	if loud, ok := quietForms[word]; ok {
		word, st.quiet = loud, true
	}
	read, ok := statements[word]
	if !ok {
		return fmt.Errorf("unknown statement %q", word)
	}
	var err error
	st.run, err = read(p, rest)
	return err
}

func (p *parser) heading(text string) (func(context.Context, *run) error, error) {
	return func(_ context.Context, s *run) error {
		s.report.Heading(text)
		return nil
	}, nil
}

// expectation is what a line must be like.
type expectation struct {
	text    string // its beginning
	pattern *regexp.Regexp
}

func expect(text string) (expectation, error) {
	if len(text) < 2 || text[0] != '/' || text[len(text)-1] != '/' {
		return expectation{text: text}, nil
	}
	re, err := regexp.Compile(text[1 : len(text)-1])
	return expectation{text: text, pattern: re}, err
}

func expectAll(texts []string) ([]expectation, error) {
	var all []expectation
	for _, text := range texts {
		e, err := expect(text)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (e expectation) meets(line string) bool {
	if e.pattern != nil {
		return e.pattern.MatchString(line)
	}
	return strings.HasPrefix(line, e.text)
}

// soon asks until the answer is nil, as long as what is asked for may take.
func soon(ctx context.Context, ask func() error) error {
	const patience = 15 * time.Second
	deadline := time.Now().Add(patience)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
