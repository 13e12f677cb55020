package password

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

type form struct {
	Password Secret
}

func TestSecretIsNeverPrinted(t *testing.T) {
	const clear = "hunter2"
	s := Secret(clear)
	in := form{s}
	printed := map[string]string{
		"String":  s.String(),
		"json":    marshal(t, s),
		"json in": marshal(t, in),
		"json of": marshal(t, &in),
		"text":    text(t, s),
		"slog":    logged(t, s, false),
		"slog js": logged(t, s, true),
		"slog in": logged(t, in, true),
		"error":   fmt.Errorf("refused %v", s).Error(),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%08b", "%c", "%U", "%t"} {
		printed[verb] = fmt.Sprintf(verb, s)
		printed[verb+" in"] = fmt.Sprintf(verb, in)
		printed[verb+" of"] = fmt.Sprintf(verb, &in)
		printed[verb+" list"] = fmt.Sprintf(verb, []Secret{s})
	}
	for how, got := range printed {
		if !strings.Contains(got, redacted) {
			t.Errorf("%s printed %q, want %s in it", how, got, redacted)
		}
		for _, leak := range []string{clear, "68756e", "68 75", "104", "aHVu", "0b11"} {
			if strings.Contains(strings.ToLower(got), strings.ToLower(leak)) {
				t.Errorf("%s printed %q, which tells the password", how, got)
			}
		}
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func text(t *testing.T, m encoding.TextMarshaler) string {
	t.Helper()
	b, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func logged(t *testing.T, v any, asJSON bool) string {
	t.Helper()
	var out bytes.Buffer
	var h slog.Handler = slog.NewTextHandler(&out, nil)
	if asJSON {
		h = slog.NewJSONHandler(&out, nil)
	}
	line := slog.NewRecord(time.Time{}, slog.LevelInfo, "login", 0) // no time: its digits could be those of the password
	line.Add("secret", v)
	if err := h.Handle(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSecretFromJSON(t *testing.T) {
	for _, row := range []struct {
		name, in, want, err string
	}{
		{name: "plain", in: `"s3cret"`, want: "s3cret"},
		{name: "empty", in: `""`, want: ""},
		{name: "escapes", in: `"a\"\\\n\u00e9\ud83d\ude00"`, want: "a\"\\\né😀"},
		{name: "utf-8", in: `"Grüße"`, want: "Grüße"},
		{name: "null leaves it", in: `null`, want: "before"},
		{name: "number", in: `12345678`, err: "password is not a JSON string"},
		{name: "object", in: `{"a":"s3cret"}`, err: "password is not a JSON string"},
		{name: "array", in: `["s3cret"]`, err: "password is not a JSON string"},
		{name: "invalid utf-8", in: "\"s3\xffcret\"", err: "password is not valid UTF-8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := form{Secret("before")}
			err := json.Unmarshal([]byte(`{"password":`+row.in+`}`), &in)
			if message(err) != row.err {
				t.Fatalf("Unmarshal(%s) = %v, want %q", row.in, err, row.err)
			}
			if err == nil && string(in.Password) != row.want {
				t.Errorf("Unmarshal(%s) gave %q, want %q", row.in, []byte(in.Password), row.want)
			}
		})
	}
}

func TestSecretFromTextIsACopy(t *testing.T) {
	given := []byte("s3cret")
	var s Secret
	if err := s.UnmarshalText(given); err != nil {
		t.Fatal(err)
	}
	clear(given)
	if string(s) != "s3cret" {
		t.Errorf("the secret changed with the text it came from: %q", []byte(s))
	}
}

func TestWipe(t *testing.T) {
	s := Secret("s3cret")
	s.Wipe()
	if !bytes.Equal(s, make([]byte, 6)) {
		t.Errorf("after Wipe the bytes are %q, want zeroes", []byte(s))
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
