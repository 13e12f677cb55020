//go:build e2e

package debian

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// versions are two packages, the second newer, in a folder.
type versions struct{ dir, first, second string }

// packages builds both from the same programs.
func packages(t *testing.T) versions {
	t.Helper()
	v := versions{dir: t.TempDir()}
	bin := programs(t.Context(), t)
	v.first = build(t, bin, v.dir, "v1.0.0-rc.1")
	v.second = build(t, bin, v.dir, "v1.0.0")
	return v
}

// build returns the place of a package inside a box.
func build(t *testing.T, bin, dir, version string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../tools/package/build", dir)
	cmd.Env = append(os.Environ(), "VERSION="+version, "BIN="+bin)
	cmd.Stderr = os.Stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("build the package: %v", err)
	}
	return "/mnt/" + filepath.Base(strings.TrimSpace(string(said)))
}

// programs returns the folder of gatepostd and gatepostctl.
func programs(ctx context.Context, t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("GATEPOST_BIN"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir, "./cmd/gatepostd", "./cmd/gatepostctl")
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	return dir
}

// sockets are the units and what they make.
var sockets = []struct{ unit, place, owned string }{
	{"gatepost-policy.socket", "/var/spool/postfix/gatepost/policy", "660 root:postfix"},
	{"gatepost-socketmap.socket", "/var/spool/postfix/gatepost/socketmap", "660 root:postfix"},
	{"gatepost-auth.socket", "/var/spool/postfix/gatepost/auth", "660 root:postfix"},
	{"gatepost-login.socket", "/run/gatepost/login", "660 root:dovenull"},
	{"gatepost-auth-master.socket", "/run/gatepost/auth-master", "600 root:root"},
	{"gatepost-quota.socket", "/run/gatepost/quota", "660 root:vmail"},
	{"gatepost-admin.socket", "/run/gatepost/admin", "660 root:gatepost-admin"},
	{"gatepost-metrics.socket", "", ""},
}

// files are some of what the package brings, one of each kind.
var files = []string{
	"/usr/sbin/gatepostd", "/usr/bin/gatepostctl",
	"/usr/lib/systemd/system/gatepost.service", "/usr/lib/systemd/system/gatepost-policy.socket",
	"/usr/lib/sysusers.d/gatepost.conf", "/usr/lib/tmpfiles.d/gatepost.conf",
	"/usr/share/bash-completion/completions/gatepostctl",
	"/usr/share/doc/gatepost/copyright", "/usr/share/doc/gatepost/libraries.gz",
	"/usr/share/doc/gatepost/examples/network.conf",
}

const (
	configuration = "/etc/gatepost/gatepost.toml"
	state         = "/var/lib/gatepost"
	wanted        = "/etc/systemd/system/sockets.target.wants/"
)

func TestPackage(t *testing.T) {
	v := packages(t)
	t.Run("no systemd runs", func(t *testing.T) { t.Parallel(); life(t, v) })
	t.Run("systemd runs", func(t *testing.T) { t.Parallel(); lifeUnderSystemd(t, v) })
	t.Run("on a machine where", func(t *testing.T) { t.Parallel(); elsewhere(t, v) })
}

