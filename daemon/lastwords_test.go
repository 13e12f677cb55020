package daemon

import (
	"bytes"
	"errors"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// dyingVariable makes the test's own program one that dies.
const dyingVariable = "GATEPOST_TEST_DIE"

// dying are the ways to die.
var dying = map[string]func(){
	"a panic":    func() { panic("for the test") },
	"a fault":    func() { _ = syscall.Kill(syscall.Getpid(), syscall.SIGBUS); select {} },
	"log.Fatal":  func() { log.Fatal("assertion for the test") },
	"a kill":     func() { _ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL); select {} },
	"a log line": func() { log.Print("of a library"); os.Exit(1) },
}

// TestDie is no test: it is run by TestLastWords in a process of its own.
func TestDie(t *testing.T) {
	dir := os.Getenv(dyingVariable)
	if dir == "" {
		return
	}
	how, err := os.ReadFile(filepath.Join(dir, "how"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hearLastWords(dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	dying[string(how)]()
}

// What a process says when it dies is known to the next, once.
func TestLastWords(t *testing.T) {
	for how := range dying {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "how"), []byte(how), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestDie$")
			cmd.Env = append(os.Environ(), dyingVariable+"="+dir)
			said, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
				t.Fatalf("the process did not die: %v\n%s", err, said)
			}
			want := map[string]string{"a panic": "for the test", "a fault": "SIGBUS", "log.Fatal": "assertion for the test"}[how]
			for _, want := range []string{want, ""} {
				got, log := wordsOf(t, dir)
				if !strings.Contains(got, want) || want == "" && got != "" {
					t.Errorf("before = %q, want %q in it", got, want)
				}
				if told := strings.Contains(log, "the process before crashed"); told != (want != "") {
					t.Errorf("after %q the log says:\n%s", got, log)
				}
				if want != "" && !strings.Contains(got, "daemon.TestDie") {
					t.Errorf("before = %q, want the stack in it", got)
				}
			}
		})
	}
}

// wordsOf starts, looks and ends as a daemon does.
func wordsOf(t *testing.T, dir string) (words, said string) {
	var out bytes.Buffer
	w, err := hearLastWords(dir, slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Error(err)
	}
	w.end()
	return w.before(), out.String()
}
