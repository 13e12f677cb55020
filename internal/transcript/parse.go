package transcript

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The lines that mean something, and the parts of them that are used.
var (
	// time, connection, direction, quoted bytes; time and connection are missing in our own files
	quotedLine = regexp.MustCompile(`^(?:[0-9:.]+ +)?(?:([a-z]+#[0-9]+) +)?(C>|S>|--) +(".*")$`)
	// "# connect KIND"
	connectLine = regexp.MustCompile(`^# connect (auth|auth-master|quota|policy|socketmap)$`)
	// "=== SECTION ==="
	sectionLine = regexp.MustCompile(`^=== ([a-z]+) ===$`)
	// time, connection number, event
	postfixLine = regexp.MustCompile(`^[0-9:.]+ \[conn ([0-9]+)\] (.*)$`)
	requestHead = regexp.MustCompile(`^REQUEST #[0-9]+ \(([0-9]+) bytes\)$`)
	anyEvent    = regexp.MustCompile(`(?m)^(?:[0-9:.]+ +)?(?:(?:auth|master|dict)#[0-9]+ +)?[CS]> +"|^=== (?:policy|socketmap|auth) ===$`)
)

func holdsConnection(text []byte) bool { return anyEvent.Match(text) }

type parser struct {
	rest    string           // what is not read yet
	line    int              // of the line read last
	section Kind             // of a Postfix recording, "" outside those we read
	conns   []*Conn          // in order of their first event
	open    map[string]*Conn // by the recording's name for it
}

func (p *parser) run() error {
	for p.rest != "" {
		p.line++
		var line string
		line, p.rest, _ = strings.Cut(p.rest, "\n")
		if err := p.event(line); err != nil {
			return fmt.Errorf("line %d: %w", p.line, err)
		}
	}
	return nil
}

func (p *parser) event(line string) error {
	if m := sectionLine.FindStringSubmatch(line); m != nil {
		p.section = sections[m[1]]
		return nil
	}
	if m := connectLine.FindStringSubmatch(line); m != nil {
		p.start("", Kind(m[1]))
		return nil
	}
	if m := quotedLine.FindStringSubmatch(line); m != nil {
		return p.quoted(m[1], m[2], m[3])
	}
	if m := postfixLine.FindStringSubmatch(line); m != nil && p.section != "" {
		return p.postfix(string(p.section)+" "+m[1], m[2])
	}
	return nil
}

// sections maps a section's name in a Postfix recording to its protocol.
var sections = map[string]Kind{"policy": Policy, "socketmap": Socketmap, "auth": Auth}

// kinds maps the word before "#" in a Dovecot recording to its protocol.
var kinds = map[string]Kind{"auth": Auth, "master": Master, "dict": Dict}

func (p *parser) quoted(name, direction, text string) error {
	data, err := strconv.Unquote(text)
	if err != nil {
		return fmt.Errorf("bytes %s: %w", text, err)
	}
	word, _, _ := strings.Cut(name, "#")
	if direction == "--" {
		if kind, known := kinds[word]; known && strings.HasPrefix(data, "connect on ") {
			p.start(name, kind)
		}
		return nil
	}
	return p.add(name, kinds[word], direction == "C>", data)
}

func (p *parser) postfix(name, event string) error {
	if event == "OPEN" {
		p.start(name, p.section)
		return nil
	}
	switch p.section {
	case Policy:
		return p.policy(name, event)
	case Socketmap:
		return p.socketmap(name, event)
	}
	direction, text, _ := strings.Cut(event, ": ")
	if direction != "C" && direction != "S" {
		return nil
	}
	data, err := strconv.Unquote(text)
	if err != nil {
		return fmt.Errorf("bytes %s: %w", text, err)
	}
	return p.add(name, Auth, direction == "C", data)
}

// policy reads a request, which follows its head line raw, or a reply.
func (p *parser) policy(name, event string) error {
	if reply, ok := strings.CutPrefix(event, "REPLY "); ok {
		return p.add(name, Policy, false, reply+"\n\n")
	}
	m := requestHead.FindStringSubmatch(event)
	if m == nil {
		return nil
	}
	size, err := strconv.Atoi(m[1])
	if err != nil || size > len(p.rest) || !strings.HasSuffix(p.rest[:size], "\n\n") {
		return fmt.Errorf("request of %s bytes does not end with a blank line", m[1])
	}
	data := p.rest[:size]
	p.rest = p.rest[size:]
	p.line += strings.Count(data, "\n")
	return p.add(name, Policy, true, data)
}

// socketmap reads `"request" -> "reply"`. A reply that is not quoted is a word
// for what the recorded server did instead.
func (p *parser) socketmap(name, event string) error {
	request, reply, ok := strings.Cut(event, " -> ")
	if !ok {
		return nil
	}
	for _, side := range []struct {
		text       string
		fromClient bool
	}{{request, true}, {reply, false}} {
		if !side.fromClient && !strings.HasPrefix(side.text, `"`) {
			continue
		}
		data, err := strconv.Unquote(side.text)
		if err != nil {
			return fmt.Errorf("payload %s: %w", side.text, err)
		}
		frame := fmt.Sprintf("%d:%s,", len(data), data)
		if err := p.add(name, Socketmap, side.fromClient, frame); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) start(name string, kind Kind) *Conn {
	c := &Conn{Name: name, Kind: kind}
	if name == "" {
		c.Name = fmt.Sprintf("%s#%d", kind, len(p.conns)+1)
	}
	p.conns = append(p.conns, c)
	p.open[name] = c
	return c
}

func (p *parser) add(name string, kind Kind, fromClient bool, data string) error {
	c := p.open[name]
	if c == nil {
		if kind == "" {
			return fmt.Errorf(`no "# connect KIND" before it`)
		}
		c = p.start(name, kind)
		c.Partial = true
	}
	c.Steps = append(c.Steps, Step{FromClient: fromClient, Data: []byte(data), at: p.line})
	return nil
}
