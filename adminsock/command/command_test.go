package command_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/adminsock/command"
)

//go:generate go test -count=1 . -update

var update = flag.Bool("update", false, "write docs/commands.md anew")

func TestDocumentIsFresh(t *testing.T) {
	const path = "../../docs/commands.md"
	want := command.Markdown()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/commands.md is stale; run go test ./adminsock/command -update (-want +got):\n%s", diff)
	}
}

// TestTable checks what the rest of the house relies on.
func TestTable(t *testing.T) {
	names, routes := map[string]bool{}, map[string]bool{}
	path := regexp.MustCompile(`\{([a-z]+)\}`)
	for _, s := range command.All() {
		t.Run(s.Name, func(t *testing.T) {
			if route := s.Method + " " + s.Path; names[s.Name] || routes[route] {
				t.Errorf("%s or %s twice", s.Name, route)
			} else {
				names[s.Name], routes[route] = true, true
			}
			if s.Summary == "" || s.Permission == "" || strings.HasSuffix(s.Summary, ".") {
				t.Errorf("%+v lacks something, or its summary ends in a full stop", s)
			}
			if reads := s.Method == http.MethodGet; reads == s.Write {
				t.Errorf("Method = %s, Write = %v", s.Method, s.Write)
			}
			if s.Write == (s.Done == "") {
				t.Errorf("Write = %v, Done = %q", s.Write, s.Done)
			}
			if s.Stream && s.Media == "" {
				t.Error("Stream without Media")
			}
			if s.Or != "" && command.Find(s.Or) == nil {
				t.Errorf("Or = %q, which is no command", s.Or)
			}
			for _, m := range path.FindAllStringSubmatch(s.Path, -1) {
				if p, ok := s.Param(m[1]); !ok || p.Place != command.InPath || p.Use != command.Arg {
					t.Errorf("path parameter %s = %+v, want an argument", m[1], p)
				}
			}
			if _, ok := s.Param(s.Object); s.Object != "" && !ok {
				t.Errorf("Object = %q, which is no parameter", s.Object)
			}
			checkParams(t, s)
		})
	}
}

func checkParams(t *testing.T, s *command.Spec) {
	cli, http := map[string]bool{}, map[string]bool{}
	for _, p := range s.Params() {
		if p.Doc == "" || p.Field == "" {
			t.Errorf("parameter %+v has no documentation or no name", p)
		}
		if http[p.Field] || p.Use != "" && cli[p.Name] {
			t.Errorf("parameter %+v twice", p)
		}
		http[p.Field] = true
		if p.Use != "" {
			cli[p.Name] = true
		}
		switch p.Use {
		case "", command.Arg, command.Args, command.Flag, command.Key, command.Hidden, command.Instead, command.File, command.Source, command.Target:
		default:
			t.Errorf("parameter %s: cli tag %q is not known", p.Field, p.Use)
		}
		switch p.Kind {
		case command.Text, command.Bool, command.Number, command.List, command.Size, command.Limit, command.Object:
		default:
			t.Errorf("parameter %s: kind %q is not known", p.Field, p.Kind)
		}
		if p.Use != "" && p.Kind == command.Object && p.Place != command.AsBody && p.Place != command.AsAnswer {
			t.Errorf("parameter %s is an object, which no command line can give", p.Field)
		}
		if p.Complete != "" && command.Find(p.Complete+" list") == nil {
			t.Errorf("parameter %s: nobody lists %q", p.Field, p.Complete)
		}
	}
}

