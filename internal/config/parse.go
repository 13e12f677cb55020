package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/policy"
)

// maxFile bounds a file: larger than any that a person writes.
const maxFile = 64 << 10

// Load reads the file at path. A missing file is the empty one when optional,
// which is for [DefaultPath] when nobody named it. What is wrong with the
// contents is a [Mistakes].
func Load(path string, optional bool) (*Config, error) {
	text, err := readFile(path, optional)
	if err != nil {
		return nil, err
	}
	return Parse(text)
}

// Check is Load and Resolve together: the error names what is wrong in the file
// and what is missing on this machine at once. Of a key that is wrong it is not
// asked what it would need.
func Check(path string, optional bool) (warnings []Mistake, err error) {
	text, err := readFile(path, optional)
	if err != nil {
		return nil, err
	}
	c, mistakes := parseText(text)
	if c == nil {
		return nil, mistakes
	}
	_, warnings, err = c.Resolve()
	var missing Mistakes
	if err != nil && !errors.As(err, &missing) {
		return warnings, err
	}
	for _, m := range missing {
		if !slices.ContainsFunc(mistakes, func(other Mistake) bool { return other.Key == m.Key }) {
			mistakes = append(mistakes, m)
		}
	}
	return warnings, mistakes.sorted()
}

func readFile(path string, optional bool) ([]byte, error) {
	text, err := os.ReadFile(path)
	switch {
	case optional && errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return text, nil
}

// Parse reads a document. Every mistake in it is named: the error is a
// [Mistakes]. A document that is not TOML has one, where it stops being it.
func Parse(text []byte) (*Config, error) {
	c, mistakes := parseText(text)
	if err := mistakes.sorted(); err != nil {
		return nil, err
	}
	return c, nil
}

// parseText reads a document as far as it can be read; nil: not at all.
func parseText(text []byte) (*Config, Mistakes) {
	if len(text) > maxFile {
		return nil, Mistakes{{Text: fmt.Sprintf("the file has %d bytes; %d are allowed", len(text), maxFile)}}
	}
	values := map[string]any{}
	if err := toml.Unmarshal(text, &values); err != nil {
		return nil, Mistakes{syntax(err)}
	}
	d := &document{lines: indexLines(text)}
	c := defaults()
	c.read(&section{document: d, values: values})
	c.lines = d.lines
	return c, d.mistakes
}

// syntax turns an error of the TOML library into our own.
func syntax(err error) Mistake {
	var at *toml.DecodeError
	if !errors.As(err, &at) {
		return Mistake{Text: err.Error()}
	}
	line, column := at.Position()
	name := ""
	for _, part := range at.Key() {
		name = join(name, part)
	}
	text := strings.TrimPrefix(at.Error(), "toml: ")
	return Mistake{Line: line, Key: name, Text: fmt.Sprintf("column %d: %s", column, text)}
}

// read reads the whole file.
func (c *Config) read(file *section) {
	take(file, "state_dir", &c.StateDir, text(absolutePath))
	c.Mail.read(file.sub("mail"))
	c.Quota.read(file.sub("quota"))
	c.Password.read(file.sub("password"))
	c.readRules(file.sub("policy"))
	c.Login.read(file.sub("login"))
	c.Dovecot.read(file.sub("dovecot"))
	c.Audit.read(file.sub("audit"))
	c.readListeners(file)
	file.done()
}

func (m *Mail) read(s *section) {
	take(s, "uid", &m.UID, unprivileged)
	take(s, "gid", &m.GID, unprivileged)
	take(s, "home", &m.Home, text(homeTemplate))
	take(s, "recipient_delimiter", &m.Delimiters, text(delimiters))
	take(s, "quota_root", &m.QuotaRoot, text(quotaRoot))
	s.done()
}

func (q *Quota) read(s *section) {
	take(s, "default", &q.Default, text(bytesize.Parse))
	takeList(s, "warn_at", &q.WarnAt, integer(percent))
	take(s, "full_code", &q.FullCode, integer(fullCode))
	s.ascending("warn_at", q.WarnAt)
	s.done()
}

func (p *Password) read(s *section) {
	take(s, "scheme", &p.Scheme, text(password.ParseScheme))
	if _, table := s.values["policy"].(map[string]any); table {
		readPolicy(s.sub("policy"), &p.Policy)
	} else {
		take(s, "policy", &p.Policy, text(password.ParsePolicy))
	}
	s.done()
}

// readPolicy reads a policy of own figures, which begins with no demand.
func readPolicy(s *section, p *password.Policy) {
	*p = password.Policy{}
	take(s, "min_length", &p.MinLength, integer(between(1, maxPasswordLength)))
	take(s, "max_length", &p.MaxLength, integer(between(1, maxPasswordLength)))
	take(s, "upper", &p.Upper, boolean)
	take(s, "lower", &p.Lower, boolean)
	take(s, "digit", &p.Digit, boolean)
	take(s, "symbol", &p.Symbol, boolean)
	if p.MaxLength > 0 && p.MinLength > p.MaxLength {
		s.complain(join(s.name, "min_length"), "%d is more than max_length, which is %d", p.MinLength, p.MaxLength)
	}
	s.done()
}

// readRules reads the modes of the rules; [Quota] has been read before.
func (c *Config) readRules(s *section) {
	modes, err := policy.NewModes(nil, c.Quota.FullCode)
	if err != nil {
		panic(err) // full_code has been checked
	}
	rules := s.sub("rules")
	for rule := range policy.Rules() {
		mode := modes.Of(rule.ID)
		take(rules, rule.Name, &mode, text(policy.ParseMode))
		modes = modes.With(rule.ID, mode)
	}
	rules.done()
	s.done()
	c.Modes = modes
}

func (l *Login) read(s *section) {
	take(s, "failure_delay", &l.FailureDelay, text(failureDelay))
	takeList(s, "trusted_networks", &l.TrustedNetworks, text(network))
	s.done()
}

func (d *Dovecot) read(s *section) {
	take(s, "imap", &d.IMAP, text(dovecotAddress))
	take(s, "doveadm", &d.Doveadm, text(doveadmURL))
	take(s, "doveadm_key_file", &d.DoveadmKeyFile, text(absolutePath))
	if s.has("doveadm") != s.has("doveadm_key_file") {
		s.complain(s.name, "doveadm and doveadm_key_file go together")
	}
	s.done()
}

func (a *Audit) read(s *section) {
	take(s, "retention", &a.Retention, text(retention))
	s.done()
}
