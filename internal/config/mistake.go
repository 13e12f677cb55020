package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a file.
type Mistake struct {
	Line int    // from 1; 0: a default, or the file as a whole
	Key  string // as it would be written in full: "quota.full_code", "listen[1].mode"
	Text string // what is wrong, and what would be right
}

// String returns "line 12: quota.full_code: 550 is neither 552 nor 452".
func (m Mistake) String() string {
	var b strings.Builder
	if m.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", m.Line)
	}
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	b.WriteString(m.Text)
	return b.String()
}

// Mistakes is everything that is wrong with a file, in the order of its lines.
type Mistakes []Mistake

// Error returns a line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the mistakes as an error; nil when there is none.
func (m Mistakes) sorted() error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return m
}
