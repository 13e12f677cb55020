package metrics

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreign are the series of Prometheus and of the blackbox exporter, with their
// labels.
var foreign = map[string][]string{
	"up":            {},
	"ALERTS":        {"alertname", "alertstate"},
	"probe_success": {},
}

// The parts of a PromQL expression that name metrics and labels.
var (
	selector = regexp.MustCompile(`\b((?:gatepost|process|go|probe)_[a-z_]+|up|ALERTS)\b(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|on|without|ignoring) \(([^)]*)\)`)
	template = regexp.MustCompile(`\{\{ ?(?:\$labels\.)?(\w+) ?\}\}`)
)

// page is what may be asked for: the labels of each series.
type page map[string]family

func readPage(t testing.TB) page {
	p := page{}
	for _, f := range families(t, touched(t)) {
		p[f.name] = f
		if f.kind != "histogram" {
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			p[f.name+suffix] = f
		}
	}
	for name, labels := range foreign {
		f := family{name: name, labels: map[string][]string{}}
		for _, l := range labels {
			f.labels[l] = nil
		}
		p[name] = f
	}
	return p
}

// check returns what is wrong in an expression, and the metrics it uses. texts
// are templates that are filled from its result.
func (p page) check(expr string, texts ...string) (wrong, used []string) {
	known := []string{"job", "instance", "le", "quantile"}
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		f, there := p[m[1]]
		if !there {
			wrong = append(wrong, "no metric "+m[1])
			continue
		}
		used = append(used, f.name)
		known = append(known, f.labelNames()...)
		wrong = append(wrong, f.checkMatchers(m[2])...)
	}
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(m[1], ",") {
			if !slices.Contains(known, strings.TrimSpace(l)) {
				wrong = append(wrong, "no label "+l)
			}
		}
	}
	for _, m := range template.FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		if !slices.Contains(known, m[1]) {
			wrong = append(wrong, "no label "+m[1]+" for the text")
		}
	}
	return wrong, used
}

// checkMatchers returns what is wrong between the braces behind a metric.
func (f family) checkMatchers(matchers string) (wrong []string) {
	for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
		label, operator, value := m[1], m[2], m[3]
		if slices.Contains([]string{"job", "instance", "quantile"}, label) {
			continue
		}
		values, there := f.labels[label]
		if !there {
			wrong = append(wrong, f.name+" has no label "+label)
			continue
		}
		alternatives := []string{value}
		if strings.HasSuffix(operator, "~") {
			alternatives = strings.Split(value, "|")
		}
		for _, a := range alternatives {
			if values != nil && !slices.Contains(values, a) {
				wrong = append(wrong, f.name+" never has "+label+"="+a)
			}
		}
	}
	return wrong
}

// What the dashboard and the alerts ask for is there, and what is there is
// asked for.
func TestUse(t *testing.T) {
	p := readPage(t)
	use := map[string]bool{}
	ask := func(place, expr string, texts ...string) {
		t.Helper()
		wrong, used := p.check(expr, texts...)
		for _, w := range wrong {
			t.Errorf("%s: %s in %s", place, w, expr)
		}
		if len(used) == 0 {
			t.Errorf("%s uses no metric: %s", place, expr)
		}
		for _, name := range used {
			use[name] = true
		}
	}
	d := readDashboard(t)
	for place, expr := range d.expressions() {
		ask(place, expr)
	}
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			ask(panel.Title, target.Expr, target.LegendFormat)
		}
	}
	for _, a := range readAlerts(t) {
		summary := regexp.MustCompile(`summary: .*`).FindString(a.text)
		ask(a.name, a.expr, summary)
	}
	for name := range p {
		_, lent := borrowed[p[name].name]
		if watched := use[p[name].name]; watched != (ours(name) || lent) && foreign[name] == nil {
			t.Errorf("%s: used by the dashboard or an alert = %v; every metric of ours and every borrowed one is, no other", name, watched)
		}
	}
}

// The check must be able to refuse.
func TestCheck(t *testing.T) {
	p := readPage(t)
	for _, row := range []struct {
		name, expr, text string
		wrong            bool
	}{
		{"a metric", `gatepost_ready == 0`, "", false},
		{"no metric", `gatepost_reddy == 0`, "", true},
		{"a histogram's series", `rate(gatepost_login_duration_seconds_bucket{result="ok"}[5m])`, "", false},
		{"a counter has no buckets", `rate(gatepost_login_attempts_total_bucket[5m])`, "", true},
		{"no label", `gatepost_ready{door="policy"}`, "", true},
		{"no value", `gatepost_door_connections{door="front"}`, "", true},
		{"one of two values", `gatepost_door_connections{door=~"policy|front"}`, "", true},
		{"grouped by a label", `sum by (instance, door) (gatepost_door_connections)`, "{{ $labels.door }}", false},
		{"grouped by no label", `sum by (instance, port) (gatepost_door_connections)`, "", true},
		{"a text with no label", `gatepost_door_connections`, "{{port}}", true},
	} {
		if wrong, _ := p.check(row.expr, row.text); (wrong != nil) != row.wrong {
			t.Errorf("%s: check(%s) = %q", row.name, row.expr, wrong)
		}
	}
}
