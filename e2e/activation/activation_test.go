package activation

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The project's own units, as far as they are Unix sockets, with the modes that
// they say; what is passed is what gatepostd looks for.
func TestSocketsOfTheUnits(t *testing.T) {
	dir := t.TempDir()
	s, err := Listen(Options{
		Units: "../../systemd",
		Place: func(path string) string { return filepath.Join(dir, filepath.Base(path)) },
		IDs:   map[string]int{"root": os.Getuid(), "postfix": os.Getgid(), "dovenull": os.Getgid(), "vmail": os.Getgid(), "gatepost-admin": os.Getgid()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, mode := range map[string]fs.FileMode{
		"admin": 0o660, "auth": 0o660, "auth-master": 0o600, "login": 0o660, "policy": 0o660, "quota": 0o660, "socketmap": 0o660,
	} {
		if found, err := os.Stat(filepath.Join(dir, name)); err != nil || found.Mode() != mode|fs.ModeSocket {
			t.Errorf("%s: %v, %v, want a socket of mode %v", name, found, err, mode)
		}
	}
	waiting, err := net.Dial("unix", filepath.Join(dir, "policy")) // nobody accepts yet
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	said, err := s.Command("/bin/sh", "-c", `test $LISTEN_PID = $$ && test -S /proc/self/fd/3 && test -S /proc/self/fd/9 && echo $LISTEN_FDS $LISTEN_FDNAMES`).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(string(said)), "7 admin:auth-master:auth:auth:policy:quota:socketmap"; got != want {
		t.Errorf("passed %q, want %q", got, want)
	}
}

func TestUnitsThatCannotBeHeld(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"no name":    {"[Socket]\nListenStream=/run/x\n", "no FileDescriptorName"},
		"wrong mode": {"[Socket]\nSocketMode=0668\n", "SocketMode=0668"},
		"no folder":  {"[Socket]\nFileDescriptorName=x\nListenStream=/run/x\n", "hold the socket x"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.socket"), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Listen(Options{Units: dir, Place: func(string) string { return filepath.Join(dir, "missing", "x") }})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Listen = %v, want %q in it", err, tt.want)
			}
		})
	}
	if _, err := Listen(Options{Units: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no socket units") {
		t.Errorf("Listen of an empty folder = %v", err)
	}
}