// life is that of the package where no systemd runs: every step, some of them twice.
func life(t *testing.T, v versions) {
	b := newBox(t, plain, v.dir)
	before := b.tree()

	b.run("dpkg", "--install", v.first)
	b.installed()
	b.sound()

	b.write(configuration, "[quota]\ndefault = \"1G\"\n")
	b.write(state+"/kept", "kept")
	b.run("systemctl", "disable", "gatepost-metrics.socket")
	b.run("dpkg", "--install", v.second)
	b.says("1.0.0", "dpkg-query", "-W", "-f", "${Version}", "gatepost")
	b.says("kept", "cat", state+"/kept")
	b.says("[quota]\ndefault = \"1G\"", "cat", configuration)
	b.absent(wanted + "gatepost-metrics.socket")
	b.present(wanted + "gatepost-policy.socket")
	b.run("systemctl", "enable", "gatepost-metrics.socket")
	b.run("dpkg", "--install", v.second)
	b.installed()

	b.run("dpkg", "--remove", "gatepost")
	b.absent(files...)
	b.absent("/run/gatepost", "/var/spool/postfix/gatepost")
	b.says("kept", "cat", state+"/kept")
	b.present(configuration)

	b.run("dpkg", "--install", v.second)
	b.installed()
	b.says("kept", "cat", state+"/kept")

	b.run("dpkg", "--purge", "gatepost")
	b.purged(before)
	b.run("dpkg", "--install", v.first)
	b.installed()
	b.run("dpkg", "--remove", "gatepost")
	b.run("dpkg", "--purge", "gatepost")
	b.purged(before)
}

// installed checks files, users, directories and which units start at boot.
func (b *box) installed() {
	b.Helper()
	b.says("install ok installed", "dpkg-query", "-W", "-f", "${Status}", "gatepost")
	b.present(files...)
	b.present(configuration, "/etc/systemd/system/multi-user.target.wants/gatepost.service")
	for _, s := range sockets {
		b.present(wanted + s.unit)
	}
	b.users()
	b.owned("/run/gatepost", "755 root:root")
	b.owned("/var/spool/postfix/gatepost", "755 root:root")
	b.owned(state, "700 gatepost:gatepost")
	b.owned("/var/vmail", "750 vmail:vmail")
	b.owned("/usr/sbin/gatepostd", "755 root:root")
	b.owned(configuration, "644 root:root")
	if said, err := b.try("gatepostd", "--check"); err != nil {
		b.Errorf("gatepostd --check: %v\n%s", err, said)
	}
}

func (b *box) users() {
	b.Helper()
	for _, name := range []string{"gatepost", "vmail"} {
		entry := strings.Split(strings.TrimSpace(b.run("getent", "passwd", name)), ":")
		if len(entry) != 7 || entry[6] != "/usr/sbin/nologin" {
			b.Errorf("the user %s is %q, and may log in", name, entry)
		}
		if got := strings.TrimSpace(b.run("id", "-gn", name)); got != name {
			b.Errorf("the group of %s is %s", name, got)
		}
	}
	b.says("5000 5000", "sh", "-c", `echo "$(id -u vmail) $(id -g vmail)"`)
	for _, group := range []string{"gatepost-admin", "postfix", "dovenull"} {
		b.run("getent", "group", group)
	}
}

// sound asks systemd what it thinks of the installed units.
func (b *box) sound() {
	b.Helper()
	units := []string{"gatepost.service"}
	for _, s := range sockets {
		units = append(units, s.unit)
	}
	b.says("", append([]string{"systemd-analyze", "verify", "--man=no"}, units...)...)
	exposure := []string{"systemd-analyze", "security", "--offline=true", "--no-pager", "gatepost.service"}
	b.run(append(exposure, "--threshold=5")...) // tenths: 0.5
	b.network()
	b.says("", "systemd-analyze", "verify", "--man=no", "gatepost.service")
	b.run(append(exposure, "--threshold=12")...)
	if _, err := b.try(append(exposure, "--threshold=5")...); err == nil {
		b.Error("the network profile is as closed as the local one")
	}
	b.run("rm", "-r", "/etc/systemd/system/gatepost.service.d")
}

// network installs the network profile as its first lines say.
func (b *box) network() {
	b.Helper()
	b.run("install", "-D", "-m", "0644", "/usr/share/doc/gatepost/examples/network.conf",
		"/etc/systemd/system/gatepost.service.d/network.conf")
}

