package adminsock

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
	"github.com/gatepost/gatepost/internal/password"
)

// TestEveryCodeHasAStatus reads the directory's codes from its source, so that
// a new one cannot be forgotten.
func TestEveryCodeHasAStatus(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../internal/directory/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		found++
		code, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		c := &Call{}
		p := problemOf(c, fmt.Errorf("wrapped: %w", &directory.Error{Code: directory.Code(code), Field: "f", Detail: "d"}))
		if p.Code != code || p.Status < 400 || p.Status == 500 || p.Field != "f" {
			t.Errorf("problemOf(%s) = %+v, want a status of its own", code, p)
		}
		return true
	})
	if found < 17 {
		t.Errorf("%d codes found, want all of them", found)
	}
}

func TestProblemOf(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		header bool
		status int
		code   string
	}{
		{"conflict", directory.ErrConflict, false, http.StatusConflict, "conflict"},
		{"conflict of If-Match", directory.ErrConflict, true, http.StatusPreconditionFailed, "conflict"},
		{"code of tomorrow", &directory.Error{Code: "tomorrow"}, false, http.StatusInternalServerError, "internal"},
		{"weak password", fmt.Errorf("x: %w", &password.WeakError{Needs: []string{"a digit"}}), false, http.StatusUnprocessableEntity, "weak_password"},
		{"overloaded", password.ErrOverloaded, false, http.StatusServiceUnavailable, "overloaded"},
		{"unforeseen", errors.New("secret plan"), false, http.StatusInternalServerError, "internal"},
		{"in a line", &lineError{7, directory.ErrExists}, false, http.StatusConflict, "exists"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &Call{match: matching{header: tt.header}}
			p := problemOf(c, tt.err)
			if p.Status != tt.status || p.Code != tt.code || strings.Contains(p.Detail, "secret") {
				t.Errorf("problemOf(%v) = %+v, want %d %s", tt.err, p, tt.status, tt.code)
			}
			if (c.reason != nil) != (tt.status == 500) {
				t.Errorf("reason for the log = %v at status %d", c.reason, p.Status)
			}
		})
	}
}

// What is told of where the trail begins, also while it has no change.
func TestVerified(t *testing.T) {
	noon := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	head, none := journal.Chain{1}, strings.Repeat("00", 32)
	for _, row := range []struct {
		name string
		in   journal.Verified
		want command.Verified
	}{
		{"nothing was ever changed", journal.Verified{}, command.Verified{Begins: "start", Head: none}},
		{"from the start", journal.Verified{First: 1, Last: 2}, command.Verified{Begins: "start", Changes: 2, First: 1, Last: 2, Head: none}},
		{"lost", journal.Verified{First: 3, Last: 2, Anchor: journal.Anchor{First: 3, Why: journal.Anew, Made: noon}},
			command.Verified{Begins: "anew", First: 3, Last: 2, Head: none}},
		{"pruned", journal.Verified{First: 3, Last: 3, Anchor: journal.Anchor{First: 3, Before: head, Why: journal.Pruned, Made: noon}},
			command.Verified{Begins: "pruned", Changes: 1, First: 3, Last: 3, Head: none, Anchor: "01" + none[2:], Pruned: &noon}},
		{"pruning was interrupted", journal.Verified{First: 1, Last: 3, Anchor: journal.Anchor{First: 3, Why: journal.Pruned, Made: noon}},
			command.Verified{Begins: "start", Changes: 3, First: 1, Last: 3, Head: none}},
	} {
		if diff := cmp.Diff(&row.want, verified(row.in, directory.Revision(row.in.Last))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
		row.want.Later = 7
		if diff := cmp.Diff(&row.want, verified(row.in, directory.Revision(row.in.Last+7))); diff != "" {
			t.Errorf("%s, and seven changes later (-want +got):\n%s", row.name, diff)
		}
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"", "", true}, {"", "x", false}, {"?", "", false}, {"?", "é", true},
		{"a*c", "abbbc", true}, {"a*c", "abbb", false}, {"*a*b*", "xxaxxbxx", true}, {"*ab", "aab", true},
		{"*@example.test", "a/b@example.test", true}, {"**", "x", true}, {"x*", "x", true},
	}
	for _, tt := range tests {
		if got := glob(tt.pattern, tt.text); got != tt.want {
			t.Errorf("glob(%q, %q) = %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}

// TestGlobAgrees with path.Match where that means the same.
func TestGlobAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab?*]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "text")
		want, err := path.Match(pattern, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := glob(pattern, text); got != want {
			t.Fatalf("glob(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

func TestByDomain(t *testing.T) {
	in := []string{"b@a.test", "a@b.test", `x@y@a.test`, "@a.test", "a@a.test"}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SampledFrom(in).Draw(t, "a"), rapid.SampledFrom(in).Draw(t, "b")
		if byDomain(a, b) != -byDomain(b, a) || (byDomain(a, b) == 0) != (a == b) {
			t.Fatalf("byDomain(%q, %q) = %d and %d back", a, b, byDomain(a, b), byDomain(b, a))
		}
	})
	if byDomain("z@a.test", "a@b.test") >= 0 || byDomain("a@a.test", "b@a.test") >= 0 {
		t.Error("byDomain does not order by domain, then by local part")
	}
}

func TestParseTTL(t *testing.T) {
	const most = 40 * 24 * time.Hour
	tests := []struct {
		text string
		want time.Duration // 0: refused
	}{
		{"", 7}, {"5m", 5 * time.Minute}, {"30d", 30 * 24 * time.Hour}, {"1s", time.Second},
		{"0", 0}, {"0d", 0}, {"-5m", 0}, {"41d", 0}, {"99999999d", 0}, {"-1d", 0}, {"1.5d", 0}, {"soon", 0}, {"d", 0}, {"500ms", 0},
	}
	for _, tt := range tests {
		got, err := parseTTL(tt.text, 7, most)
		if got != tt.want || (err != nil) != (tt.want == 0) {
			t.Errorf("parseTTL(%q) = %v, %v, want %v", tt.text, got, err, tt.want)
		}
	}
}

// FuzzCheckJSON: what passes is JSON that encoding/json reads the one way it
// can be read; what does not is refused, not crashed on.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"address":"a@b.test","quota_bytes":null}`, `{"a":{"b":[1,2,{"c":true}]}}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`,
		`{"A":1}`, `[1e5]`, `9223372036854775808`, `"\ud800"`, "\"\xff\"", `{"a":`, `{} x`, `[[[[[[[[[[]]]]]]]]]]`, `null`, ` `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := checkJSON(data)
		var v any
		err := json.Unmarshal(data, &v)
		switch {
		case p == nil && err != nil:
			t.Fatalf("checkJSON(%q) passes, Unmarshal: %v", data, err)
		case p == nil:
			once(t, v)
		case p.Status < 400 || p.Status >= 500 || p.Detail == "":
			t.Fatalf("checkJSON(%q) = %+v, want a refusal with a reason", data, p)
		}
	})
}

// once wants names that encoding/json cannot take for another.
func once(t *testing.T, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if !plain(name) {
				t.Fatalf("field %q passed", name)
			}
			once(t, inner)
		}
	case []any:
		for _, inner := range v {
			once(t, inner)
		}
	}
}
