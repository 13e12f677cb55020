// Package systemd_test holds the units, the example configuration and the
// package's scripts against what they must agree with: the doors, their defaults
// in internal/config, and README.md. What systemd itself thinks of the
// units is asked in e2e/debian.
package systemd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// unit is a unit file: the values of each key, by "Section.Key".
type unit map[string][]string

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load(t *testing.T, name string) unit {
	t.Helper()
	u, section := unit{}, ""
	for line := range strings.Lines(read(t, name)) {
		line = strings.TrimSpace(line)
		key, value, assigned := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case !assigned || section == "":
			t.Fatalf("%s: %q is not a line of a unit", name, line)
		default:
			u[section+"."+key] = append(u[section+"."+key], value)
		}
	}
	return u
}

// sockets returns every socket unit.
func sockets(t *testing.T) map[string]unit {
	t.Helper()
	names, err := filepath.Glob("*.socket")
	if err != nil || len(names) == 0 {
		t.Fatalf("no socket units: %v", err)
	}
	all := map[string]unit{}
	for _, name := range names {
		all[name] = load(t, name)
	}
	return all
}

// The sockets of each unit are those that the daemon would make, for the doors
// that there are; Postfix's lie where its chroot sees them.
func TestSockets(t *testing.T) {
	const inChroot = "/var/spool/postfix/gatepost/"
	want := map[string]string{ // what the daemon's own default is called, for another place
		"gatepost-policy.socket":      inChroot + "policy",
		"gatepost-socketmap.socket":   inChroot + "socketmap",
		"gatepost-auth.socket":        inChroot + "auth",
		"gatepost-login.socket":       "/run/gatepost/login",
		"gatepost-auth-master.socket": "",
		"gatepost-quota.socket":       "",
		"gatepost-admin.socket":       "",
		"gatepost-metrics.socket":     "",
	}
	defaults := defaultListeners(t)
	opened := map[config.Door]bool{}
	for name, u := range sockets(t) {
		place, known := want[name]
		delete(want, name)
		door := config.Door(only(t, name, u, "Socket.FileDescriptorName"))
		l, ok := defaults[door]
		if !known || !ok {
			t.Errorf("%s: the door %q, and the unit, are expected nowhere", name, door)
			continue
		}
		opened[door] = true
		if place == "" {
			place = strings.TrimPrefix(strings.TrimPrefix(l.Address.String(), "unix:"), "tcp:")
		}
		checkSocket(t, name, u, place, l)
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
	for _, door := range config.Doors() {
		if !opened[door] {
			t.Errorf("no unit opens the door %s", door)
		}
	}
}

func defaultListeners(t *testing.T) map[config.Door]config.Listener {
	t.Helper()
	c, err := config.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[config.Door]config.Listener{}
	for _, l := range c.Listen {
		defaults[l.Door] = l
	}
	return defaults
}

func checkSocket(t *testing.T, name string, u unit, place string, l config.Listener) {
	t.Helper()
	expect := map[string]string{
		"Socket.ListenStream":            place,
		"Socket.Service":                 "gatepost.service",
		"Socket.TriggerLimitIntervalSec": "0", // else a failing service closes the socket
		"Install.WantedBy":               "sockets.target",
	}
	if strings.HasPrefix(place, "/") {
		expect["Socket.SocketUser"] = "root"
		expect["Socket.SocketMode"] = fmt.Sprintf("%04o", l.Mode)
		expect["Socket.SocketGroup"] = group(name, l)
		expect["Socket.RemoveOnStop"] = "yes"
	}
	for key, value := range expect {
		if got := only(t, name, u, key); got != value {
			t.Errorf("%s: %s=%s, want %s", name, key, got, value)
		}
	}
}

// group is the one of the door's default, but that of Dovecot's login processes.
func group(name string, l config.Listener) string {
	switch {
	case name == "gatepost-login.socket":
		return "dovenull"
	case l.Group == "":
		return "root"
	}
	return string(l.Group)
}

// only returns the value of a key that is given once.
func only(t *testing.T, name string, u unit, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Errorf("%s: %s is given %d times", name, key, len(u[key]))
		return ""
	}
	return u[key][0]
}

