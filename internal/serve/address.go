package serve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// maxUnixPath is the size of sun_path less its terminating NUL: unix(7).
const maxUnixPath = 107

// Address is where a door listens. Only ParseAddress makes it.
type Address struct {
	network string // "unix" or "tcp"
	where   string // path, or host:port
}

// ParseAddress reads "unix:/path" or "tcp:host:port". A path must be absolute,
// clean and at most 107 bytes long; a host must be given and a port must be a
// number. The host "localhost" or an IP address; IPv6 stands in brackets.
func ParseAddress(s string) (Address, error) {
	network, where, _ := strings.Cut(s, ":")
	var err error
	switch network {
	case "unix":
		err = checkPath(where)
	case "tcp":
		err = checkHostPort(where)
	default:
		err = errors.New(`want "unix:/path" or "tcp:host:port"`)
	}
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %w", s, err)
	}
	return Address{network, where}, nil
}

func checkPath(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return errors.New("the path of a unix socket must be absolute")
	case strings.IndexByte(path, 0) >= 0:
		return errors.New("the path holds a NUL byte")
	case filepath.Clean(path) != path:
		return fmt.Errorf("the path is not clean, write %q", filepath.Clean(path))
	case path == "/":
		return errors.New("the path is a directory")
	case len(path) > maxUnixPath:
		return fmt.Errorf("the path has %d bytes, a unix socket's may have %d", len(path), maxUnixPath)
	}
	return nil
}

func checkHostPort(where string) error {
	host, port, err := net.SplitHostPort(where)
	if err != nil {
		return errors.New(`want "tcp:host:port", with an IPv6 host in brackets`)
	}
	if host == "" {
		return errors.New("no host; write 127.0.0.1, or 0.0.0.0 or [::] to be reached from other machines")
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
		return fmt.Errorf("host %q is neither an IP address nor localhost", host)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	return nil
}

// String returns what ParseAddress read.
func (a Address) String() string { return a.network + ":" + a.where }

// Network returns "unix" or "tcp".
func (a Address) Network() string { return a.network }

// Path returns the path of a Unix socket, else "".
func (a Address) Path() string {
	if a.network != "unix" {
		return ""
	}
	return a.where
}

// HostPort returns host:port of a TCP address, else "".
func (a Address) HostPort() string {
	if a.network != "tcp" {
		return ""
	}
	return a.where
}

// IsLoopback reports whether only this machine can connect: true for a Unix
// socket and for a loopback host.
func (a Address) IsLoopback() bool {
	if a.network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.where)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
