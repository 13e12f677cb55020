package password

import (
	"errors"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	classic8, length8 := Policy{MinLength: 8, Upper: true, Lower: true, Digit: true, Symbol: true}, Policy{MinLength: 8}
	for _, row := range []struct {
		name   string
		policy Policy
		secret string
		err    string
	}{
		{"good", classic8, "Abcdef1!", ""},
		{"blank is a symbol", classic8, "Abcdef 1", ""},
		{"other alphabets", classic8, "Пароль-٣", ""},
		{"emoji is a symbol", classic8, "Abcdefg1😀", ""},
		{"everything missing", classic8, "", "password needs at least 8 characters, an upper-case letter, a lower-case letter, a digit and a symbol"},
		{"some missing", classic8, "abc1", "password needs at least 8 characters, an upper-case letter and a symbol"},
		{"only length missing", classic8, "Abcde1!", "password needs at least 8 characters"},
		{"upper missing", classic8, "abcdef1!", "password needs an upper-case letter"},
		{"lower missing", classic8, "ABCDEF1!", "password needs a lower-case letter"},
		{"digit missing", classic8, "Abcdefg!", "password needs a digit"},
		{"symbol missing", classic8, "Abcdefg1", "password needs a symbol"},
		{"a letter without case is no symbol", classic8, "Abcdef1漢", "password needs a symbol"},
		{"a combining mark is no symbol", classic8, "Abcdef1e\u0301", "password needs a symbol"},
		{"characters, not bytes", length8, "ééééééé", "password needs at least 8 characters"},
		{"eight characters", length8, "éééééééé", ""},
		{"NUL", length8, "abcd\x00efgh", "password must not have control characters"},
		{"line break", length8, "abcdefgh\n", "password must not have control characters"},
		{"C1 control", length8, "abcdefgh\u0085", "password must not have control characters"},
		{"DEL", length8, "abcdefgh\x7f", "password must not have control characters"},
		{"invalid UTF-8", length8, "abcdefgh\xff", "password must not have bytes that are not UTF-8"},
		{"replaced on the way", length8, "abcdefgh\ufffd", "password must not have bytes that are not UTF-8"},
		{"everything wrong", classic8, "\n\xff", "password needs at least 8 characters, an upper-case letter, a lower-case letter, a digit and a symbol; must not have control characters or bytes that are not UTF-8"},
		{"longest", length8, strings.Repeat("x", 1024), ""},
		{"too long", length8, strings.Repeat("x", 1025), "password must not have more than 1024 bytes"},
		{"own maximum", Policy{MaxLength: 10}, strings.Repeat("x", 11), "password must not have more than 10 bytes"},
		{"own maximum above ours", Policy{MaxLength: 5000}, strings.Repeat("x", 1025), "password must not have more than 1024 bytes"},
		{"zero policy", Policy{}, "x", ""},
		{"zero policy, empty", Policy{}, "", "password needs at least 1 character"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.policy.Check(Secret(row.secret))
			if message(err) != row.err {
				t.Errorf("Check(%q) = %v, want %q", row.secret, err, row.err)
			}
			var weak *WeakError
			if err != nil && !errors.As(err, &weak) {
				t.Errorf("Check(%q) gave a %T, want a *WeakError", row.secret, err)
			}
		})
	}
}

func TestParsePolicy(t *testing.T) {
	for name, want := range map[string]Policy{
		"classic8": {MinLength: 8, Upper: true, Lower: true, Digit: true, Symbol: true},
		"length8":  {MinLength: 8},
	} {
		if got, err := ParsePolicy(name); err != nil || got != want {
			t.Errorf("ParsePolicy(%q) = %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "Classic8", "none"} {
		if got, err := ParsePolicy(name); err == nil {
			t.Errorf("ParsePolicy(%q) = %+v, want an error", name, got)
		}
	}
}
