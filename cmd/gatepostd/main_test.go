package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a configuration and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gatepost.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// closed closes every door that an empty file would open.
const closed = `
[[listen]]
door = "policy"
address = "off"
[[listen]]
door = "socketmap"
address = "off"
[[listen]]
door = "auth"
address = "off"
[[listen]]
door = "auth-master"
address = "off"
[[listen]]
door = "quota"
address = "off"
[[listen]]
door = "admin"
address = "off"
[[listen]]
door = "metrics"
address = "off"
`

func TestRun(t *testing.T) {
	good := write(t, closed+"[mail]\nuid = 5000\ngid = 5000\n")
	low := write(t, closed+"[mail]\nuid = 8\ngid = 8\n")
	bad := write(t, "statedir = 1\n[quota]\nfull_code = 550\n")
	missing := write(t, closed+"[mail]\nuid = \"no-such-user\"\ngid = 5000\n")
	absent := filepath.Join(t.TempDir(), "absent.toml")
	state := filepath.Join(t.TempDir(), "state")
	if err := os.MkdirAll(filepath.Join(state, "lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	locked := write(t, fmt.Sprintf("state_dir = %q\n", state)+closed+"[mail]\nuid = 5000\ngid = 5000\n")
	for _, row := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string // what each holds; empty: nothing
	}{
		{"version", []string{"--version"}, 0, "gatepostd ", ""},
		{"help", []string{"--help"}, 0, "", "-config FILE"},
		{"unknown flag", []string{"--verbose"}, 2, "", "flag provided but not defined"},
		{"argument", []string{"start"}, 2, "", `unexpected argument "start"`},
		{"unknown level", []string{"--log-level", "loud"}, 2, "", `"loud" is not one of error, warn, info, debug`},
		{"unknown format", []string{"--log-format", "xml"}, 2, "", `"xml" is not one of `},
		{"check", []string{"--check", "--config", good}, 0, good + ": ok", ""},
		{"check with a warning", []string{"--check", "--config", low}, 0, low + ": ok", low + ": warning: line 24: mail.uid: the number 8 is below 500"},
		{"check of a bad file", []string{"--check", "--config", bad}, 1, "", bad + ": line 3: quota.full_code: 550 is neither 552 nor 452\n"},
		{"check of a bad file, the first mistake", []string{"--check", "--config", bad}, 1, "", bad + ": line 1: statedir: unknown key"},
		{"check of what is missing", []string{"--check", "--config", missing}, 1, "", missing + `: line 24: mail.uid: there is no user "no-such-user" on this machine`},
		{"check of an absent file", []string{"--check", "--config", absent}, 1, "", absent + ": no such file"},
		{"start with a bad file", []string{"--config", bad, "--log-format", "text"}, 1, "", `line=3 key=quota.full_code err="550 is neither 552 nor 452"`},
		{"start with an absent file", []string{"--config", absent, "--log-format", "text"}, 1, "", `msg="the configuration cannot be used" config=` + absent},
		{"start without what is needed", []string{"--config", missing, "--log-format", "text"}, 1, "", `line=24 key=mail.uid`},
		{"start with a state that cannot be used", []string{"--config", locked, "--log-format", "text"}, 1, "", `level=ERROR msg="gatepost cannot start" config=` + locked + ` err="`},
	} {
		t.Run(row.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(row.args, &stdout, &stderr); code != row.code {
				t.Errorf("exit code %d, want %d", code, row.code)
			}
			for _, out := range []struct{ name, got, want string }{{"output", stdout.String(), row.stdout}, {"error output", stderr.String(), row.stderr}} {
				if !strings.Contains(out.got, out.want) || out.want == "" && out.got != "" {
					t.Errorf("%s = %q, want %q in it", out.name, out.got, out.want)
				}
			}
		})
	}
}
