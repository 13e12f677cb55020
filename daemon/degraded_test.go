package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The log tells each reason once, and systemd the newest words.
func TestDegradationIsTold(t *testing.T) {
	var log bytes.Buffer
	var told []string
	var err error
	w := &degradation{
		refusing: func() error { return err }, log: slog.New(slog.NewTextHandler(&log, nil)),
		tell: func(state string) { told = append(told, state) },
	}
	full := func(left int) error { return fmt.Errorf("%d MiB are left: %w", left, syscall.ENOSPC) }
	for _, err = range []error{nil, nil, full(12), full(12), full(3), errors.Join(syscall.EROFS, errors.New("or so")), nil} {
		w.look()
	}
	want := []string{
		"STATUS=changes are taken",
		"STATUS=changes are refused: 12 MiB are left: no space left on device",
		"STATUS=changes are refused: 3 MiB are left: no space left on device",
		"STATUS=changes are refused: read-only file system; or so",
		"STATUS=changes are taken",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("systemd was told (-want +got):\n%s", diff)
	}
	for line, n := range map[string]int{
		`level=ERROR msg="changes are refused; mail and logins go on" reason=disk_full`:            1,
		`level=ERROR msg="changes are refused; mail and logins go on" reason=read_only_filesystem`: 1,
		`level=INFO msg="changes are taken again" was=read_only_filesystem`:                        1,
		"\n": 3,
	} {
		if got := strings.Count(log.String(), line); got != n {
			t.Errorf("%q was logged %d times, want %d:\n%s", line, got, n, &log)
		}
	}
}
