package metrics

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/authsock/quotadict"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
	"github.com/gatepost/gatepost/policy"
	"github.com/gatepost/gatepost/policy/delegation"
	"github.com/gatepost/gatepost/policy/socketmap"
)

// doors are the doors of the configuration.
var doors = []string{"policy", "socketmap", "auth", "auth-master", "quota", "admin", "metrics"}

// lineDoors are those of them whose protocol has lines.
var lineDoors = []string{"auth", "auth-master", "quota"}

// touched returns metrics in which everything that can happen has happened once.
func touched(t testing.TB) *Metrics {
	m := all(t)
	conns := map[string]serve.Hooks{}
	for _, door := range doors {
		conns[door] = m.Door(door)
		conns[door].Conns(1)
		conns[door].Refused()
		conns[door].Panicked()
	}
	touchPolicy(m.Delegation(conns["policy"]))
	touchSocketmap(m.Socketmap(conns["socketmap"]))
	touchLogins(m)
	for _, door := range lineDoors {
		for why := range tabline.MalformationCount {
			m.Lines(door)(why)
		}
	}
	for _, result := range quotadict.Results() {
		m.Reported(result)
	}
	m.Directory().Committed(2, time.Millisecond, errors.New("disk full"))
	m.Pruned(nil)
	m.Pruned(errors.New("no snapshot"))
	m.Snapshot(nil)
	m.Snapshot(errors.New("disk full"))
	admin := m.Admin(conns["admin"])
	for _, c := range command.All() {
		for _, result := range adminsock.Results() {
			admin.Command(c.Name, result, time.Millisecond)
		}
	}
	return m
}

func touchPolicy(h delegation.Hooks) {
	for stage := range policy.Stage(policy.StageCount) {
		for rule := range policy.RuleCount {
			for action := range policy.ActionCount {
				h.Decision(stage, rule, action, 3*time.Microsecond)
			}
			h.Watched(stage, rule, policy.Warn)
			h.Watched(stage, rule, policy.Shadow)
		}
	}
	for u := range policy.UnknownCount {
		h.Unknown(u)
	}
	for why := range delegation.MalformationCount {
		h.Malformed(why)
	}
}

func touchSocketmap(h socketmap.Hooks) {
	for name := range socketmap.MapCount {
		for result := range socketmap.ResultCount {
			h.Query(name, result, 3*time.Microsecond)
		}
	}
	for why := range socketmap.MalformationCount {
		h.Malformed(why)
	}
}

func touchLogins(m *Metrics) {
	for _, service := range login.Services() {
		for _, mechanism := range login.Mechanisms() {
			for _, result := range login.Results() {
				m.Login().Login(service, mechanism, result, time.Millisecond)
			}
		}
	}
	h := m.Password()
	h.Running(1)
	h.Waiting(1)
	for _, scheme := range []password.Scheme{password.Argon2ID, password.BLFCrypt, password.SHA512Crypt} {
		h.Took(scheme, 20*time.Millisecond)
	}
}

// family is a metric as the page has it.
type family struct {
	name, kind, help string
	labels           map[string][]string // the values of each, sorted
	buckets          []float64           // upper bounds, of a histogram
}

// families returns every metric of m, sorted by name.
func families(t testing.TB, m *Metrics) []family {
	t.Helper()
	gathered, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var list []family
	for _, g := range gathered {
		f := family{name: g.GetName(), kind: strings.ToLower(g.GetType().String()), help: g.GetHelp(), labels: map[string][]string{}}
		for _, series := range g.GetMetric() {
			for _, l := range series.GetLabel() {
				f.labels[l.GetName()] = append(f.labels[l.GetName()], l.GetValue())
			}
		}
		for name, values := range f.labels {
			slices.Sort(values)
			f.labels[name] = slices.Compact(values)
		}
		for _, b := range g.GetMetric()[0].GetHistogram().GetBucket() {
			f.buckets = append(f.buckets, b.GetUpperBound())
		}
		list = append(list, f)
	}
	return list
}

// labelNames returns the names of the labels, sorted.
func (f family) labelNames() []string { return slices.Sorted(maps.Keys(f.labels)) }

// Everything that is counted can be counted: no series is made that no hook
// fills, and none appears only when it is first used.
func TestEverySeries(t *testing.T) {
	m := all(t)
	for _, door := range doors {
		m.Door(door)
	}
	for _, door := range lineDoors {
		m.Lines(door)
	}
	idle := gather(t, m)
	for name, value := range gather(t, touched(t)) {
		if !strings.HasPrefix(name, "gatepost_") {
			continue
		}
		if _, there := idle[name]; !there {
			t.Errorf("%s appears only when it is used: increase() misses its first step", name)
		}
		metric, _, _ := strings.Cut(name, "{")
		if strings.HasSuffix(metric, "_total") && value == 0 {
			t.Errorf("%s was not counted by any hook", name)
		}
	}
}
