package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// question is one that a door answers, when alice@example.test is a user.
type question struct{ door, text, want string }

func questions() []question {
	policy := "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=alice@example.test\n\n"
	lookup := "domains example.test"
	plain := base64.StdEncoding.EncodeToString([]byte("\x00alice@example.test\x00Secret-1234"))
	return []question{
		{"policy", policy, "action=DUNNO\n\n"},
		{"socketmap", fmt.Sprintf("%d:%s,", len(lookup), lookup), ":OK example.test"},
		{"auth", "VERSION\t1\t2\nCPID\t4711\nAUTH\t1\tPLAIN\tservice=imap\tresp=" + plain + "\n", "OK\t1\tuser=alice@example.test"},
		{"auth-master", "VERSION\t1\t0\nUSER\t1\talice@example.test\tservice=lmtp\n", "USER\t1\talice@example.test\t"},
		{"quota", "H3\t2\t0\t\tquota\nLpriv/quota/storage\talice@example.test\n", "\n"},
	}
}

func TestEachDoorAnswers(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "alice@example.test")
	for _, q := range questions() {
		p.ask(t, q.door, q.text, q.want)
	}
	if code, text := p.call(t, "metrics", http.MethodGet, "/readyz", nil); code != http.StatusOK || text != "ok\n" {
		t.Errorf("/readyz = %d %q", code, text)
	}
	if code, _ := p.call(t, "metrics", http.MethodGet, "/healthz", nil); code != http.StatusOK {
		t.Errorf("/healthz = %d", code)
	}
	_, page := p.call(t, "metrics", http.MethodGet, "/metrics", nil)
	for _, line := range []string{
		`gatepost_policy_decisions_total{action="dunno",rule="none",stage="rcpt"} 1`,
		`gatepost_login_attempts_total{mechanism="PLAIN",result="ok",service="imap"} 1`,
		`gatepost_socketmap_queries_total{map="domains",result="ok"} 1`,
		`gatepost_admin_commands_total{command="user add",result="done"} 1`,
		`gatepost_directory_names{kind="user"} 1`,
		`gatepost_directory_commit_commands_count 2`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics have no line %s", line)
		}
	}
	if code := r.end(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code after SIGTERM = %d, want 0", code)
	}
	if left, err := os.ReadDir(p.dir); err != nil || len(left) != 2 {
		t.Errorf("after the end there are %v, want the configuration and the state only", left)
	}
}

// What was acknowledged is there after a kill that nothing can catch.
func TestKillLosesNothing(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "first@example.test")
	if code := r.end(syscall.SIGKILL); code != -1 {
		t.Fatalf("exit code %d after SIGKILL", code)
	}
	r = p.start(t)
	p.addUser(t, "second@example.test")
	r.end(syscall.SIGKILL)
	p.start(t)
	for _, address := range []string{"first@example.test", "second@example.test"} {
		p.admin(t, http.MethodGet, "/v1/users/"+address, nil)
		p.ask(t, "auth-master", "VERSION\t1\t0\nUSER\t1\t"+address+"\tservice=lmtp\n", "USER\t1\t"+address+"\t")
	}
}

