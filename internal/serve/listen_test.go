package serve

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var keep = ListenOptions{UID: -1, GID: -1}

func listen(t *testing.T, path string, opt ListenOptions) net.Listener {
	t.Helper()
	l, err := Listen("unix:"+path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// answers reports whether a client reaches l at path.
func answers(t *testing.T, l net.Listener, path string) {
	t.Helper()
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer func() { _ = client.Close() }()
	server, err := l.Accept()
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	_ = server.Close()
}

func TestListenUnix(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ given, want fs.FileMode }{"chosen mode": {0o660, 0o660}, "open": {0o666, 0o666}, "default": {0, 0o600}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "policy")
			l := listen(t, path, ListenOptions{Mode: test.given, UID: os.Getuid(), GID: os.Getgid()})
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != fs.ModeSocket|test.want {
				t.Errorf("%s: %v, %v, want a socket of mode %v", path, info, err, test.want)
			}
			if owner := info.Sys().(*syscall.Stat_t); int(owner.Uid) != os.Getuid() || int(owner.Gid) != os.Getgid() {
				t.Errorf("owned by %d:%d, want %d:%d", owner.Uid, owner.Gid, os.Getuid(), os.Getgid())
			}
			if got := l.Addr().String(); got != path {
				t.Errorf("Addr = %q, want %q", got, path)
			}
			answers(t, l, path)
			wantFiles(t, dir, "policy")
			if err := errors.Join(l.Close(), l.Close()); err != nil {
				t.Errorf("Close, twice = %v, want nil", err)
			}
			wantFiles(t, dir)
		})
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files = %v, want %v", got, want)
	}
}

// The private directory makes the path longer than a socket's may be.
func TestListenLongestPath(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := dir + "/"
	path += strings.Repeat("s", maxUnixPath-len(path))
	answers(t, listen(t, path, keep), path)
}

func TestListenInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	first := listen(t, path, keep)
	if _, err := Listen("unix:"+path, keep); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("second Listen = %v, want ErrInUse with the path", err)
	}
	server, err := first.Accept() // the probe
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	answers(t, first, path)

	datagram := filepath.Join(t.TempDir(), "d")
	conn, err := net.ListenPacket("unixgram", datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := Listen("unix:"+datagram, keep); !errors.Is(err, ErrInUse) {
		t.Errorf("Listen over a datagram socket = %v, want ErrInUse", err)
	}
}

func TestListenReplacesStaleSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close() // as a killed process leaves it
	answers(t, listen(t, path, keep), path)
}

// A listener that was replaced, here by hand, must leave the other's socket.
func TestCloseLeavesOthersSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	old := listen(t, path, keep)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next := listen(t, path, keep)
	_ = old.Close()
	answers(t, next, path)
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ address, want string }{
		"file in place":      {"unix:" + file, "exists and is not a socket"},
		"link in place":      {"unix:" + link, "exists and is not a socket"},
		"directory in place": {"unix:" + dir, "exists and is not a socket"},
		"no directory":       {"unix:" + dir + "/none/s", "no such file or directory"},
		"not a directory":    {"unix:" + file + "/s", "not a directory"},
		"bad address":        {"unix:s", "must be absolute"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Listen(test.address, keep); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Listen(%q) = %v, want an error with %q", test.address, err, test.want)
			}
		})
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file holds %q, %v afterwards", b, err)
	}
	wantFiles(t, dir, "file", "link")
}

func TestListenTCP(t *testing.T) {
	t.Parallel()
	l, err := Listen("tcp:127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := Listen("tcp:"+l.Addr().String(), ListenOptions{}); !errors.Is(err, ErrInUse) {
		t.Errorf("second Listen = %v, want ErrInUse", err)
	}
}
