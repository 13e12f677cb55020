package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/internal/serve"
)

// firstValidUID is Dovecot's default (2.3 and 2.4, also Debian's packages):
// it refuses users below.
const firstValidUID = 500

// Resolved is what a file means on this machine.
type Resolved struct {
	UID, GID uint32                // of the mail user
	Sockets  []serve.ListenOptions // of each Config.Listen, in its order
}

// Resolve looks up the users and groups that the file names, and what else must
// be there before gatepostd can start. It changes nothing. Everything that is
// missing is in the error, a [Mistakes]; the warnings are what works, but
// probably not as meant.
func (c *Config) Resolve() (*Resolved, []Mistake, error) {
	r := &resolver{lines: c.lines}
	out := &Resolved{
		UID: uint32(r.user("mail.uid", c.Mail.UID)),
		GID: uint32(r.group("mail.gid", c.Mail.GID)),
	}
	r.mailUser(out)
	for _, l := range c.Listen {
		out.Sockets = append(out.Sockets, r.socket(l))
	}
	r.keyFile(c.Dovecot.DoveadmKeyFile)
	r.stateDir(c.StateDir)
	if err := r.missing.sorted(); err != nil {
		return nil, r.warnings, err
	}
	return out, r.warnings, nil
}

type resolver struct {
	lines             map[string]int
	missing, warnings Mistakes
}

func (r *resolver) miss(key, format string, args ...any) {
	r.missing = append(r.missing, Mistake{Line: r.line(key), Key: key, Text: fmt.Sprintf(format, args...)})
}

// line returns where a key stands; of one that a listener leaves to its default,
// where the listener names its door.
func (r *resolver) line(key string) int {
	if line := r.lines[key]; line > 0 {
		return line
	}
	return r.lines[key[:max(0, strings.LastIndexByte(key, '.'))]+".door"]
}

// user returns the number of a user; -1 when there is none, or no name.
func (r *resolver) user(key string, name Account) int {
	return r.account(key, name, "user", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

func (r *resolver) group(key string, name Account) int {
	return r.account(key, name, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

func (r *resolver) account(key string, name Account, kind string, lookup func(string) (string, error)) int {
	if name == "" {
		return -1
	}
	number := string(name)
	if _, err := strconv.ParseUint(number, 10, 32); err != nil {
		if number, err = lookup(number); err != nil {
			r.noAccount(key, name, kind, err)
			return -1
		}
	}
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		r.miss(key, "the %s %q has the number %q", kind, name, number)
		return -1
	}
	return int(id)
}

func (r *resolver) noAccount(key string, name Account, kind string, err error) {
	var noUser user.UnknownUserError
	var noGroup user.UnknownGroupError
	if errors.As(err, &noUser) || errors.As(err, &noGroup) {
		r.miss(key, "there is no %s %q on this machine", kind, name)
		return
	}
	r.miss(key, "look up the %s %q: %v", kind, name, err)
}

// mailUser refuses a name that turns out to be root's, and warns of a user that
// Dovecot will not take.
func (r *resolver) mailUser(out *Resolved) {
	if out.UID == 0 || out.GID == 0 {
		r.miss("mail", "mail must not belong to root; Dovecot refuses it too")
	}
	if out.UID < firstValidUID {
		r.warnings = append(r.warnings, Mistake{
			Line: r.lines["mail.uid"], Key: "mail.uid",
			Text: fmt.Sprintf("the number %d is below %d, Dovecot's default first_valid_uid: it refuses every user unless that is set lower", out.UID, firstValidUID),
		})
	}
}

// socket returns how a listener's socket is to be made.
func (r *resolver) socket(l Listener) serve.ListenOptions {
	path := l.Address.Path()
	if path == "" {
		return serve.ListenOptions{}
	}
	of := func(key string) string { // a default has no place in the file
		if l.Default {
			return string(l.Door) + " (default)"
		}
		return join(l.key, key)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil {
		r.miss(of("address"), "the directory of the socket: %v", err)
	} else if !dir.IsDir() {
		r.miss(of("address"), "%s is not a directory", filepath.Dir(path))
	} else if there, err := os.Lstat(path); err == nil && there.Mode()&fs.ModeSocket == 0 {
		r.miss(of("address"), "%s exists and is not a socket", path)
	}
	return serve.ListenOptions{Mode: l.Mode, UID: r.user(of("owner"), l.Owner), GID: r.group(of("group"), l.Group)}
}

// keyFile wants the key of doveadm to be readable.
func (r *resolver) keyFile(path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		r.miss("dovecot.doveadm_key_file", "%v", err)
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		r.miss("dovecot.doveadm_key_file", "%s is a directory", path)
	}
}

// stateDir wants a directory that others cannot enter, or a place to make one.
func (r *resolver) stateDir(path string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.makeable(path)
	case err != nil:
		r.miss("state_dir", "%v", err)
	case !info.IsDir():
		r.miss("state_dir", "%s is not a directory", path)
	case info.Mode().Perm()&0o077 != 0:
		r.miss("state_dir", "%s has mode %04o, and it holds password hashes; type chmod 0700 %s", path, info.Mode().Perm(), path)
	}
}

// makeable wants the nearest directory above path that exists to be one.
func (r *resolver) makeable(path string) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != "/" {
			continue
		}
		if err != nil {
			r.miss("state_dir", "%v", err)
		} else if !info.IsDir() {
			r.miss("state_dir", "%s is not a directory", dir)
		}
		return
	}
}
