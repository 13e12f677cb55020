package config

import (
	"errors"
	"strings"
	"testing"
)

// A document gives a configuration or mistakes, never both, and each mistake
// says something and has a line that is in the document.
func FuzzParse(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(complete))
	f.Add([]byte("[[listen]]\ndoor = \"policy\"\naddress = \"off\"\n[listen.more]\n"))
	f.Add([]byte("listen = [{door = \"policy\", address = \"tcp:127.0.0.1:1\"}, {}]"))
	f.Add([]byte("mail.uid = 0\n\"\" = 1\n'quota'.warn_at = [1, [2], {a = 3}]"))
	f.Add([]byte("[password]\npolicy = {min_length = 9223372036854775807}"))
	f.Add([]byte("a.b.c = 1\r\n[[a.b.d]]\r\n[[a.b.d]]\r\n[a.b.d.e]\r\nx = 1979-05-27"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v", c, err)
		}
		if err == nil {
			return
		}
		var mistakes Mistakes
		if !errors.As(err, &mistakes) || len(mistakes) == 0 {
			t.Fatalf("Parse = %T %v, want Mistakes", err, err)
		}
		for _, m := range mistakes {
			if m.Text == "" || m.Line < 0 || m.Line > 1+strings.Count(string(text), "\n") {
				t.Errorf("mistake %+v of %d lines", m, 1+strings.Count(string(text), "\n"))
			}
			if m.Line == 0 && m.Key != "" {
				t.Errorf("mistake %+v has a key without a line", m)
			}
		}
	})
}
