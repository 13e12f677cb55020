package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (p *parser) mailbox(address string) (func(context.Context, *run) error, error) {
	want := p.following(">")
	if address == "" {
		return nil, errors.New("mailbox ADDRESS")
	}
	return func(ctx context.Context, s *run) error {
		return s.subjects(ctx, "mailbox of "+address, want, func() []string { return s.inbox(ctx, address) })
	}, nil
}

func (p *parser) outside(address string) (func(context.Context, *run) error, error) {
	want := p.following(">")
	return func(ctx context.Context, s *run) error {
		return s.subjects(ctx, "outside, "+address, want, func() []string { return s.sent(address) })
	}, nil
}

// subjects waits until a place holds the mails that it should. Mails that are
// on their way at the same time may overtake each other.
func (s *run) subjects(ctx context.Context, place string, want []string, ask func() []string) error {
	want = slices.Sorted(slices.Values(want))
	err := soon(ctx, func() error {
		if got := slices.Sorted(slices.Values(ask())); !slices.Equal(got, want) {
			return fmt.Errorf("%s: expected subjects %q, got %q", place, want, got)
		}
		return nil
	})
	if err == nil {
		s.report.Fact(fmt.Sprintf("%s: %s", place, strings.Join(want, ", ")))
	}
	return err
}

// inbox asks Dovecot, which asks gatepost where the mailbox is.
func (s *run) inbox(ctx context.Context, address string) []string {
	output, exit := s.shell(ctx, `doveadm -c "$DOVECOT_CONF" fetch -u '`+address+`' hdr.subject mailbox INBOX`, "")
	if exit != 0 {
		return []string{output}
	}
	var subjects []string
	for line := range strings.Lines(output) {
		if subject, ok := strings.CutPrefix(line, "hdr.subject: "); ok {
			subjects = append(subjects, strings.TrimSpace(subject))
		}
	}
	return subjects
}

func (s *run) sent(address string) []string {
	var subjects []string
	for _, m := range s.rig.Sink.Messages()[s.outside:] {
		if slices.Contains(m.To, address) {
			subjects = append(subjects, m.Subject())
		}
	}
	return subjects
}

func (p *parser) queue(rest string) (func(context.Context, *run) error, error) {
	if rest != "is empty" {
		return nil, errors.New("queue is empty")
	}
	return func(ctx context.Context, s *run) error {
		return soon(ctx, func() error {
			if output, _ := s.shell(ctx, "postqueue -p", ""); !strings.Contains(output, "queue is empty") {
				return fmt.Errorf("the queue holds:\n%s", output)
			}
			return nil
		})
	}, nil
}

var grew = regexp.MustCompile(`^(\S+) grew(?: by (\d+))?$`)

func (p *parser) metric(rest string) (func(context.Context, *run) error, error) {
	m := grew.FindStringSubmatch(rest)
	if m == nil {
		return nil, errors.New("metric SERIES grew [by N]")
	}
	series, by := m[1], m[2]
	return func(ctx context.Context, s *run) error {
		return soon(ctx, func() error {
			growth := s.scrape(ctx)[series] - s.metrics[series]
			if got := strconv.FormatFloat(growth, 'f', -1, 64); by != "" && got != by || growth <= 0 {
				return fmt.Errorf("%s grew by %s", series, got)
			}
			s.report.Fact(fmt.Sprintf("%s %v", series, s.metrics[series]+growth))
			return nil
		})
	}, nil
}

// scrape reads every series of gatepost's metrics; none when it does not answer.
func (s *run) scrape(ctx context.Context) map[string]float64 {
	all := map[string]float64{}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", s.rig.Ports.Metrics), nil)
	if err != nil {
		return all
	}
	request.Header.Set("Accept", "text/plain")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return all
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return all
	}
	for line := range strings.Lines(string(text)) {
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if line[0] == '#' || at < 0 {
			continue
		}
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			all[line[:at]] = value
		}
	}
	return all
}

func (p *parser) log(rest string) (func(context.Context, *run) error, error) {
	daemon, rest, _ := strings.Cut(rest, " ")
	verb, text, _ := strings.Cut(rest, " ")
	want, err := expect(text)
	if err != nil || text == "" || verb != "holds" && verb != "lacks" {
		return nil, errors.Join(errors.New("log DAEMON holds|lacks text"), err)
	}
	return func(ctx context.Context, s *run) error {
		if verb == "lacks" {
			return s.logHolds(daemon, want, false)
		}
		return soon(ctx, func() error { return s.logHolds(daemon, want, true) })
	}, nil
}

func (s *run) logHolds(daemon string, want expectation, should bool) error {
	for line := range strings.Lines(s.rig.LogSince(daemon, s.logs[daemon])) {
		holds := strings.Contains(line, want.text) || want.pattern != nil && want.pattern.MatchString(line)
		if holds && !should {
			return fmt.Errorf("the log of %s holds: %s", daemon, line)
		}
		if holds {
			return nil
		}
	}
	if should {
		return fmt.Errorf("the log of %s does not hold: %s", daemon, want.text)
	}
	return nil
}
