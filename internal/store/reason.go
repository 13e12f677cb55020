package store

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/gatepost/gatepost/internal/directory"
)

// Why no change is taken, in a word: the closed set of values of a metric's
// label. [Reason] says which one an error is.
const (
	ReasonDiskFull   = "disk_full"            // too little room; by itself when there is room
	ReasonFilesystem = "read_only_filesystem" // by itself when it can be written
	ReasonPermission = "permission"           // the files belong to somebody else; by itself
	ReasonIO         = "io_error"             // the disk fails; by itself when it can be written, else after a restart
	ReasonUnknown    = "unknown_outcome"      // a sync failed; after a restart
	ReasonDatabase   = "database"             // anything else about the database; after a restart
)

// Reasons returns every reason.
func Reasons() []string {
	return []string{ReasonDiskFull, ReasonFilesystem, ReasonPermission, ReasonIO, ReasonUnknown, ReasonDatabase}
}

// Reason returns the reason that an error of [Store.Failure] or of the directory
// is; "" for none.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	if errors.Is(err, directory.ErrUnknown) {
		return ReasonUnknown
	}
	return reasonOf(err)
}

// troubles are errors about the file system rather than about what is in the
// files.
var troubles = []struct {
	err    error
	reason string
}{
	{errDiskFull, ReasonDiskFull},
	{syscall.ENOSPC, ReasonDiskFull},
	{syscall.EDQUOT, ReasonDiskFull},
	{syscall.EROFS, ReasonFilesystem},
	{fs.ErrPermission, ReasonPermission},
	{syscall.EACCES, ReasonPermission},
	{syscall.EPERM, ReasonPermission},
	{syscall.EIO, ReasonIO},
	{errFault, ReasonIO},
	{syscall.EMFILE, ReasonDatabase},
	{syscall.ENFILE, ReasonDatabase},
	{syscall.ENOMEM, ReasonDatabase},
}

// isFileTrouble reports whether an error is one of troubles.
func isFileTrouble(err error) bool {
	_, is := trouble(err)
	return is
}

func reasonOf(err error) string {
	if reason, is := trouble(err); is {
		return reason
	}
	return ReasonDatabase
}

// trouble finds the first of troubles that an error is. Badger does not wrap all
// of them, so their texts count too.
func trouble(err error) (reason string, is bool) {
	for _, t := range troubles {
		if errors.Is(err, t.err) {
			return t.reason, true
		}
	}
	for _, t := range troubles {
		if strings.Contains(err.Error(), t.err.Error()) {
			return t.reason, true
		}
	}
	return "", false
}
