package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"unicode/utf8"
)

// Optional is a field of a request that may be left out. null sets it to the
// zero value, which is the default of what it stands for.
type Optional[T any] struct {
	Set   bool
	Value T
}

// Some returns a field that was given.
func Some[T any](v T) Optional[T] { return Optional[T]{Set: true, Value: v} }

// IsZero reports whether the field was left out.
func (o Optional[T]) IsZero() bool { return !o.Set }

// UnmarshalJSON notes that the field was given.
func (o *Optional[T]) UnmarshalJSON(data []byte) error {
	o.Set = true
	var zero T
	o.Value = zero
	return json.Unmarshal(data, &o.Value)
}

// MarshalJSON writes the value.
func (o Optional[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.Value) }

// Elem returns the type of the value.
func (o Optional[T]) Elem() reflect.Type { return reflect.TypeFor[T]() }

const redacted = "[redacted]"

// Secret is a password or hash in a request. Whatever prints, logs or encodes
// it gets "[redacted]"; only a conversion gives the bytes.
type Secret []byte

// Format prints "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]", for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText sets s to a copy of text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = append(Secret{}, text...)
	return nil
}

// UnmarshalJSON sets s to the contents of a JSON string. Its errors never hold
// the input.
func (s *Secret) UnmarshalJSON(data []byte) error {
	var text *secretText
	if !utf8.Valid(data) || json.Unmarshal(data, &text) != nil {
		return errors.New("not a JSON string in UTF-8")
	}
	if text == nil {
		*s = nil
		return nil
	}
	*s = Secret(*text)
	return nil
}

// secretText has no UnmarshalJSON, so that encoding/json unquotes into bytes.
type secretText []byte

func (t *secretText) UnmarshalText(text []byte) error { return (*Secret)(t).UnmarshalText(text) }
