package echo

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestServersAnswerEachRequest(t *testing.T) {
	for _, row := range []struct {
		name  string
		serve func(l *net.UnixListener) error
	}{
		{"goroutines", func(l *net.UnixListener) error {
			return (&Server{End: []byte("\n\n"), Reply: []byte("yes\n\n")}).Serve(l)
		}},
		{"event loop", (&Loop{End: []byte("\n\n"), Reply: []byte("yes\n\n")}).Serve},
	} {
		t.Run(row.name, func(t *testing.T) {
			name := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
			l, err := net.ListenUnix("unix", name)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			go func() { _ = row.serve(l) }() // the loop ends with the process
			for range 3 {
				ask(t, name)
			}
		})
	}
}

// ask asks twice on a connection.
func ask(t *testing.T, name *net.UnixAddr) {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 64)
	for range 2 {
		if _, err := conn.Write([]byte("a=b\n\n")); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != "yes\n\n" {
			t.Fatalf("reply = %q, %v, want %q", buf[:n], err, "yes\n\n")
		}
	}
}
