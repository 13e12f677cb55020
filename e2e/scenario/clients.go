package scenario

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/dialogue"
)

var errNoConnection = errors.New("no connection is open")

func (p *parser) connect(rest string) (func(context.Context, *run) error, error) {
	words := strings.Fields(rest)
	if len(words) == 0 {
		return nil, errors.New("connect KIND [raw] [as NAME]")
	}
	k, ok := kinds[words[0]]
	if !ok {
		return nil, fmt.Errorf("unknown kind of connection %q", words[0])
	}
	name, words := words[0], words[1:]
	raw := len(words) > 0 && words[0] == "raw"
	if raw {
		words = words[1:]
	}
	if len(words) == 2 && words[0] == "as" {
		name, words = words[1], nil
	}
	if len(words) > 0 {
		return nil, fmt.Errorf("connect KIND [raw] [as NAME], got %q", words)
	}
	return func(ctx context.Context, s *run) error { return s.connect(ctx, k, name, raw) }, nil
}

func (s *run) connect(ctx context.Context, k kind, name string, raw bool) error {
	var config *tls.Config
	if k.tls {
		config = insecure
	}
	c, err := dialogue.Dial(ctx, k.protocol, fmt.Sprintf("127.0.0.1:%d", k.port(s.rig.Ports)), config)
	if err != nil {
		return err
	}
	if old := s.conns[name]; old != nil {
		old.Close()
	}
	s.current = &conn{Conn: c, name: name, kind: k}
	s.conns[name] = s.current
	if raw {
		return nil
	}
	return s.greet(ctx)
}

// greet does what every client does first.
func (s *run) greet(ctx context.Context) error {
	c := s.current
	hello := map[dialogue.Protocol]string{dialogue.SMTP: "EHLO client.test", dialogue.LMTP: "LHLO client.test"}[c.kind.protocol]
	steps := [][2]string{{"", "220 "}, {hello, "250 "}}
	switch {
	case c.kind.protocol == dialogue.IMAP:
		steps = [][2]string{{"", "* OK "}}
	case c.kind.protocol == dialogue.POP3:
		steps = [][2]string{{"", "+OK "}}
	case c.kind.startTLS:
		steps = append(steps, [2]string{"STARTTLS", "220 "}, [2]string{hello, "250 "})
	}
	for _, st := range steps {
		if err := c.exchange(st[0], st[1]); err != nil {
			return err
		}
		if st[0] == "STARTTLS" {
			if err := c.StartTLS(ctx, insecure); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchange sends a command, unless it is "", and wants a reply that begins with want.
func (c *conn) exchange(command, want string) error {
	if command != "" {
		if err := c.send(command, command); err != nil {
			return err
		}
	}
	if err := c.read(); err != nil {
		return err
	}
	return unless(expectation{text: want}, c.reply.Line())
}

func unless(want expectation, got string) error {
	if want.meets(got) {
		return nil
	}
	return fmt.Errorf("expected: %s\n     got: %s", cmp.Or(want.text, "anything"), got)
}

func (c *conn) send(text, shown string) error {
	c.fresh, c.owed = false, true
	c.sent = shown
	c.said = append(c.said, "C: "+shown)
	return c.Send(text)
}

func (c *conn) read() error {
	reply, err := c.Reply()
	if err != nil {
		return err
	}
	c.reply, c.fresh, c.owed = reply, true, false
	for _, line := range reply.Lines {
		c.said = append(c.said, "S: "+line)
	}
	return nil
}

func (p *parser) with(name string) (func(context.Context, *run) error, error) {
	return func(_ context.Context, s *run) error {
		if s.conns[name] == nil {
			return fmt.Errorf("no connection is named %q", name)
		}
		s.current = s.conns[name]
		return nil
	}, nil
}

func (p *parser) client(text string) (func(context.Context, *run) error, error) {
	return func(_ context.Context, s *run) error {
		if s.current == nil {
			return errNoConnection
		}
		return s.current.send(expand(text), text)
	}, nil
}

func (p *parser) server(text string) (func(context.Context, *run) error, error) {
	want, err := expect(expand(text))
	return func(ctx context.Context, s *run) error { return s.server(ctx, want) }, err
}

func (s *run) server(ctx context.Context, want expectation) error {
	c := s.current
	if c == nil {
		return errNoConnection
	}
	if !c.fresh {
		if err := c.read(); err != nil {
			return err
		}
	}
	c.fresh = false
	upgrade := strings.EqualFold(c.sent, "STARTTLS") && strings.HasPrefix(c.reply.Line(), "220 ")
	s.tell(c.reply.Line())
	if err := unless(want, c.reply.Line()); err != nil || !upgrade {
		return err
	}
	return c.StartTLS(ctx, insecure)
}

// tell reports a line of the current connection's reply.
func (s *run) tell(line string) {
	if s.quiet {
		return
	}
	c := s.current
	s.report.Exchange(Exchange{Protocol: c.kind.protocol, Connection: c.name, Sent: c.sent, Line: line})
	c.sent = ""
}

func (p *parser) serverLine(text string) (func(context.Context, *run) error, error) {
	want, err := expect(text)
	return func(_ context.Context, s *run) error { return s.serverLine(want) }, err
}

func (s *run) serverLine(want expectation) error {
	c := s.current
	if c == nil {
		return errNoConnection
	}
	if c.owed || len(c.reply.Lines) == 0 {
		if err := c.read(); err != nil {
			return err
		}
	}
	for _, line := range c.reply.Lines {
		if want.meets(line) {
			s.tell(line)
			return nil
		}
	}
	return fmt.Errorf("expected a line: %s\nin: %s", want.text, strings.Join(c.reply.Lines, "\n    "))
}

func (p *parser) took(text string) (func(context.Context, *run) error, error) {
	want, err := time.ParseDuration(text)
	return func(_ context.Context, s *run) error {
		if s.current == nil {
			return errNoConnection
		}
		if took := s.current.reply.Took; took < want || took > want+time.Second {
			return fmt.Errorf("the reply took %v, want %v to %v", took, want, want+time.Second)
		}
		return nil
	}, err
}

func (p *parser) hangUp(rest string) (func(context.Context, *run) error, error) {
	if rest != "up" {
		return nil, errors.New("hang up")
	}
	return func(_ context.Context, s *run) error {
		if s.current == nil {
			return errNoConnection
		}
		return s.current.Close()
	}, nil
}
