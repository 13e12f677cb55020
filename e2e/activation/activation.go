// Package activation does for gatepostd what systemd does: it makes the sockets
// that the units of the folder systemd describe, keeps them while gatepostd comes
// and goes, and passes them to each new process (sd_listen_fds(3)). What clients
// send while no gatepostd runs waits in the sockets.
//
// Only Unix sockets are made; the metrics page is on TCP.
package activation

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// Options say which sockets to hold.
type Options struct {
	Units string                   // folder of the socket units
	Place func(path string) string // where the socket that a unit has at path is to be here; its folder exists
	// IDs are the users and groups of the units that this machine may lack, and
	// the ids to take. Without root all sockets belong to who runs this.
	IDs map[string]int
}

// Sockets are held open until Close. The methods are for one goroutine.
type Sockets struct {
	names []string
	files []*os.File
}

// Listen makes the sockets. A failure leaves none.
func Listen(o Options) (*Sockets, error) {
	units, err := readUnits(o.Units)
	if err != nil {
		return nil, err
	}
	s := &Sockets{}
	for _, u := range units {
		if !strings.HasPrefix(u.address, "/") {
			continue
		}
		file, err := o.listen(u)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("hold the socket %s: %w", u.name, err), s.Close())
		}
		s.names, s.files = append(s.names, u.name), append(s.files, file)
	}
	return s, nil
}

// listen makes one socket.
func (o Options) listen(u unit) (*os.File, error) {
	path := o.Place(u.address)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer l.Close() // the file is a descriptor of its own
	l.SetUnlinkOnClose(false)
	file, err := l.File()
	if err != nil {
		return nil, err
	}
	err = errors.Join(syscall.Listen(int(file.Fd()), u.backlog), os.Chmod(path, u.mode))
	if os.Geteuid() == 0 && err == nil {
		err = o.own(path, u)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// own gives a socket to the unit's user and group.
func (o Options) own(path string, u unit) error {
	uid, err := o.id(cmp.Or(u.user, "root"), func(name string) (string, error) {
		found, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return found.Uid, nil
	})
	if err != nil {
		return err
	}
	gid, err := o.id(cmp.Or(u.group, "root"), func(name string) (string, error) {
		found, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return found.Gid, nil
	})
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

// id returns the number of a user or group.
func (o Options) id(name string, lookup func(name string) (string, error)) (int, error) {
	if id, ok := o.IDs[name]; ok {
		return id, nil
	}
	found, err := lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(found)
}

// Command returns a command that gets the sockets. systemd tells the process's
// own id; a shell that becomes the program is the simplest who knows it.
func (s *Sockets) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, program}, args...)...)
	cmd.ExtraFiles = s.files // from descriptor 3 on, SD_LISTEN_FDS_START
	cmd.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(s.files)), "LISTEN_FDNAMES="+strings.Join(s.names, ":"))
	return cmd
}

// Close closes the sockets; their files stay.
func (s *Sockets) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	s.files = nil
	return errors.Join(errs...)
}
