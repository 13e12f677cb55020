package cli

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/gatepost/gatepost/adminsock/command"
)

// hintFor says what may help, or nothing.
func hintFor(err error) string {
	var p *problem
	var unknown *unknownError
	switch {
	case errors.As(err, &p):
		return problemHint(p)
	case errors.As(err, &unknown) && unknown.spec == command.UserBatch.Spec:
		return "when gatepostd runs, ask for any one user of the file: gatepostctl user show ADDRESS; either all of them are there or none is, and then the command can be repeated"
	case errors.As(err, &unknown):
		return "when gatepostd runs, ask what was done before you repeat it: gatepostctl audit tail"
	case errors.Is(err, syscall.ECONNREFUSED), isDial(err) && errors.Is(err, fs.ErrNotExist):
		return "is gatepostd running? --socket or GATEPOST_SOCKET name another socket"
	case isDial(err) && errors.Is(err, fs.ErrPermission):
		return "run this as root, or as the user gatepostd runs as"
	}
	return ""
}

func isDial(err error) bool {
	var dial *dialError
	return errors.As(err, &dial)
}

func problemHint(p *problem) string {
	switch p.Code {
	case "denied":
		return "run this as root, or as the user gatepostd runs as"
	case "no_such_domain":
		return "gatepostctl domain add NAME adds a domain"
	case "not_disabled":
		return "gatepostctl user disable " + p.object
	case "archived":
		return "gatepostctl user restore " + p.object
	case "unknown_outcome":
		return "check the disk, then restart gatepostd, which finds out what is stored: gatepostctl audit tail"
	case "no_room":
		return "make room on the disk that has gatepostd's state directory (df -h), then repeat the command"
	case "read_only":
		return "gatepostctl status says more; so does the log"
	case "damaged_backup":
		return "the newest backups that gatepostd took for itself are in the directory snapshots of its state directory; restore takes them too"
	case "damaged":
		return "mail and logins go on; leave the files as they are, and bring the journal back from a copy of the state directory"
	case "weak_password":
		return "--random makes a good one"
	case "in_use":
		return "take it out of there first: gatepostctl alias target remove, gatepostctl user set ADDRESS forward=, gatepostctl domain set NAME catch-all="
	case "not_empty":
		return "gatepostctl user list --domain " + p.object + " and gatepostctl alias list --domain " + p.object + " show what is left"
	}
	return ""
}
