package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// document is a decoded file while it is being read.
type document struct {
	lines    map[string]int // of each key, by full name
	mistakes Mistakes
}

// complain notes a mistake at a key.
func (d *document) complain(key, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{Line: d.lines[key], Key: key, Text: fmt.Sprintf(format, args...)})
}

// section is one table of the file. Whoever reads it takes its keys and then
// calls done.
type section struct {
	*document
	name   string // full name; "" for the file itself
	values map[string]any
	known  []string // the keys that were asked for
}

// sub returns the table under key. Something else in its place is a mistake,
// and read as an empty table.
func (s *section) sub(key string) *section {
	s.known = append(s.known, key)
	sub := &section{document: s.document, name: join(s.name, key)}
	switch value := s.values[key].(type) {
	case nil:
	case map[string]any:
		sub.values = value
	default:
		s.complain(sub.name, "%s where a table is expected", kindOf(value))
	}
	return sub
}

// elements returns the tables of the array of tables under key.
func (s *section) elements(key string) []*section {
	s.known = append(s.known, key)
	name := join(s.name, key)
	array, ok := s.values[key].([]any)
	if !ok && s.values[key] != nil {
		s.complain(name, "%s where an array of tables is expected; write [[%s]]", kindOf(s.values[key]), name)
	}
	var found []*section
	for i, element := range array {
		sub := &section{document: s.document, name: name + "[" + strconv.Itoa(i) + "]"}
		if sub.values, ok = element.(map[string]any); !ok {
			s.complain(sub.name, "%s where a table is expected; write [[%s]]", kindOf(element), name)
			continue
		}
		found = append(found, sub)
	}
	return found
}

// done notes every key that was not asked for.
func (s *section) done() {
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if !slices.Contains(s.known, key) {
			s.complain(join(s.name, key), "unknown key; known here: %s", strings.Join(s.known, ", "))
		}
	}
}

// has reports whether the file gives a key.
func (s *section) has(key string) bool { return s.values[key] != nil }

// take reads the value under key into dst; without one dst keeps its default.
func take[T any](s *section, key string, dst *T, read func(any) (T, error)) {
	s.known = append(s.known, key)
	value, given := s.values[key]
	if !given {
		return
	}
	got, err := read(value)
	if err != nil {
		s.complain(join(s.name, key), "%v", err)
		return
	}
	*dst = got
}

// takeList reads an array; each bad element is a mistake of its own, and then
// dst keeps its default.
func takeList[T any](s *section, key string, dst *[]T, read func(any) (T, error)) {
	s.known = append(s.known, key)
	value, given := s.values[key]
	if !given {
		return
	}
	name := join(s.name, key)
	array, ok := value.([]any)
	if !ok {
		s.complain(name, "%s where an array is expected", kindOf(value))
		return
	}
	list := make([]T, 0, len(array))
	for i, element := range array {
		if got, err := read(element); err != nil {
			s.complain(name+"["+strconv.Itoa(i)+"]", "%v", err)
		} else {
			list = append(list, got)
		}
	}
	if len(list) == len(array) {
		*dst = list
	}
}

// text reads a string with parse.
func text[T any](parse func(string) (T, error)) func(any) (T, error) {
	return func(value any) (T, error) {
		s, ok := value.(string)
		if !ok {
			var zero T
			return zero, fmt.Errorf("%s where a string is expected", kindOf(value))
		}
		return parse(s)
	}
}

// integer reads a whole number with check.
func integer(check func(int64) error) func(any) (int, error) {
	return func(value any) (int, error) {
		n, ok := value.(int64)
		if !ok {
			return 0, fmt.Errorf("%s where a whole number is expected", kindOf(value))
		}
		return int(n), check(n)
	}
}

func boolean(value any) (bool, error) {
	b, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("%s where true or false is expected", kindOf(value))
	}
	return b, nil
}

// kindOf says what a decoded value is, in TOML's words.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case []any:
		return "an array"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}
