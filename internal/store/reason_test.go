package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
)

func TestReason(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"none", nil, ""},
		{"the guard", fmt.Errorf("x: %w", errDiskFull), ReasonDiskFull},
		{"a write", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, ReasonDiskFull},
		{"a quota", syscall.EDQUOT, ReasonDiskFull},
		{"what Badger does not wrap", errors.New("Cannot write pid file \"LOCK\": open LOCK: read-only file system"), ReasonFilesystem},
		{"somebody else's file", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, ReasonPermission},
		{"a failing disk", fmt.Errorf("x: %w", syscall.EIO), ReasonIO},
		{"a fault", fmt.Errorf("x: %w", errFault), ReasonIO},
		{"a failed sync", &directory.Error{Code: directory.CodeReadOnly, Err: &directory.Error{Code: directory.CodeUnknown, Err: syscall.EIO}}, ReasonUnknown},
		{"no descriptors", syscall.EMFILE, ReasonDatabase},
		{"anything else", errors.New("level validation"), ReasonDatabase},
	} {
		if got := Reason(row.err); got != row.want {
			t.Errorf("%s: Reason(%v) = %q, want %q", row.name, row.err, got, row.want)
		}
		if row.want != "" && !slices.Contains(Reasons(), row.want) {
			t.Errorf("Reasons() does not have %q", row.want)
		}
	}
}
