package cli

import (
	"strings"
	"testing"
)

// Whoever is refused because of the disk is told what to do about it.
func TestHintsAboutTheDisk(t *testing.T) {
	for code, want := range map[string]string{
		"unknown_outcome": "restart gatepostd",
		"no_room":         "make room on the disk",
		"read_only":       "gatepostctl status",
	} {
		if hint := hintFor(&problem{Code: code}); !strings.Contains(hint, want) {
			t.Errorf("hint for %s = %q, want %q in it", code, hint, want)
		}
	}
}
