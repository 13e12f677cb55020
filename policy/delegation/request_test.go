package delegation

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/transcript"
)

const head = "request=smtpd_access_policy\n"

// malformed are the requests that must get no reply.
var malformed = []struct {
	name, text string
	want       Malformation
}{
	{"empty", "\n", WrongRequest},
	{"no request attribute", "protocol_state=RCPT\n\n", WrongRequest},
	{"another request", "request=junk\n\n", WrongRequest},
	{"second request attribute is right", "request=junk\n" + head + "\n", WrongRequest},
	{"request in other letters", "Request=smtpd_access_policy\n\n", WrongRequest},
	{"line without =", head + "sender\n\n", NoAttribute},
	{"line without a name", head + "=x\n\n", NoAttribute},
	{"name that begins with a blank", head + " sender=x\n\n", NoAttribute},
	{"binary", "\x16\x03\x01\x02\x00\x01=\n\n", NoAttribute},
	{"a netstring", "16:mailboxes a@b.cd,\n\n", NoAttribute},
	{"HTTP", "GET / HTTP/1.1\nHost: x\n\n", NoAttribute},
	{"CRLF", "request=smtpd_access_policy\r\n\r\n", CarriageReturn},
	{"CRLF empty line", head + "\r\n", CarriageReturn},
	{"CR at the end of a value", head + "sender=a@b.cd\r\n\n", CarriageReturn},
	{"NUL in a value", head + "sender=a\x00@b.cd\n\n", NUL},
	{"NUL in a name", head + "a\x00=b\n\n", NUL},
	{"long line", head + "x=" + strings.Repeat("y", MaxLine) + "\n\n", LineTooLong},
	{"long line without end", head + strings.Repeat("y", MaxLine+1), LineTooLong},
	{"too many attributes", head + strings.Repeat("x=y\n", MaxAttributes) + "\n", TooManyAttributes},
	{"too large", head + strings.Repeat("x="+strings.Repeat("y", MaxLine-3)+"\n", 8) + "x=y\n\n", TooLarge},
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range malformed {
		t.Run(tt.name, func(t *testing.T) {
			n, err := new(decoder).Decode([]byte(tt.text))
			if m, is := malformation(err); n != 0 || !is || m != tt.want {
				t.Errorf("Decode = %d, %v, want %v", n, err, tt.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // state, instance, sender, recipient, size, login
	}{
		{"all", head + "protocol_state=RCPT\ninstance=i\nsender=s\nrecipient=r\nsize=7\nsasl_username=u\n", "[RCPT i s r 7 u]"},
		{"another order", "sender=s\n" + head + "protocol_state=RCPT\n", "[RCPT  s   ]"},
		{"one that Postfix does not send between", head + "new=x\nprotocol_state=RCPT\nnewer=y\nprotocol_name=ESMTP\nsize=7\n", "[RCPT    7 ]"},
		{"a name that begins as the expected one", head + "protocol_state_=x\nprotocol_state=RCPT\n", "[RCPT     ]"},
		{"nothing else", head, "[     ]"},
		{"unknown attributes", head + "tls_sni=x\nX-y=z\ninstance=i\n", "[ i    ]"},
		{"repeated", head + "sender=first\nsender=second\n", "[  first   ]"},
		{"repeated, first empty", head + "sender=\nsender=second\n", "[     ]"},
		{"= in a value", head + "sender=a=b=@c\n", "[  a=b=@c   ]"},
		{"control bytes and bad UTF-8", head + "recipient=a\x01\x7f\xff@b\n", "[   a\x01\x7f\xff@b  ]"},
		{"CR inside a value", head + "sender=a\rb\n", "[  a\rb   ]"},
		{"longest line", head + "recipient=" + strings.Repeat("y", MaxLine-len("recipient=")) + "\n", "[   " + strings.Repeat("y", MaxLine-len("recipient=")) + "  ]"},
		{"most attributes", head + strings.Repeat("x=y\n", MaxAttributes-1), "[     ]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, text := &decoder{}, []byte(tt.text+"\nrequest=next")
			n, err := d.Decode(text)
			if err != nil || n != len(tt.text)+1 {
				t.Fatalf("Decode = %d, %v, want %d", n, err, len(tt.text)+1)
			}
			if got := values(d, text[:n]); got != tt.want {
				t.Errorf("values %q, want %q", got, tt.want)
			}
		})
	}
}

func values(d *decoder, b []byte) string {
	var all []string
	for a := attrState; a < attributeCount; a++ {
		all = append(all, string(d.value(b, a)))
	}
	return fmt.Sprint(all)
}

func TestParseSize(t *testing.T) {
	tests := []struct {
		text string
		want int64
	}{
		{"", 0}, {"0", 0}, {"42", 42}, {"9223372036854775807", math.MaxInt64}, {"9223372036854775808", math.MaxInt64},
		{"99999999999999999999999999", math.MaxInt64}, {"-1", 0}, {"+1", 0}, {"1.5", 0}, {"12x", 0}, {" 1", 0}, {"0x10", 0},
		{"99999999999999999999x", 0},
	}
	for _, tt := range tests {
		if got := parseSize([]byte(tt.text)); got != tt.want {
			t.Errorf("parseSize(%q) = %d, want %d", tt.text, got, tt.want)
		}
	}
}

func seed(f *testing.F) {
	requests, err := transcript.Requests()
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range requests {
		f.Add(r.Data, uint16(len(r.Data)/2))
	}
	for _, m := range malformed {
		f.Add([]byte(m.text), uint16(3))
		f.Add(append([]byte(head+"\n"), m.text...), uint16(len(head)))
	}
}

// FuzzDecode decodes bytes that come at once and in two parts.
func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		at := min(int(cut), len(data))
		whole, parts := &decoder{}, &decoder{}
		n, err := whole.Decode(data)
		m, failed := parts.Decode(data[:at])
		if m == 0 && failed == nil {
			m, failed = parts.Decode(data)
		}
		if n != m || (err == nil) != (failed == nil) || n > 0 && values(whole, data) != values(parts, data) {
			t.Fatalf("at once %d, %v; in parts %d, %v", n, err, m, failed)
		}
		switch {
		case n < 0 || n > min(len(data), MaxRequest) || err != nil && n > 0:
			t.Fatalf("Decode = %d, %v of %d bytes", n, err, len(data))
		case n > 0 && data[n-1] != '\n':
			t.Fatalf("request ends with %q", data[n-1])
		}
		if _, is := malformation(err); err != nil && !is {
			t.Fatalf("error %v is no malformation", err)
		}
		for a := range attributeCount {
			if n > 0 && strings.ContainsAny(string(whole.value(data[:n], a)), "\n\x00") {
				t.Fatalf("attribute %d holds the end of a line: %q", a, whole.value(data, a))
			}
		}
	})
}

func TestMalformationNames(t *testing.T) {
	seen := map[string]bool{}
	for m := range MalformationCount {
		if m.String() == "" || seen[m.String()] || !errors.Is(fmt.Errorf("x: %w", m), m) {
			t.Errorf("malformation %d is called %q", m, m.String())
		}
		seen[m.String()] = true
	}
}

// BenchmarkDecode reads a request of Postfix, and the same one with its lines in
// an order that is not Postfix's.
func BenchmarkDecode(b *testing.B) {
	requests, err := transcript.Requests()
	if err != nil {
		b.Fatal(err)
	}
	usual := strings.SplitAfter(strings.TrimSuffix(string(requests[0].Data), "\n"), "\n")
	reversed := slices.Clone(usual)
	slices.Reverse(reversed)
	for name, lines := range map[string][]string{"usual": usual, "reversed": reversed} {
		text, d := []byte(strings.Join(lines, "")+"\n"), decoder{}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n, err := d.Decode(text); n != len(text) || err != nil {
					b.Fatalf("Decode = %d, %v", n, err)
				}
			}
		})
	}
}
