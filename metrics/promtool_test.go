//go:build e2e

package metrics

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// promtool runs Prometheus' own checker. It is in Debian's package prometheus,
// which tools/install-deps --test installs.
func promtool(t *testing.T, stdin io.Reader, args ...string) {
	t.Helper()
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolMetrics(t *testing.T) {
	w := httptest.NewRecorder()
	handler := promhttp.HandlerFor(touched(t).registry, promhttp.HandlerOpts{})
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	page := w.Body.String()
	if !strings.Contains(page, "gatepost_policy_decisions_total{") {
		t.Fatalf("the page has no decisions:\n%s", page)
	}
	promtool(t, strings.NewReader(page), "check", "metrics")
}

func TestPromtoolFiles(t *testing.T) {
	for _, row := range []struct {
		name string
		args []string
	}{
		{"rules", []string{"check", "rules", "--lint=all", "--lint-fatal", monitoring + "alerts.yml"}},
		{"tests of the rules", []string{"test", "rules", monitoring + "alerts_test.yml"}},
		{"configuration", []string{"check", "config", monitoring + "prometheus.yml"}},
	} {
		t.Run(row.name, func(t *testing.T) { promtool(t, nil, row.args...) })
	}
}

// The dashboard's expressions are PromQL: promtool reads them as rules, with
// Grafana's variables filled in.
func TestPromtoolDashboard(t *testing.T) {
	fill := strings.NewReplacer("$__rate_interval", "1m", "$__interval", "15s", "$job", "gatepost", "$instance", ".+")
	all := readDashboard(t).expressions()
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for i, place := range slices.Sorted(maps.Keys(all)) {
		expr := fill.Replace(all[place])
		if !strings.HasPrefix(place, "variable ") {
			fmt.Fprintf(&rules, "      - record: panel_%d\n        expr: %q\n", i, expr)
		}
	}
	name := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(name, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "check", "rules", name)
}
