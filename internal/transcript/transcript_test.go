package transcript

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// conns is a Conn without what only playing needs.
var conns = cmpopts.IgnoreUnexported(Step{})

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       []*Conn
	}{
		{"own format", "Dovecot 2.3.19.1\n# connect auth\nS> \"DONE\\n\"\nsays:\nC> \"CPID\\t1\\n\"\n", []*Conn{
			{Name: "auth#1", Kind: Auth, Steps: []Step{{Data: []byte("DONE\n")}, {FromClient: true, Data: []byte("CPID\t1\n")}}},
		}},
		{"dovecot", "$ ./talk.py\n" +
			"04:03:53.711 master#37  -- \"connect on auth-master\"\n" +
			"04:03:53.712 master#37  C> \"VERSION\\t1\\t0\\n\"\n" +
			"04:03:53.716 dict#38    C> \"C1\\n\"\n" +
			"04:03:53.716 dict#38    S> \"O1\\n\"\n" +
			"04:03:53.720 dict#38    -- \"disconnect\"\n", []*Conn{
			{Name: "master#37", Kind: Master, Steps: []Step{{FromClient: true, Data: []byte("VERSION\t1\t0\n")}}},
			{Name: "dict#38", Kind: Dict, Partial: true, Steps: []Step{{FromClient: true, Data: []byte("C1\n")}, {Data: []byte("O1\n")}}},
		}},
		{"a name used again is another connection", "1 auth#1 -- \"connect on login\"\n1 auth#1 C> \"CPID\\t1\\n\"\n1 auth#1 -- \"connect on login\"\n", []*Conn{
			{Name: "auth#1", Kind: Auth, Steps: []Step{{FromClient: true, Data: []byte("CPID\t1\n")}}},
			{Name: "auth#1", Kind: Auth},
		}},
		{"postfix", "=== policy ===\n1 [conn 3] OPEN\n1 [conn 3] REQUEST #1 (11 bytes)\nrequest=a\n\n\n1 [conn 3] REPLY action=DUNNO\n" +
			"=== socketmap ===\n1 [conn 3] \"transport *\" -> \"NOTFOUND \"\n" +
			"=== auth ===\n1 [conn 9] C: \"AUTH\\t5\\n\"\n" +
			"=== lmtp ===\n1 [conn 9] C: LHLO x\n", []*Conn{
			{Name: "policy 3", Kind: Policy, Steps: []Step{{FromClient: true, Data: []byte("request=a\n\n")}, {Data: []byte("action=DUNNO\n\n")}}},
			{Name: "socketmap 3", Kind: Socketmap, Partial: true, Steps: []Step{{FromClient: true, Data: []byte("11:transport *,")}, {Data: []byte("9:NOTFOUND ,")}}},
			{Name: "auth 9", Kind: Auth, Partial: true, Steps: []Step{{FromClient: true, Data: []byte("AUTH\t5\n")}}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Parse("x.txt", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, d.Conns, conns); diff != "" {
				t.Errorf("Parse(%q) differs (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing in it", "only words\n", "no connection"},
		{"no kind", "C> \"x\"\n", "line 1: no \"# connect KIND\""},
		{"bad quoting", "# connect auth\nC> \"\\q\"\n", "line 2: bytes"},
		{"request without its end", "=== policy ===\n1 [conn 1] REQUEST #1 (9 bytes)\nrequest=a\n", "line 2: request of 9 bytes"},
		{"request longer than the file", "=== policy ===\n1 [conn 1] REQUEST #1 (99 bytes)\n\n\n", "request of 99 bytes"},
		{"bad payload", "=== socketmap ===\n1 [conn 1] \"a -> b\n", "payload \"a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("x.txt", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse(%q) error = %v, want one with %q", tt.text, err, tt.want)
			}
		})
	}
}

// What is embedded is complete: every policy request in the dialogues of the
// files that have raw requests is also there raw.
func TestRecorded(t *testing.T) {
	postfix, err := Postfix()
	if err != nil {
		t.Fatal(err)
	}
	dovecot, err := Dovecot()
	if err != nil {
		t.Fatal(err)
	}
	requests, err := Requests()
	if err != nil {
		t.Fatal(err)
	}
	got := map[Kind]int{"raw": len(requests)}
	for _, d := range append(postfix, dovecot...) {
		for _, c := range d.Conns {
			for _, s := range c.Steps {
				if s.FromClient {
					got[c.Kind]++
				}
			}
		}
	}
	want := map[Kind]int{Auth: 231, Master: 171, Dict: 101, Policy: 135, Socketmap: 1742, "raw": 92}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("client steps by kind differ (-want +got):\n%s", diff)
	}
	inDialogues := map[string]bool{}
	for _, d := range postfix {
		for _, c := range d.Conns {
			for _, s := range c.Steps {
				inDialogues[string(s.Data)] = inDialogues[string(s.Data)] || c.Kind == Policy
			}
		}
	}
	for _, r := range requests {
		if !bytes.HasPrefix(r.Data, []byte("request=")) || !bytes.HasSuffix(r.Data, []byte("\n\n")) {
			t.Errorf("%s is not one whole request", r.Name)
		}
		if !inDialogues[string(r.Data)] {
			t.Errorf("%s is in no dialogue", r.Name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("# connect auth\nC> \"a\"\n"))
	f.Add([]byte("=== policy ===\n1 [conn 1] REQUEST #1 (2 bytes)\n\n\n1 [conn 1] REPLY x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := Parse("x", text); err == nil && len(d.Conns) == 0 {
			t.Error("no connection and no error")
		}
	})
}
