package adminsock_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/testkit"
)

// TestRestoreOfWhatIsThere: a restore that changes nothing pushes nothing out of
// what earlier ones have replaced, and names nothing that it kept.
func TestRestoreOfWhatIsThere(t *testing.T) {
	r := startStored(t)
	replaced := func() []string {
		names, err := filepath.Glob(filepath.Join(r.state, "before-restore", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	file := r.backup()
	for range 3 {
		testkit.Update(t, r.dir, renameBob)
		var out command.Restored
		into(t, r.do("POST /v1/restore", file), &out)
		if out.Changed == 0 || !slices.Contains(replaced(), out.Kept) {
			t.Fatalf("restore = %+v, and %v is kept", out, replaced())
		}
	}
	want := replaced()
	for range 3 {
		testkit.Update(t, r.dir, renameBob)
		var out command.Restored
		into(t, r.do("POST /v1/restore", r.backup()), &out)
		if out.Changed != 0 || out.Kept != "" {
			t.Errorf("restore of what is there = %+v", out)
		}
	}
	if got := replaced(); !slices.Equal(got, want) {
		t.Errorf("kept is %v, want %v", got, want)
	}
}
