package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/serve"
)

// onlyDoor closes every door but one, which gets the lines.
func onlyDoor(door Door, lines string) string {
	var b strings.Builder
	for _, d := range Doors() {
		if d == door {
			fmt.Fprintf(&b, "[[listen]]\ndoor = %q\n%s\n", d, lines)
		} else {
			fmt.Fprintf(&b, "[[listen]]\ndoor = %q\naddress = \"off\"\n", d)
		}
	}
	return b.String()
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	text := onlyDoor(Policy, fmt.Sprintf("address = \"unix:%s/policy\"\nmode = \"0600\"\nowner = \"root\"\ngroup = 7", dir)) +
		"[mail]\nuid = 5000\ngid = \"5001\""
	got, warnings, err := parse(t, text).Resolve()
	if err != nil || len(warnings) > 0 {
		t.Fatalf("Resolve: %v, %v", warnings, err)
	}
	want := &Resolved{UID: 5000, GID: 5001, Sockets: []serve.ListenOptions{{Mode: 0o600, UID: 0, GID: 7}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Resolve: -want +got\n%s", diff)
	}
}

func TestResolveTCP(t *testing.T) {
	got, _, err := parse(t, onlyDoor(Metrics, "address = \"tcp:127.0.0.1:0\"")+"[mail]\nuid = 5000\ngid = 5000").Resolve()
	if err != nil || len(got.Sockets) != 1 || got.Sockets[0] != (serve.ListenOptions{}) {
		t.Errorf("Resolve = %+v, %v, want one socket without accounts", got, err)
	}
}

// What is missing is named all at once.
func TestResolveMissing(t *testing.T) {
	dir := t.TempDir()
	text := onlyDoor(Auth, fmt.Sprintf("address = \"unix:%s/none/auth\"\nowner = \"nobody-such\"\ngroup = \"no-such-group\"", dir)) + `
[mail]
uid = "no-such-user"
gid = 5000
[dovecot]
doveadm = "http://127.0.0.1:1"
doveadm_key_file = "` + dir + `/none"
`
	_, _, err := parse(t, text).Resolve()
	var missing Mistakes
	if !errors.As(err, &missing) {
		t.Fatalf("Resolve = %v, want Mistakes", err)
	}
	want := []string{
		"line 9: listen[2].address: the directory of the socket: stat " + dir + "/none: no such file or directory",
		`line 10: listen[2].owner: there is no user "nobody-such" on this machine`,
		`line 11: listen[2].group: there is no group "no-such-group" on this machine`,
		`line 26: mail.uid: there is no user "no-such-user" on this machine`,
		"line 30: dovecot.doveadm_key_file: open " + dir + "/none: no such file or directory",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("Resolve: -want +got\n%s", diff)
	}
}

func TestResolveWarns(t *testing.T) {
	_, warnings, err := parse(t, onlyDoor(Policy, "address = \"off\"")+"[mail]\nuid = 8\ngid = 8").Resolve()
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0].String(), "line 23: mail.uid: the number 8 is below 500") {
		t.Errorf("Resolve = %v, %v, want a warning of uid 8", warnings, err)
	}
}

// A name may hide number 0; then it is refused here.
func TestResolveRootByName(t *testing.T) {
	c := parse(t, onlyDoor(Policy, "address = \"off\"")+"[mail]\nuid = 5000\ngid = 5000")
	c.Mail.GID = "root"
	if _, _, err := c.Resolve(); err == nil || !strings.Contains(err.Error(), "mail must not belong to root") {
		t.Errorf("Resolve of group root = %v", err)
	}
}

func TestResolveSocketInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := parse(t, onlyDoor(Policy, "address = \"unix:"+file+"/policy\"")+"[mail]\nuid = 5000\ngid = 5000").Resolve()
	if err == nil || !strings.Contains(err.Error(), "is not a directory") {
		t.Errorf("Resolve = %v, want: not a directory", err)
	}
}

// What is wrong in the file and what is missing around it is told at once, and
// of a wrong key only that it is wrong.
func TestCheckTellsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatepost.toml")
	text := `[mail]
uid = "nosuchuser"
gid = 0
[quota]
warn_at = [101]
[[listen]]
door = "policy"
address = "unix:/nowhere/policy"
group = "nosuchgroup"
[[listen]]
door = "admin"
address = "unix:/nowhere/admin"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Check(path, false)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("Check = %v, want mistakes", err)
	}
	var keys []string
	for _, m := range mistakes {
		keys = append(keys, fmt.Sprintf("%d %s", m.Line, m.Key))
	}
	want := []string{"2 mail.uid", "3 mail.gid", "5 quota.warn_at[0]", "8 listen[0].address", "9 listen[0].group", "12 listen[1].address"}
	for _, w := range want {
		if !slices.Contains(keys, w) {
			t.Errorf("Check names %q, not %q", keys, w)
		}
	}
}
