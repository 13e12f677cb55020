//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/e2e/rig"
	"github.com/gatepost/gatepost/e2e/scenario"
)

func TestScenarios(t *testing.T) {
	ctx, cancel := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	files, err := filepath.Glob("scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	r, err := rig.Start(ctx, rig.Options{Bin: programs(ctx, t), Docs: "../README.md"})
	if err != nil {
		t.Fatalf("%v\n(the packages this needs are installed by tools/install-deps --test)", err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { play(ctx, t, r, file) })
	}
	t.Run("no trouble in the log", func(t *testing.T) { noTrouble(t, r) })
	t.Run("no password in the log", func(t *testing.T) { noPasswords(t, r, files) })
}

func play(ctx context.Context, t *testing.T, r *rig.Rig, file string) {
	s, err := scenario.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	since := r.LogSizes()
	if err := s.Run(ctx, r, quiet{t}); err != nil {
		t.Errorf("%s\n%v\n%s", s.Title, err, r.LogTails(25, since))
	}
}

// programs returns the folder of gatepostd and gatepostctl.
func programs(ctx context.Context, t *testing.T) string {
	if dir := os.Getenv("GATEPOST_BIN"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	build := exec.CommandContext(ctx, "go", "build", "-o", dir, "./cmd/gatepostd", "./cmd/gatepostctl")
	build.Dir = ".."
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, said)
	}
	return dir
}

// noTrouble looks for what gatepostd must never log. Built with GOFLAGS=-race,
// it logs its races too.
func noTrouble(t *testing.T, r *rig.Rig) {
	for line := range strings.Lines(r.LogSince("gatepostd", 0)) {
		for _, sign := range []string{"level=ERROR", "panic", "DATA RACE"} {
			if strings.Contains(line, sign) {
				t.Errorf("gatepostd logged: %s", line)
			}
		}
	}
}

// password is how every password in the scenarios looks.
var password = regexp.MustCompile(`\w+-secret-\d`)

// noPasswords looks in all that gatepostd logged for every password that was
// used, at every level.
func noPasswords(t *testing.T, r *rig.Rig, files []string) {
	log := r.LogSince("gatepostd", 0)
	if log == "" {
		t.Fatal("gatepostd logged nothing at all")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range password.FindAllString(string(text), -1) {
			for _, form := range written(secret) {
				if strings.Contains(log, form) {
					t.Errorf("the log of gatepostd holds %q, as %q", secret, form)
				}
			}
		}
	}
}

// written returns the forms in which a log could hold a secret: in clear, and in
// base64 wherever in a longer text, such as a SASL response, it stands.
func written(secret string) []string {
	forms := []string{secret}
	for before := range 3 {
		text := base64.StdEncoding.EncodeToString(append(make([]byte, before), secret...))
		whole := (before + len(secret)) / 3 * 4 // what follows the secret does not change these
		forms = append(forms, text[(before+2)/3*4:whole])
	}
	return forms
}

// quiet reports to the test's own log, which is shown when it fails or with -v.
type quiet struct{ t *testing.T }

func (q quiet) Heading(text string) { q.t.Log("==", text) }
func (q quiet) Command(line string, output []string) {
	q.t.Log("$", line, "\n\t"+strings.Join(output, "\n\t"))
}
func (q quiet) Exchange(e scenario.Exchange) {
	q.t.Logf("%s %-10s %-40s %s", e.Protocol, e.Connection, e.Sent, e.Line)
}
func (q quiet) Fact(text string) { q.t.Log(text) }
