package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mode says what happens when a rule applies.
type Mode uint8

// The modes. In every mode but Enforce the evaluation goes on with the next
// rule, so that a rule that is watched never shields a message from one that is
// enforced.
const (
	Enforce Mode = iota // the rule's reply is given
	Warn                // DUNNO; logged, and the decision is counted as the rule's unless an enforced rule refuses
	Shadow              // DUNNO; only counted
	Off                 // the rule is not asked
	ModeCount
)

var modeNames = [ModeCount]string{"enforce", "warn", "shadow", "off"}

// String returns the mode as the configuration spells it.
func (m Mode) String() string { return modeNames[m] }

// ParseMode is the inverse of String.
func ParseMode(text string) (Mode, error) {
	i := slices.Index(modeNames[:], text)
	if i < 0 {
		return 0, fmt.Errorf("%.64q is not one of %s", text, strings.Join(modeNames[:], ", "))
	}
	return Mode(i), nil
}

// Modes are the configured choices: the mode of each rule, and the code for a
// full mailbox. The zero Modes enforces everything and says 552. A Modes that
// is in use must not be changed; see [Modes.With].
type Modes struct {
	mode    [RuleCount]Mode
	fullFor Reply // what is said instead of MailboxFull; Dunno: itself
}

// NewModes reads the table [policy.rules] of the configuration, rule names to
// modes, and quota.full_code: 552, 452, or 0 for the default. The error tells
// every mistake, one a line.
func NewModes(rules map[string]string, fullCode int) (*Modes, error) {
	m := &Modes{}
	var mistakes []error
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		rule, known := RuleNamed(name)
		if !known {
			mistakes = append(mistakes, fmt.Errorf("policy.rules: there is no rule %.64q", name))
			continue
		}
		mode, err := ParseMode(rules[name])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("policy.rules: %s: %w", name, err))
			continue
		}
		m.mode[rule] = mode
	}
	switch fullCode {
	case 0, 552:
	case 452:
		m.fullFor = MailboxFullNow
	default:
		mistakes = append(mistakes, fmt.Errorf("quota.full_code: %d is not one of 552, 452", fullCode))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return m, nil
}

// Of returns the mode of a rule.
func (m *Modes) Of(id RuleID) Mode { return m.mode[id] }

// With returns a copy in which one rule has another mode.
func (m *Modes) With(id RuleID, mode Mode) *Modes {
	changed := *m
	changed.mode[id] = mode
	return &changed
}