// The service, and whoever installs it, know every socket.
func TestEveryUnitIsNamed(t *testing.T) {
	var names []string
	for name := range sockets(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	service := load(t, "gatepost.service")
	for _, key := range []string{"Service.Sockets", "Install.Also"} {
		if got := words(strings.Join(service[key], " ")); !slices.Equal(got, names) {
			t.Errorf("gatepost.service: %s is %v, want %v", key, got, names)
		}
	}
	names = append(names, "gatepost.service")
	slices.Sort(names)
	unitName := regexp.MustCompile(`gatepost[a-z-]*\.(socket|service)`)
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		got := unitName.FindAllString(read(t, "../tools/package/"+script), -1)
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, names) {
			t.Errorf("%s names %v, want %v", script, got, names)
		}
	}
}

func words(s string) []string { return slices.Sorted(slices.Values(strings.Fields(s))) }

// What the daemon needs of its unit. The rest is in the comments there.
func TestService(t *testing.T) {
	service := load(t, "gatepost.service")
	for key, value := range map[string]string{
		"Service.Type":               "notify",
		"Service.ExecStart":          "/usr/sbin/gatepostd --config " + config.DefaultPath,
		"Service.ExecReload":         "/bin/kill -HUP $MAINPID",
		"Service.User":               "gatepost",
		"Service.PrivateUsers":       "no", // SO_PEERCRED
		"Service.StateDirectory":     "gatepost",
		"Service.StateDirectoryMode": "0700",
		"Unit.StartLimitIntervalSec": "0",
	} {
		if got := only(t, "gatepost.service", service, key); got != value {
			t.Errorf("%s=%s, want %s", key, got, value)
		}
	}
	if service["Service.RuntimeDirectory"] != nil {
		t.Error("RuntimeDirectory= would take the sockets in it from their groups")
	}
}

// Whoever follows README.md meets the same sockets with systemd.
func TestConnectDocument(t *testing.T) {
	var places []string
	for _, u := range sockets(t) {
		places = append(places, u["Socket.ListenStream"]...)
	}
	document := read(t, "../README.md")
	named := regexp.MustCompile(`address = "unix:([^"]+)"`).FindAllStringSubmatch(document, -1)
	if named == nil {
		t.Fatal("README.md names no sockets")
	}
	for _, match := range named {
		if !slices.Contains(places, match[1]) {
			t.Errorf("README.md has %s, which no unit makes", match[1])
		}
	}
}

const example = "../tools/package/gatepost.toml"

// commented are the keys of the example: each stands there as a comment.
var commented = regexp.MustCompile(`(?m)^#([a-z_-]+ *=|\[\[)`)

// What the example says in comments are the defaults.
func TestExampleSaysTheDefaults(t *testing.T) {
	text := read(t, example)
	want, err := config.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	asItIs, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatalf("the example as it is: %v", err)
	}
	all, err := config.Parse([]byte(commented.ReplaceAllString(text, "$1")))
	if err != nil {
		t.Fatalf("the example with every key: %v", err)
	}
	sameValues(t, "the example as it is", asItIs, want)
	sameValues(t, "the example with every key", all, want)
}

// sameValues compares what has a default that is not empty and not a place.
func sameValues(t *testing.T, what string, got, want *config.Config) {
	t.Helper()
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i, field := range reflect.VisibleFields(g.Type()) {
		if !field.IsExported() || field.Name == "Listen" || field.Name == "Dovecot" {
			continue
		}
		if g, w := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(g, w) {
			t.Errorf("%s: %s = %v, want %v", what, field.Name, g, w)
		}
	}
}

// The example has every key that there is: an unknown one is refused with a list
// of those that are known.
func TestExampleIsComplete(t *testing.T) {
	for _, section := range []string{"", "[[listen]]", "[mail]", "[quota]", "[password]", "[policy.rules]", "[login]", "[dovecot]"} {
		_, err := config.Parse([]byte(section + "\nno-such-key = 1\n"))
		if err == nil {
			t.Fatalf("%s takes any key", section)
		}
		_, known, _ := strings.Cut(err.Error(), "known here: ")
		known, _, _ = strings.Cut(known, "\n")
		text := sectionOf(read(t, example), section)
		for key := range strings.SplitSeq(known, ", ") {
			if key == "" || !strings.Contains(text, key) {
				t.Errorf("the example has no %s %q", section, key)
			}
		}
	}
}

// sectionOf returns the lines from a section's head to the next one; all of the
// file for "".
func sectionOf(text, head string) string {
	if head == "" {
		return text
	}
	_, text, _ = strings.Cut(text, head)
	text, _, _ = strings.Cut(text, "\n[")
	return text
}
