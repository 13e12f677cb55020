package metrics

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

//go:generate go test -count=1 -run TestReferenceIsFresh . -update

func TestReferenceIsFresh(t *testing.T) {
	const path = "../docs/metrics.md"
	want := reference(families(t, touched(t)))
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
		t.Errorf("docs/metrics.md is stale; run go test ./metrics -update (-want +got):\n%s", diff)
	}
}

// Each metric of ours has its words, and no words are about a metric that is
// gone.
func TestWords(t *testing.T) {
	known := map[string]bool{}
	for _, f := range families(t, touched(t)) {
		known[f.name] = true
		if ours(f.name) && words[f.name] == "" {
			t.Errorf("words_test.go does not say what to do when %s moves", f.name)
		}
	}
	for name := range words {
		if !known[name] {
			t.Errorf("words_test.go has %s, which is no metric", name)
		}
	}
	for name := range borrowed {
		if !known[name] {
			t.Errorf("words_test.go borrows %s, which is not on the page", name)
		}
	}
}

func ours(name string) bool { return strings.HasPrefix(name, namespace+"_") }

// subsystems are the chapters of docs/metrics.md, in the order in which people
// look for them.
var subsystems = []struct{ prefix, title string }{
	{"", "The process"},
	{"policy_", "Policy"},
	{"socketmap_", "Lookups of Postfix"},
	{"login_", "Logins"},
	{"password_", "Password hashes"},
	{"quota_", "Usage of mailboxes"},
	{"directory_", "The directory and its store"},
	{"admin_", "Administration"},
	{"door_", "Doors"},
}

// subsystem returns the chapter of a metric.
func subsystem(f family) string {
	for _, s := range subsystems[1:] {
		if strings.HasPrefix(f.name, namespace+"_"+s.prefix) {
			return s.prefix
		}
	}
	return ""
}

// reference returns docs/metrics.md.
func reference(all []family) string {
	all = slices.DeleteFunc(slices.Clone(all), func(f family) bool { return !ours(f.name) })
	var b strings.Builder
	b.WriteString(`# Metrics

Made from the registry in ` + "`metrics`" + `; do not edit. ` + "`go test ./metrics -update`" + ` makes it anew.

gatepostd shows its metrics at ` + "`http://127.0.0.1:9560/metrics`" + ` (door ` + "`metrics`" + `), as text or as OpenMetrics.
All names and labels on this page are promises; dashboards and alerts are written with them. [monitoring](monitoring/README.md)
has both, ready to use.

- Label sets are closed: a label never holds an address, a domain, or anything else that a peer sent.
- Every series is there from the start, with 0, so that ` + "`increase()`" + ` sees the first step.
- Counters begin at 0 with each start of gatepostd; ` + "`rate()` and `increase()`" + ` know that.

| metric | type | what it is |
| --- | --- | --- |
`)
	for _, s := range subsystems {
		for _, f := range all {
			if subsystem(f) == s.prefix {
				fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", f.name, f.name, f.kind, summary(f.help))
			}
		}
	}
	for _, s := range subsystems {
		fmt.Fprintf(&b, "\n## %s\n", s.title)
		for _, f := range all {
			if subsystem(f) == s.prefix {
				f.document(&b)
			}
		}
	}
	documentBorrowed(&b)
	return b.String()
}

// summary returns a help text up to its first colon or full stop.
func summary(help string) string {
	if i := strings.IndexAny(help, ".:"); i >= 0 {
		return help[:i]
	}
	return help
}

// document writes the section of a metric.
func (f family) document(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n%s. %s\n", f.name, strings.ToUpper(f.kind[:1])+f.kind[1:], f.help)
	if len(f.labels) > 0 {
		b.WriteString("\n| label | values |\n| --- | --- |\n")
	}
	for _, name := range f.labelNames() {
		values := "`" + strings.Join(f.labels[name], "`, `") + "`"
		if open := openLabels[name]; open != "" {
			values = open
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, values)
	}
	if len(f.buckets) > 0 {
		fmt.Fprintf(b, "\nUpper bounds of the buckets: %s.\n", strings.Join(f.bounds(), ", "))
	}
	fmt.Fprintf(b, "\n**When it moves:** %s\n", words[f.name])
}

// bounds returns the buckets' upper bounds as people write them.
func (f family) bounds() []string {
	list := make([]string, 0, len(f.buckets))
	for _, bound := range f.buckets {
		if !strings.HasSuffix(f.name, "_seconds") {
			list = append(list, strconv.FormatFloat(bound, 'f', -1, 64))
			continue
		}
		list = append(list, seconds(bound))
	}
	return list
}

// seconds writes a duration in the unit that needs the fewest digits.
func seconds(s float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1}, {"ms", 1e-3}} {
		if s >= unit.size {
			return strconv.FormatFloat(s/unit.size, 'g', 3, 64) + " " + unit.name
		}
	}
	return strconv.FormatFloat(s/1e-6, 'g', 3, 64) + " µs"
}

func documentBorrowed(b *strings.Builder) {
	b.WriteString(`
## Go and the operating system

The page also has what every Go program shows, ` + "`go_*` and `process_*`" + `. The dashboard and the alerts use of them:

| metric | what it is |
| --- | --- |
`)
	for _, name := range slices.Sorted(maps.Keys(borrowed)) {
		fmt.Fprintf(b, "| `%s` | %s |\n", name, borrowed[name])
	}
}
