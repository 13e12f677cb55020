package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "state")
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the state directory = %v, %v, want 0700", info.Mode(), err)
	}
}

func TestStateRefuses(t *testing.T) {
	for _, row := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"others may read", func(dir string) error { return os.Mkdir(dir, 0o750) }, "has mode 0750, and it holds password hashes: type chmod 0700 "},
		{"not a directory", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "not a directory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			if err := row.make(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := openState(dir); err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("openState = %v, want %q and the directory", err, row.want)
			}
		})
	}
}

func TestStateIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openState(dir)
	if !errors.Is(err, ErrStateInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("openState of a directory in use = %v", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openState(dir)
	if err != nil {
		t.Fatalf("openState after close = %v", err)
	}
	again.close()
}
