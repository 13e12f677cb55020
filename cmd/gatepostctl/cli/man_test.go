package cli

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra/doc"
)

//go:generate go test -count=1 -run ManualPages . -update

var update = flag.Bool("update", false, "write the manual pages anew")

const manual = "../../../docs/man"

// The manual pages of gatepostctl are what the command table makes them.
func TestManualPagesAreFresh(t *testing.T) {
	dir := t.TempDir()
	writePages(t, dir)
	if *update {
		for _, old := range pages(t, manual) {
			if err := os.Remove(filepath.Join(manual, old)); err != nil {
				t.Fatal(err)
			}
		}
		writePages(t, manual)
	}
	want := pages(t, dir)
	if diff := cmp.Diff(want, pages(t, manual)); diff != "" {
		t.Errorf("docs/man has other pages than the command table (-want +got), run go test ./cmd/gatepostctl/cli -update:\n%s", diff)
	}
	for _, name := range want {
		if diff := cmp.Diff(read(t, dir, name), read(t, manual, name)); diff != "" {
			t.Errorf("docs/man/%s is stale, run go test ./cmd/gatepostctl/cli -update (-want +got):\n%s", name, diff)
		}
	}
}

func writePages(t *testing.T, dir string) {
	t.Helper()
	root := Command(Env{Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }})
	root.DisableAutoGenTag = true
	date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	header := &doc.GenManHeader{Title: "GATEPOSTCTL", Section: "1", Source: "gatepost", Manual: "gatepost", Date: &date}
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
}

func pages(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "gatepostctl*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Errorf("%v", err)
	}
	return string(text)
}