// purged checks that nothing is left but what has to be: the users, their mail,
// and what other programs remember.
func (b *box) purged(before map[string]bool) {
	b.Helper()
	b.absent(state, "/etc/gatepost", "/run/gatepost", "/var/spool/postfix/gatepost")
	if said, err := b.try("dpkg-query", "-W", "gatepost"); err == nil && strings.Contains(said, "1.0.0") {
		b.Errorf("dpkg knows it still: %s", said)
	}
	b.present("/var/vmail")
	b.run("getent", "passwd", "gatepost")
	for name := range b.tree() {
		if !before[name] && name != "/var/vmail" {
			b.Errorf("%s is left", name)
		}
	}
}

// tree lists the files of the box, without what dpkg and the libraries of users
// and passwords write for themselves.
func (b *box) tree() map[string]bool {
	b.Helper()
	listed := b.run("find", "/etc", "/run", "/usr", "/var", "-xdev",
		"-path", "/var/lib/dpkg", "-prune", "-o", "-path", "/usr/local", "-prune", "-o", "-path", "/run/systemd", "-prune", "-o",
		"-regex", `/etc/\(passwd\|group\|shadow\|gshadow\|\.pwd\.lock\).*`, "-o", "-print")
	tree := map[string]bool{}
	for name := range strings.Lines(listed) {
		tree[strings.TrimSuffix(name, "\n")] = true
	}
	return tree
}

// elsewhere installs it on machines that differ in what is there already. Where
// systemd's programs are missing, the package makes users and directories itself.
func elsewhere(t *testing.T, v versions) {
	for _, row := range []place{
		{"nothing is there", "true", "-eq 5000", "750 vmail:vmail", "true"},
		{"the mail user is there", "useradd --uid 1234 --user-group vmail && install -d -m 0711 -g vmail /var/vmail", "-eq 1234", "711 root:vmail", "true"},
		{"its number is taken", "useradd --uid 5000 --user-group someone", "-ge 500", "750 vmail:vmail", "true"},
		{"the peers come later", withoutPeers, "-eq 5000", "750 vmail:vmail", thenPeers},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.try(t, v)
		})
		t.Run(row.name+" but no systemd-sysusers", func(t *testing.T) {
			t.Parallel()
			row.before += "; rm /usr/bin/systemd-sysusers /usr/bin/systemd-tmpfiles"
			row.try(t, v)
		})
	}
}

// place is a machine that the package comes to.
type place struct {
	name   string
	before string // a command that makes the machine so
	uid    string // what must be true of vmail's
	owned  string // /var/vmail
	after  string // a command that must work after the installation
}

// How the machine looks before Postfix and Dovecot are installed, and what their
// own packages do then.
const (
	withoutPeers = `: >/var/lib/dpkg/statoverride
for name in postfix dovenull; do userdel $name; ! getent group $name || groupdel $name; done`
	thenPeers = `adduser --system --home /var/spool/postfix --no-create-home --disabled-password --ingroup postfix postfix
adduser --system --group --home /nonexistent --no-create-home --gecos 'Dovecot login user' --disabled-password --quiet dovenull
[ "$(id -gn postfix) $(id -gn dovenull)" = 'postfix dovenull' ]`
)

func (p place) try(t *testing.T, v versions) {
	b := newBox(t, plain, v.dir)
	b.run("sh", "-ec", p.before)
	b.run("dpkg", "--install", v.first)
	b.run("dpkg", "--install", v.first)
	b.run("sh", "-ec", "[ $(id -u vmail) "+p.uid+" ] && [ $(id -u gatepost) -ne 0 ]")
	b.owned("/var/vmail", p.owned)
	b.owned(state, "700 gatepost:gatepost")
	b.owned("/run/gatepost", "755 root:root")
	b.run("getent", "group", "gatepost-admin", "postfix", "dovenull")
	b.run("gatepostd", "--check")
	b.run("sh", "-ec", p.after)
	b.run("dpkg", "--purge", "gatepost")
	b.absent(state, "/etc/gatepost")
}
