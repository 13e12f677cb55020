package metrics

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/serve"
)

// What no scraper sends gets HTTP's own refusal or a closed connection, and the
// next scrape an answer.
func TestHostilePeers(t *testing.T) {
	healthy := func() error { return nil }
	s := NewServer(New("test"), Health{Alive: healthy, Ready: healthy}, serve.Hooks{}, slog.New(slog.DiscardHandler))
	path := filepath.Join(t.TempDir(), "metrics")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
			t.Errorf("end: %v", err)
		}
	})
	ask := func(request string) string {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(conn, request)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return "closed"
		}
		return response.Status[:3]
	}
	for _, c := range []struct{ name, request, want string }{
		{"no HTTP", "\x00\x01\x02\r\n\r\n", "400"},
		{"another version", "GET /healthz HTTP/9.9\r\n\r\n", "505"},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", "400"},
		{"an endless header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 1<<20), "431"},
		{"a control byte in a header", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: \x01\r\n\r\n", "400"},
		{"another method", "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405"},
		{"another path", "GET /debug/pprof/ HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
		{"a path upwards", "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "307"},
		{"two lengths", "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ask(c.request); got != c.want {
				t.Errorf("answered %s, want %s", got, c.want)
			}
			if got := ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); got != "200" {
				t.Errorf("the next question is answered %s", got)
			}
		})
	}
}

// Connections beyond the limit wait; they take no descriptor, and when others
// end they are served.
func TestConnectionLimit(t *testing.T) {
	healthy := func() error { return nil }
	s := NewServer(New("test"), Health{Alive: healthy, Ready: healthy}, serve.Hooks{}, slog.New(slog.DiscardHandler))
	path := filepath.Join(t.TempDir(), "metrics")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()
	var held []net.Conn
	for range maxConns {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	late, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	_, _ = io.WriteString(late, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, c := range held {
		_ = c.Close()
	}
	_ = late.SetDeadline(time.Now().Add(20 * time.Second))
	if response, err := http.ReadResponse(bufio.NewReader(late), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("a connection that waited = %v, %v, want 200", response, err)
	}
	s.mu.Lock()
	open := s.open
	s.mu.Unlock()
	if open > maxConns {
		t.Errorf("%d connections are open, want at most %d", open, maxConns)
	}
	if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
		t.Errorf("end: %v", err)
	}
}