func TestParams(t *testing.T) {
	tests := []struct {
		command, field string
		want           command.Param
	}{
		{"user add", "address", command.Param{Field: "address", Name: "address", Place: command.InBody, Kind: command.Text, Use: command.Arg, Doc: "the user's address"}},
		{"user set", "display_name", command.Param{Field: "display_name", Name: "name", Place: command.InBody, Kind: command.Text, Use: command.Key, Doc: "the person's name"}},
		{"domain set", "max_bytes", command.Param{Field: "max_bytes", Name: "max-bytes", Place: command.InBody, Kind: command.Size, Use: command.Key, Doc: "the most its users' limits may be together; none for no limit"}},
		{"user set", "If-Match", command.Param{Field: "If-Match", Name: "If-Match", Place: command.InHeader, Kind: command.Text, Doc: "the revision that was seen, in double quotes"}},
		{"audit tail", "limit", command.Param{Field: "limit", Name: "limit", Short: "n", Place: command.InQuery, Kind: command.Number, Use: command.Flag, Doc: "at most so many changes"}},
		{"backup", "file", command.Param{Field: "file", Name: "file", Place: command.AsAnswer, Kind: command.Object, Use: command.Target, Doc: "where to save it; - is standard output"}},
		{"backup", "force", command.Param{Field: "force", Name: "force", Place: command.Nowhere, Kind: command.Bool, Use: command.Flag, Doc: "replace a file that is there"}},
		{"restore", "file", command.Param{Field: "file", Name: "file", Place: command.AsBody, Kind: command.Object, Use: command.Source, Doc: "the backup; - is standard input"}},
		{"user list", "limit", command.Param{Field: "limit", Name: "limit", Place: command.InQuery, Kind: command.Number, Use: command.Flag, Doc: "at most so many"}},
		{"alias set", "targets", command.Param{Field: "targets", Name: "TARGET", Place: command.InBody, Kind: command.List, Use: command.Args, Complete: "user", Doc: "where its mail goes"}},
		{"user set", "keep_copy", command.Param{Field: "keep_copy", Name: "keep-copy", Place: command.InBody, Kind: command.Bool, Use: command.Key, Doc: "forwarded mail stays in the mailbox too"}},
	}
	for _, tt := range tests {
		t.Run(tt.command+" "+tt.field, func(t *testing.T) {
			got, ok := command.Find(tt.command).Param(tt.field)
			if !ok {
				t.Fatalf("Param(%q): none", tt.field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Param(%q) (-want +got):\n%s", tt.field, diff)
			}
		})
	}
}

func TestOptional(t *testing.T) {
	type fields struct {
		A command.Optional[*int64]   `json:"a,omitzero"`
		B command.Optional[[]string] `json:"b,omitzero"`
	}
	seven := int64(7)
	tests := []struct {
		name, text string
		want       fields
	}{
		{"left out", `{}`, fields{}},
		{"null is the default, and was given", `{"a":null,"b":null}`, fields{A: command.Some[*int64](nil), B: command.Some[[]string](nil)}},
		{"values", `{"a":7,"b":["x"]}`, fields{A: command.Some(&seven), B: command.Some([]string{"x"})}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got fields
			if err := json.Unmarshal([]byte(tt.text), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Unmarshal(%s) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	const clear = "Hunter-2222"
	var in struct{ Password command.Secret }
	if err := json.Unmarshal([]byte(`{"Password":"Hunter-2222"}`), &in); err != nil || string(in.Password) != clear {
		t.Fatalf("Unmarshal = %q, %v, want %q", []byte(in.Password), err, clear)
	}
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "password", in.Password)
	for _, printed := range []string{
		fmt.Sprintf("%v %s %q %x %d %#v %+v", in, in.Password, in.Password, in.Password, in.Password, in, in),
		string(encoded), logged.String(),
	} {
		if strings.Contains(printed, "Hunter") || strings.Contains(printed, "48756e") || strings.Contains(printed, "72 117") || !strings.Contains(printed, "[redacted]") {
			t.Errorf("printed as %q, want [redacted]", printed)
		}
	}
}

func TestSecretErrorsHoldNoInput(t *testing.T) {
	for _, text := range []string{`{"p":["Hunter"]}`, `{"p":{"Hunter":1}}`, `{"p":42}`, "{\"p\":\"Hunter\xff\"}"} {
		var in struct{ P command.Secret }
		err := json.Unmarshal([]byte(text), &in)
		if err == nil || strings.Contains(err.Error(), "Hunter") || strings.Contains(err.Error(), "42") {
			t.Errorf("Unmarshal(%q) = %v, want an error without the input", text, err)
		}
	}
}

func TestEveryNounIsDescribed(t *testing.T) {
	for _, s := range command.All() {
		words := strings.Fields(s.Name)
		for i := 1; i < len(words); i++ {
			if noun := strings.Join(words[:i], " "); command.Nouns()[noun] == "" {
				t.Errorf("Nouns()[%q] is missing", noun)
			}
		}
		if s.In.Kind() != reflect.Struct || s.Out.Kind() != reflect.Struct {
			t.Errorf("%s: In and Out must be structs", s.Name)
		}
	}
}
