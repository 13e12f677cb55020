package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/internal/serve"
)

const monitoring = "../docs/monitoring/"

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// panel is a panel of the dashboard, as far as it is checked.
type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               struct{ UID string }
	Targets                  []struct{ RefID, Expr, LegendFormat string }
}

type dashboard struct {
	SchemaVersion int
	Annotations   struct{ List []struct{ Expr string } }
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

func readDashboard(t testing.TB) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana-dashboard.json")), &d); err != nil {
		t.Fatalf("grafana-dashboard.json: %v", err)
	}
	return d
}

// expressions returns every PromQL expression of the dashboard, by its place.
func (d dashboard) expressions() map[string]string {
	all := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[p.Title+" "+target.RefID] = target.Expr
		}
	}
	for i, a := range d.Annotations.List {
		if a.Expr != "" {
			all[fmt.Sprintf("annotation %d", i)] = a.Expr
		}
	}
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			all["variable "+v.Name] = v.Definition
		}
	}
	return all
}

func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	if d.SchemaVersion < 39 {
		t.Errorf("schemaVersion %d is older than Grafana 11", d.SchemaVersion)
	}
	readme := read(t, "README.md")
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: the id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		checkPlace(t, p, cells)
		line := "| " + p.Title + " | " + p.Description + " |"
		switch {
		case p.Type == "row":
			line = "### " + p.Title
		case p.Datasource.UID != "${datasource}" || p.Description == "" || len(p.Targets) == 0:
			t.Errorf("%s lacks description, target or the variable data source", p.Title)
		}
		if !strings.Contains(readme, line+"\n") {
			t.Errorf("README.md lacks the line\n%s", line)
		}
	}
	panels := readme[strings.Index(readme, "## The panels"):strings.Index(readme, "## The alerts")]
	if rows := strings.Count(panels, "\n| ") - strings.Count(panels, "\n| --- "); rows != len(d.Panels) {
		// each of the dashboard's rows has a table with a head instead of a line
		t.Errorf("README.md explains %d panels and heads, the dashboard has %d panels and rows", rows, len(d.Panels))
	}
}

// checkPlace puts a panel onto the grid of 24 columns.
func checkPlace(t *testing.T, p panel, cells map[[2]int]string) {
	t.Helper()
	g := p.GridPos
	if g.X < 0 || g.W < 1 || g.X+g.W > 24 || g.H < 1 {
		t.Errorf("%s is outside the grid: %+v", p.Title, g)
	}
	for x := g.X; x < g.X+g.W; x++ {
		for y := g.Y; y < g.Y+g.H; y++ {
			if other := cells[[2]int{x, y}]; other != "" {
				t.Errorf("%s covers %s", p.Title, other)
				return
			}
			cells[[2]int{x, y}] = p.Title
		}
	}
}

// alert is a rule of alerts.yml.
type alert struct{ name, expr, text string }

// readAlerts reads alerts.yml, which promtool has found to be well-formed, by
// its lines.
func readAlerts(t testing.TB) []alert {
	t.Helper()
	var list []alert
	blocks := strings.Split(read(t, "alerts.yml"), "- alert: ")
	for _, block := range blocks[1:] {
		name, _, _ := strings.Cut(block, "\n")
		_, rest, _ := strings.Cut(block, "expr:")
		expr := regexp.MustCompile(`\n\s+(for|labels):`).Split(rest, 2)[0]
		expr = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(expr), ">-"))
		list = append(list, alert{name, expr, block})
	}
	return list
}

func TestAlerts(t *testing.T) {
	readme, cases := read(t, "README.md"), read(t, "alerts_test.yml")
	alerts := readAlerts(t)
	if len(alerts) == 0 {
		t.Fatal("alerts.yml has no alerts")
	}
	for _, a := range alerts {
		severity := regexp.MustCompile(`severity: (critical|warning)\n`).FindStringSubmatch(a.text)
		if severity == nil || !strings.Contains(a.text, "summary: ") {
			t.Errorf("%s lacks severity or summary", a.name)
			continue
		}
		if want := "README.md#" + strings.ToLower(a.name) + "\n"; !strings.Contains(a.text, want) {
			t.Errorf("%s lacks a runbook_url that ends in %s", a.name, want)
		}
		word := strings.ToUpper(severity[1][:1]) + severity[1][1:]
		if !strings.Contains(readme, "\n### "+a.name+"\n\n"+word+": ") {
			t.Errorf("README.md lacks a section %s that begins with %s:", a.name, word)
		}
		asked := regexp.MustCompile(`alertname: `+a.name+`\n\s+eval_time: \w+\n\s+exp_alerts:( \[\])?\n`).FindAllStringSubmatch(cases, -1)
		quiet := func(m []string) bool { return m[1] != "" }
		if !slices.ContainsFunc(asked, quiet) || !slices.ContainsFunc(asked, func(m []string) bool { return !quiet(m) }) {
			t.Errorf("alerts_test.yml lacks a case in which %s fires, or one in which it does not", a.name)
		}
	}
	if sections := strings.Count(readme, "\n### Gatepost"); sections != len(alerts) {
		t.Errorf("README.md explains %d alerts, there are %d", sections, len(alerts))
	}
}

// The limits in words and expressions are those of the doors.
func TestLimits(t *testing.T) {
	for _, name := range []string{"alerts.yml", "README.md", "grafana-dashboard.json"} {
		for _, limit := range []int{serve.DefaultMaxConns, adminsock.DefaultMaxConns} {
			if !strings.Contains(read(t, name), fmt.Sprint(limit)) {
				t.Errorf("%s does not know the limit %d", name, limit)
			}
		}
	}
}
