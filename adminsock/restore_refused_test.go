package adminsock_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/adminsock"
)

// TestRestoreWhileRefusing: where no change is taken, a restore says why, before a
// file is written.
func TestRestoreWhileRefusing(t *testing.T) {
	r := startStored(t, func(s *adminsock.Server) {
		s.SpoolDir = "/nowhere"
		s.Status = func() adminsock.Status { return adminsock.Status{Refusing: errors.New("the disk is read-only")} }
	})
	a := r.do("POST /v1/restore", r.backup())
	if a.status != 503 || !strings.Contains(string(a.body), `"read_only"`) || !strings.Contains(string(a.body), "the disk is read-only") {
		t.Errorf("restore = %d %s", a.status, a.body)
	}
}
