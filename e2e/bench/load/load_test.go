package load_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/echo"
	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// serveEcho starts an echo server and returns its path.
func serveEcho(t testing.TB, s *echo.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "echo")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve = %v, want net.ErrClosed", err)
		}
	})
	return path
}

func dunno() *echo.Server { return &echo.Server{End: []byte("\n\n"), Reply: []byte(traffic.Dunno)} }

func policyPlan(path string, conns int) load.Plan {
	users := traffic.Users{Count: 1000}
	return load.Plan{Network: "unix", Address: path, Conns: conns, Duration: 200 * time.Millisecond,
		Dialogue: func(i int) load.Dialogue { return traffic.NewPolicy(users, false, i) }}
}

func TestClosedLoop(t *testing.T) {
	plan := policyPlan(serveEcho(t, dunno()), 8)
	marks := ""
	plan.Begin, plan.End = func() { marks += "begin " }, func() { marks += "end" }
	r, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests == 0 || r.Took < plan.Duration-5*time.Millisecond || // the clocks of begin and end are read apart
		r.Latency.Total()+uint64(plan.Conns) < r.Requests {
		t.Errorf("%d requests in %v, %d latencies; want some, at least %v, as many", r.Requests, r.Took, r.Latency.Total(), plan.Duration)
	}
	if marks != "begin end" {
		t.Errorf("marks = %q, want begin end", marks)
	}
}

// The rate is kept, and a server that stalls is charged with what it kept from
// being sent.
func TestOpenLoop(t *testing.T) {
	const rate, stall = 500, 100 * time.Millisecond
	path := filepath.Join(t.TempDir(), "slow")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 4096)
		for i := 0; ; i++ {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			if i == 50 {
				time.Sleep(stall)
			}
			_, _ = conn.Write([]byte(traffic.Dunno))
		}
	}()
	plan := policyPlan(path, 1)
	plan.Rate, plan.Duration = rate, 600*time.Millisecond
	r, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if want := rate * plan.Duration.Seconds(); float64(r.Latency.Total()) < want*0.7 || float64(r.Latency.Total()) > want*1.3 {
		t.Errorf("%d requests, want about %.0f", r.Latency.Total(), want)
	}
	// A sixth of the requests was due in the stall and waited half of it.
	if p95 := r.Latency.Quantile(0.95); p95 < stall/2 {
		t.Errorf("p95 = %v, want at least %v", p95, stall/2)
	}
}

func TestWrongReplyFailsTheRun(t *testing.T) {
	path := serveEcho(t, &echo.Server{End: []byte("\n\n"), Reply: []byte("action=REJECT\n\n")})
	_, err := load.Run(t.Context(), policyPlan(path, 2))
	if err == nil || !strings.Contains(err.Error(), "wrong reply") {
		t.Errorf("Run = %v, want a wrong reply", err)
	}
}

func TestClosedConnectionFailsTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "closing")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	if _, err := load.Run(t.Context(), policyPlan(path, 1)); err == nil {
		t.Error("Run = nil, want an error")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	plan := policyPlan(serveEcho(t, dunno()), 1)
	plan.Duration = time.Hour
	if _, err := load.Run(ctx, plan); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestHistogram(t *testing.T) {
	var h load.Histogram
	for i := range 10_000 {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	for _, row := range []struct {
		q    float64
		want time.Duration
	}{{0, 0}, {0.5, 5 * time.Millisecond}, {0.9, 9 * time.Millisecond}, {0.99, 9900 * time.Microsecond}, {1, 9999 * time.Microsecond}} {
		if got := h.Quantile(row.q); got < row.want*99/100 || got > row.want*101/100 {
			t.Errorf("Quantile(%v) = %v, want %v", row.q, got, row.want)
		}
	}
}
