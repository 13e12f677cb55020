package password

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

const redacted = "[redacted]"

// Secret is a password in clear. Whatever prints, logs or encodes it gets
// "[redacted]"; only a conversion gives the bytes. Keep it in exported fields:
// fmt calls no methods on unexported ones. Its owner wipes it after use.
type Secret []byte

// Wipe overwrites the bytes. Copies that libraries made live on until the
// memory is used again; core dumps have to be switched off elsewhere.
func (s Secret) Wipe() { clear(s) }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]", for %#v.
func (s Secret) GoString() string { return redacted }

// Format prints "[redacted]" for every verb, also %x and %d, which would
// otherwise print the bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]", for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalText sets s to a copy of text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = append(Secret{}, text...)
	return nil
}

// UnmarshalJSON sets s to the contents of a JSON string; null leaves it alone.
// Errors never hold the input. Invalid UTF-8 is refused, because encoding/json
// would silently put U+FFFD in its place and the owner could never log in.
func (s *Secret) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if !utf8.Valid(data) {
		return errors.New("password is not valid UTF-8")
	}
	var text secretText
	if err := json.Unmarshal(data, &text); err != nil {
		return errors.New("password is not a JSON string")
	}
	*s = Secret(text)
	return nil
}

// secretText has no UnmarshalJSON, so that encoding/json unquotes into bytes
// and hands them to UnmarshalText: no Go string is made.
type secretText []byte

func (t *secretText) UnmarshalText(text []byte) error { return (*Secret)(t).UnmarshalText(text) }
