package metrics

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/authsock/quotadict"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
	"github.com/gatepost/gatepost/policy/socketmap"
)

// all returns metrics with everything registered that a running daemon has.
func all(t testing.TB) *Metrics {
	d, _ := testkit.Standard(t)
	m := New("1.2.3")
	m.Watch(d, store.Reasons(), func() string { return store.ReasonDiskFull })
	m.Rebuilt(func() bool { return false })
	m.WatchLog(func() int64 { return 7 })
	m.WatchTrail(func() Trail { return Trail{Oldest: time.UnixMilli(1500), Bytes: 4096, Segments: 2} })
	m.Door("policy")
	NewServer(m, Health{Alive: fine, Ready: fine}, serve.Hooks{}, slog.New(slog.DiscardHandler))
	return m
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(all(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The names are promises: dashboards and alerts are written with them.
func TestNames(t *testing.T) {
	families, err := all(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "gatepost_") {
			names = append(names, f.GetName())
		} else if !strings.HasPrefix(f.GetName(), "go_") && !strings.HasPrefix(f.GetName(), "process_") {
			t.Errorf("%s has none of the prefixes gatepost_, go_, process_", f.GetName())
		}
	}
	want := []string{
		"gatepost_admin_command_duration_seconds",
		"gatepost_admin_commands_total",
		"gatepost_build_info",
		"gatepost_degraded",
		"gatepost_directory_commit_commands",
		"gatepost_directory_commit_duration_seconds",
		"gatepost_directory_commit_failures_total",
		"gatepost_directory_names",
		"gatepost_directory_revision",
		"gatepost_door_connections",
		"gatepost_door_malformed_requests_total",
		"gatepost_door_panics_total",
		"gatepost_door_refused_connections_total",
		"gatepost_log_dropped_lines_total",
		"gatepost_login_attempts_total",
		"gatepost_login_duration_seconds",
		"gatepost_password_hash_duration_seconds",
		"gatepost_password_verifications_running",
		"gatepost_password_verifications_waiting",
		"gatepost_policy_decision_duration_seconds",
		"gatepost_policy_decisions_total",
		"gatepost_policy_unknown_facts_total",
		"gatepost_policy_watched_total",
		"gatepost_quota_reports_total",
		"gatepost_ready",
		"gatepost_socketmap_queries_total",
		"gatepost_socketmap_query_duration_seconds",
		"gatepost_store_journal_bytes",
		"gatepost_store_journal_oldest_timestamp_seconds",
		"gatepost_store_journal_segments",
		"gatepost_store_prune_failures_total",
		"gatepost_store_rebuilt",
		"gatepost_store_snapshot_failures_total",
		"gatepost_store_snapshot_success_timestamp_seconds",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names: -want +got\n%s", diff)
	}
}

// Labels come from closed sets: nothing that a peer sends becomes one.
func TestLabels(t *testing.T) {
	closed := []string{"door", "kind", "rule", "action", "stage", "service", "mechanism", "result", "command", "map", "reason",
		"mode", "fact", "scheme", "version", "goversion", "revision"}
	families, err := all(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			series++
			for _, l := range metric.GetLabel() {
				if strings.HasPrefix(f.GetName(), "gatepost_") && !slices.Contains(closed, l.GetName()) {
					t.Errorf("%s has the label %s", f.GetName(), l.GetName())
				}
			}
		}
	}
	if series > 1000 {
		t.Errorf("%d series; a page of them is scraped every few seconds", series)
	}
}

func TestCounts(t *testing.T) {
	m := all(t)
	hooks := m.Delegation(m.Door("policy"))
	hooks.Decision(policy.AtRecipient, policy.RecipientSendOnly, policy.Reject, time.Microsecond)
	hooks.Watched(policy.AtRecipient, policy.SenderNotOwner, policy.Shadow)
	hooks.Watched(policy.AtRecipient, policy.SenderNotOwner, policy.Enforce) // never happens, and must not panic
	hooks.Unknown(policy.RecipientUsage)
	hooks.Malformed(0)
	hooks.Conns(3)
	hooks.Refused()
	hooks.Panicked()
	m.Login().Login(login.IMAP, login.Plain, login.Denied, time.Millisecond)
	m.Password().Running(2)
	m.Password().Waiting(7)
	m.Reported(quotadict.Stale)
	m.Socketmap(serve.Hooks{}).Query(socketmap.Senders, socketmap.Found, time.Microsecond)
	m.Admin(serve.Hooks{}).Command("user add", adminsock.Refused, time.Millisecond)
	m.Admin(serve.Hooks{}).Command("user no-such", adminsock.Refused, time.Millisecond)
	m.Directory().Committed(5, time.Millisecond, nil)
	m.Directory().Committed(5, time.Millisecond, errors.New("disk full"))
	m.Snapshot(errors.New("disk full"))
	m.Pruned(nil)
	m.Pruned(errors.New("disk full"))
	values := gather(t, m)
	for name, value := range map[string]float64{
		`gatepost_policy_decisions_total{action="reject",rule="recipient-send-only",stage="rcpt"}`: 1,
		`gatepost_policy_watched_total{mode="shadow",rule="sender-not-owner",stage="rcpt"}`:        1,
		`gatepost_policy_unknown_facts_total{fact="recipient-usage"}`:                              1,
		`gatepost_door_malformed_requests_total{door="policy",reason="no-attribute"}`:              1,
		`gatepost_log_dropped_lines_total`:                                                         7,
		`gatepost_door_connections{door="policy"}`:                                                 3,
		`gatepost_door_refused_connections_total{door="policy"}`:                                   1,
		`gatepost_door_panics_total{door="policy"}`:                                                1,
		`gatepost_login_attempts_total{mechanism="PLAIN",result="denied",service="imap"}`:          1,
		`gatepost_password_verifications_running`:                                                  2,
		`gatepost_password_verifications_waiting`:                                                  7,
		`gatepost_directory_commit_failures_total`:                                                 1,
		`gatepost_store_snapshot_failures_total`:                                                   1,
		`gatepost_store_snapshot_success_timestamp_seconds`:                                        0,
		`gatepost_store_rebuilt`:                                                                   0,
		`gatepost_store_prune_failures_total`:                                                      1,
		`gatepost_store_journal_bytes`:                                                             4096,
		`gatepost_store_journal_segments`:                                                          2,
		`gatepost_store_journal_oldest_timestamp_seconds`:                                          1.5,
		`gatepost_directory_names{kind="domain"}`:                                                  5,
		`gatepost_quota_reports_total{result="stale"}`:                                             1,
		`gatepost_socketmap_queries_total{map="senders",result="ok"}`:                              1,
		`gatepost_admin_commands_total{command="user add",result="refused"}`:                       1,
		`gatepost_degraded{reason="disk_full"}`:                                                    1,
		`gatepost_degraded{reason="io_error"}`:                                                     0,
	} {
		if got, there := values[name]; !there || got != value {
			t.Errorf("%s = %v (there: %v), want %v", name, got, there, value)
		}
	}
}

// gather returns the value of every counter and gauge, by its name and labels
// as Prometheus writes them.
func gather(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			name := f.GetName()
			if labels != nil {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			values[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return values
}

// The hot paths count without allocating.
func TestNoAllocation(t *testing.T) {
	m := all(t)
	hooks, logins := m.Delegation(serve.Hooks{}), m.Login()
	n := testing.AllocsPerRun(1000, func() {
		hooks.Decision(policy.AtRecipient, policy.NoRule, policy.Pass, 3*time.Microsecond)
		logins.Login(login.IMAP, login.Plain, login.OK, time.Microsecond)
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkDecision(b *testing.B) {
	hooks := all(b).Delegation(serve.Hooks{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			hooks.Decision(policy.AtRecipient, policy.NoRule, policy.Pass, 3*time.Microsecond)
		}
	})
}
