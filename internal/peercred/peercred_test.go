package peercred

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// connect returns the server's end of a connection from this process.
func connect(t *testing.T, network, address string) net.Conn {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	client, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// wrapped hides the socket but for NetConn.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

// hidden hides it altogether.
type hidden struct{ net.Conn }

func TestOfUnix(t *testing.T) {
	t.Parallel()
	conn := connect(t, "unix", filepath.Join(t.TempDir(), "s"))
	want := Cred{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), PID: int32(os.Getpid())}
	for name, c := range map[string]net.Conn{
		"plain": conn, "wrapped": wrapped{conn}, "wrapped twice": wrapped{wrapped{conn}}, "TLS": tls.Server(conn, &tls.Config{}),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Of(c); err != nil || got != want {
				t.Errorf("Of = %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestOfOthers(t *testing.T) {
	t.Parallel()
	tcp := connect(t, "tcp", "127.0.0.1:0")
	pipe, other := net.Pipe()
	t.Cleanup(func() { _, _ = pipe.Close(), other.Close() })
	for name, c := range map[string]net.Conn{
		"TCP": tcp, "TCP, wrapped": wrapped{tcp}, "pipe": pipe, "hidden": hidden{tcp}, "nothing": nil, "nothing, wrapped": wrapped{nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Of(c); !errors.Is(err, ErrNotUnix) || got != (Cred{}) {
				t.Errorf("Of = %+v, %v, want ErrNotUnix", got, err)
			}
		})
	}
}

func TestOfClosed(t *testing.T) {
	t.Parallel()
	conn := connect(t, "unix", filepath.Join(t.TempDir(), "s"))
	_ = conn.Close()
	if got, err := Of(conn); !errors.Is(err, net.ErrClosed) || got != (Cred{}) {
		t.Errorf("Of a closed connection = %+v, %v, want net.ErrClosed", got, err)
	}
}
