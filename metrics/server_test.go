package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gatepost/gatepost/internal/serve"
)

// serveMetrics serves m until the test ends and returns the URL.
func serveMetrics(t *testing.T, m *Metrics, h Health, hooks serve.Hooks) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(m, h, hooks, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown = %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return s, "http://" + l.Addr().String()
}

func get(t *testing.T, url, accept string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

func fine() error { return nil }

func TestScrape(t *testing.T) {
	_, url := serveMetrics(t, New("1.2.3"), Health{Alive: fine, Ready: fine}, serve.Hooks{})
	code, header, body := get(t, url+"/metrics", "text/plain")
	if code != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Fatalf("/metrics: %d, %s", code, header.Get("Content-Type"))
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil || families["gatepost_build_info"] == nil {
		t.Errorf("/metrics cannot be parsed, or has no gatepost_build_info: %v", err)
	}
	_, header, body = get(t, url+"/metrics", "application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(header.Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("OpenMetrics were asked for, and %s came", header.Get("Content-Type"))
	}
}

func TestProbes(t *testing.T) {
	trouble := errors.New("draining")
	bad := func() error { return trouble }
	for _, row := range []struct {
		name, path string
		health     Health
		code       int
		body       string
	}{
		{"alive", "/healthz", Health{fine, bad}, 200, "ok\n"},
		{"stuck", "/healthz", Health{bad, fine}, 503, "draining\n"},
		{"ready", "/readyz", Health{bad, fine}, 200, "ok\n"},
		{"not ready", "/readyz", Health{fine, bad}, 503, "draining\n"},
		{"another path", "/", Health{fine, fine}, 404, "404 page not found\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, url := serveMetrics(t, New("x"), row.health, serve.Hooks{})
			code, _, body := get(t, url+row.path, "")
			if code != row.code || body != row.body {
				t.Errorf("GET %s = %d %q, want %d %q", row.path, code, body, row.code, row.body)
			}
		})
	}
}

// Who only scrapes learns what /readyz says.
func TestReady(t *testing.T) {
	why := errors.New("draining")
	m := New("x")
	serveMetrics(t, m, Health{Alive: fine, Ready: func() error { return why }}, serve.Hooks{})
	if got := gather(t, m)["gatepost_ready"]; got != 0 {
		t.Errorf("gatepost_ready = %v while draining, want 0", got)
	}
	why = nil
	if got := gather(t, m)["gatepost_ready"]; got != 1 {
		t.Errorf("gatepost_ready = %v, want 1", got)
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	var most, now atomic.Int64
	hooks := serve.Hooks{Conns: func(open int) {
		now.Store(int64(open))
		most.Store(max(most.Load(), int64(open)))
	}}
	s, url := serveMetrics(t, New("x"), Health{Alive: fine, Ready: fine}, hooks)
	get(t, url+"/healthz", "")
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 1 {
		t.Errorf("%d connections were seen, want 1", most.Load())
	}
}

// Who has connected and said nothing does not hold up the end.
func TestShutdownOfSilentConnection(t *testing.T) {
	connected := make(chan struct{})
	hooks := serve.Hooks{Conns: func(open int) {
		if open == 1 {
			close(connected)
		}
	}}
	s, url := serveMetrics(t, New("x"), Health{Alive: fine, Ready: fine}, hooks)
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-connected
	begun := time.Now()
	if err := s.Shutdown(context.Background()); err != nil || time.Since(begun) > 3*time.Second {
		t.Errorf("Shutdown = %v after %v", err, time.Since(begun))
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(New("x"), Health{Alive: fine, Ready: fine}, serve.Hooks{}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Serve(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("Serve with an ended context = %v", err)
	}
}
