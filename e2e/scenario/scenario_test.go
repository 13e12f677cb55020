package scenario

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	s, err := Parse("01-x", "A sentence.\n\n# why\n== Heading\n$ gatepostctl user add a@x.test\n< Secret-1x\n<\n> added\nexit 1\n"+
		"connect mx raw as out\nc: EHLO x\ns: 250\nS* 250-SIZE\nmailbox a@x.test\n> One\nhang up\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range s.steps {
		got = append(got, st.text)
	}
	want := "== Heading|$ gatepostctl user add a@x.test|connect mx raw as out|c: EHLO x|s: 250|S* 250-SIZE|mailbox a@x.test|hang up"
	if strings.Join(got, "|") != want || s.Title != "A sentence." {
		t.Errorf("Parse gave %q, %q, want %q", s.Title, got, want)
	}
	if !s.steps[3].quiet || s.steps[5].quiet {
		t.Error("c: must be quiet and S* not")
	}
	if s.steps[3].line != 11 {
		t.Errorf("line of %q = %d, want 11", s.steps[3].text, s.steps[3].line)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", "a title and a statement"},
		{"only a title", "A.\n\n", "a title and a statement"},
		{"unknown statement", "A.\n\nfrob x\n", `x:3: unknown statement "frob"`},
		{"text that belongs to nothing", "A.\nqueue is empty\n> x\n", `x:3: unknown statement ">"`},
		{"kind of connection", "A.\nconnect nntp\n", "unknown kind"},
		{"connection's name", "A.\nconnect mx as\n", "connect KIND [raw] [as NAME]"},
		{"expression", "A.\nS: /(/\n", "missing closing )"},
		{"exit status", "A.\n$ true\nexit x\n", "invalid syntax"},
		{"action", "A.\ngatepostd dance\n", `unknown action "dance"`},
		{"metric", "A.\nmetric x shrank\n", "metric SERIES grew"},
		{"log", "A.\nlog postfix has x\n", "log DAEMON holds|lacks"},
		{"duration", "A.\ntook long\n", "invalid duration"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("x", tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse(%q) error = %v, want one with %q", tt.text, err, tt.want)
			}
		})
	}
}

func TestExpectation(t *testing.T) {
	tests := []struct {
		want, line string
		meets      bool
	}{
		{"250 2.1.5", "250 2.1.5 Ok", true},
		{"250 2.1.5 Ok", "250 2.1.5", false},
		{"", "anything", true},
		{"/^[45]50 /", "550 no", true},
		{"/^[45]50 /", "250 ok", false},
		{"/", "/x", true},
	}
	for _, tt := range tests {
		e, err := expect(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.meets(tt.line); got != tt.meets {
			t.Errorf("expectation %q meets %q = %v, want %v", tt.want, tt.line, got, tt.meets)
		}
	}
}

func TestInOrder(t *testing.T) {
	want, err := expectAll([]string{"a", "/c$/"})
	if err != nil {
		t.Fatal(err)
	}
	if found, missing := inOrder(want, []string{"x", "a1", "b", "abc"}); missing != "" || strings.Join(found, " ") != "a1 abc" {
		t.Errorf("inOrder = %q, %q", found, missing)
	}
	if _, missing := inOrder(want, []string{"abc", "a1"}); missing != "/c$/" {
		t.Errorf("inOrder in the wrong order misses %q, want /c$/", missing)
	}
}

func TestExpand(t *testing.T) {
	tests := []struct{ text, want string }{
		{"AUTH PLAIN {plain a@x.test pw}", "AUTH PLAIN AGFAeC50ZXN0AHB3"},
		{"{plain z a p}", "egBhAHA="},
		{"{base64 Username:}", "VXNlcm5hbWU6"},
		{"{message Hello there}", "Subject: Hello there\n\n."},
		{"a {b} c", "a {b} c"},
	}
	for _, tt := range tests {
		if got := expand(tt.text); got != tt.want {
			t.Errorf("expand(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Postfix counts each line end as two octets and leaves the dot out.
func TestMessageSize(t *testing.T) {
	for size := 20; size < 500; size++ {
		text := strings.TrimSuffix(message(fmt.Sprintf("%d S", size)), ".")
		got := len(strings.ReplaceAll(text, "\n", "\r\n"))
		if got != size {
			t.Errorf("message of %d octets has %d", size, got)
		}
		for line := range strings.Lines(text) {
			if len(line) > 77 {
				t.Errorf("size %d: a line of %d", size, len(line))
			}
		}
	}
}

// Every scenario and the demonstration can be read, has a sentence for a title,
// and shares no domain with another: they all run on the same servers.
func TestWrittenScenarios(t *testing.T) {
	files, err := filepath.Glob("../scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	files = append(files, "../demo/demo.txt")
	added := regexp.MustCompile(`domain add (\S+)`)
	owner := map[string]string{}
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.HasSuffix(s.Title, ".") {
			t.Errorf("%s: the title is not a sentence: %q", file, s.Title)
		}
		for _, st := range s.steps {
			m := added.FindStringSubmatch(st.text)
			if m == nil {
				continue
			}
			if owner[m[1]] != "" {
				t.Errorf("%s adds the domain %s, and so does %s", file, m[1], owner[m[1]])
			}
			owner[m[1]] = file
		}
	}
}