// Idle peers, which keep their connections for hours, do not hold up the end;
// who is not ready any more says so until the end.
func TestDrain(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	for _, door := range []string{"policy", "socketmap", "auth", "auth-master", "quota", "admin", "metrics"} {
		c, err := net.DialTimeout("unix", p.socket(door), patience)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	p.ask(t, "policy", questions()[0].text, "action=DUNNO\n\n")
	begun := time.Now()
	if code := r.end(syscall.SIGINT); code != exitDone {
		t.Errorf("exit code after SIGINT = %d, want 0", code)
	}
	if took := time.Since(begun); took > endWithin {
		t.Errorf("the end took %v, want at most %v", took, endWithin)
	}
}

func TestReload(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	weak := map[string]any{"address": "bob@example.test", "password": "password"}
	if code, text := p.call(t, "admin", http.MethodPost, "/v1/users", weak); code/100 != 4 {
		t.Fatalf("a weak password: %d %s", code, text)
	}
	signal := func() {
		t.Helper()
		if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}

	p.write(t, "[quota]\nfull_code = 1\n")
	signal()
	r.says("the configuration stays as it was")
	r.says(`key=quota.full_code err="1 is neither 552 nor 452"`)

	p.write(t, "[password]\npolicy = \"length8\"\nscheme = \"SHA512-CRYPT\"\n")
	signal()
	r.says("configuration reloaded")
	r.says(`in force only after a restart" component=daemon keys=[password.scheme]`)
	p.admin(t, http.MethodPost, "/v1/users", weak)
}

func TestSecondDaemon(t *testing.T) {
	p := newPlace(t)
	p.start(t)
	second := p.launch(t)
	if code := second.wait(); code != exitFailed {
		t.Errorf("exit code of a second daemon = %d, want 1", code)
	}
	second.says("lock the state directory " + p.dir + "/state: another gatepostd is using it")
	p.addDomain(t, "example.test") // the first goes on
}

func TestOpenStateIsRefused(t *testing.T) {
	p := newPlace(t)
	state := p.dir + "/state"
	if err := errors.Join(os.Mkdir(state, 0o755), os.Chmod(state, 0o755)); err != nil { // gatepostd sets the umask, also in a test
		t.Fatal(err)
	}
	r := p.launch(t)
	if code := r.wait(); code != exitFailed {
		t.Errorf("exit code = %d, want 1", code)
	}
	r.says("has mode 0755, and it holds password hashes")
}

// Usage that Dovecot reported, and the last login, are known after a restart.
func TestUsageIsKept(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "alice@example.test")
	p.ask(t, "auth", questions()[2].text, questions()[2].want)
	p.ask(t, "quota", "H3\t2\t0\t\tquota\n"+
		"B1\talice@example.test\nS1\tpriv/quota/storage\t4711\nS1\tpriv/quota/messages\t3\nC1\n", "O1\n")
	r.end(syscall.SIGTERM)
	p.start(t)
	var user struct {
		UsedBytes    *int64     `json:"used_bytes"`
		UsedMessages *uint32    `json:"used_messages"`
		LastLogin    *time.Time `json:"last_login"`
	}
	if err := json.Unmarshal([]byte(p.admin(t, http.MethodGet, "/v1/users/alice@example.test", nil)), &user); err != nil {
		t.Fatal(err)
	}
	if user.UsedBytes == nil || *user.UsedBytes != 4711 || user.UsedMessages == nil || *user.UsedMessages != 3 || user.LastLogin == nil {
		t.Errorf("after a restart alice has %+v", user)
	}
}

// Sockets that systemd passes take the place of the ones that gatepostd would
// make at the same address.
func TestSystemdSockets(t *testing.T) {
	p := newPlace(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.socket("policy"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	passed, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer passed.Close()
	r := &process{t: t, place: p, log: &log{more: make(chan struct{})}, ended: make(chan struct{})}
	r.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "--config", p.config, "--log-format", "text")
	r.cmd.Env = append(os.Environ(), asDaemon+"=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=policy")
	r.cmd.ExtraFiles = []*os.File{passed}
	r.cmd.Stderr = r.log
	r.begin()
	r.says("msg=ready")
	p.ask(t, "policy", questions()[0].text, "action=DUNNO\n\n")
	if code := r.end(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code = %d", code)
	}
	if _, err := os.Stat(p.socket("policy")); err != nil {
		t.Errorf("a socket of systemd was removed: %v", err)
	}
}

// systemd hears that the daemon is ready, that it lives, and that it ends.
func TestNotify(t *testing.T) {
	p := newPlace(t)
	path := p.dir + "/notify"
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3600000000")
	r := p.start(t)
	hear := func() string {
		t.Helper()
		buf := make([]byte, 256)
		_ = l.SetReadDeadline(time.Now().Add(patience))
		n, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	// The first question to the policy door may be answered before the last word of the start.
	first := []string{hear(), hear(), hear()}
	slices.Sort(first)
	if want := []string{"READY=1", "STATUS=changes are taken", "WATCHDOG=1"}; !slices.Equal(first, want) {
		t.Errorf("systemd heard %q, want %q", first, want)
	}
	r.end(syscall.SIGTERM)
	if last := hear(); last != "STOPPING=1" {
		t.Errorf("systemd heard %q, want STOPPING=1", last)
	}
}

// A signal while starting ends the start.
func TestSignalWhileStarting(t *testing.T) {
	p := newPlace(t)
	r := p.launch(t)
	r.says("level=") // it has begun to log, so it hears signals
	if code := r.end(syscall.SIGTERM); code != exitDone {
		t.Errorf("exit code = %d, want 0", code)
	}
}
