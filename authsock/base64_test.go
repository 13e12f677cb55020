package authsock

import "testing"

// Base64 is taken in its one canonical form: what the decoder of the standard
// library would skip or tolerate is not a response.
func TestDecodeIsStrict(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		ok               bool
	}{
		{"canonical", "YWxpY2U=", "alice", true},
		{"empty", "", "", true},
		{"a line end inside", "YWxp\nY2U=", "", false},
		{"a carriage return inside", "YWxp\rY2U=", "", false},
		{"bits behind the end", "YWxpY2V=", "", false},
		{"no padding", "YWxpY2U", "", false},
		{"another alphabet", "YWxpY2U-", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decode([]byte(c.text))
			if (err == nil) != c.ok || c.ok && string(got) != c.want {
				t.Errorf("decode(%q) = %q, %v; want %q, ok %v", c.text, got, err, c.want, c.ok)
			}
		})
	}
}
