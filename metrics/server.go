package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"

	"github.com/gatepost/gatepost/internal/serve"
)

// The limits of the server.
const (
	maxScrapes    = 4
	maxHeader     = 8 << 10
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxConns      = 256 // further ones wait to be accepted, so that nobody takes the descriptors of the other doors
)

// Health is what /healthz and /readyz ask. An error is the reason why not, in
// words for an administrator. The functions may be called at the same time and
// return soon.
type Health struct {
	Alive func() error // nil: the process does its work; otherwise it needs a restart
	Ready func() error // nil: questions are answered and changes are taken
}

// Server serves /metrics, /healthz and /readyz by HTTP.
type Server struct {
	hooks serve.Hooks
	http  http.Server

	mu       sync.Mutex        // guards what follows, and the order in which Hooks.Conns is told
	open     int               // connections
	silent   map[net.Conn]bool // those that have not asked anything
	draining bool
}

// NewServer returns a server of m, to which it adds whether gatepost is ready;
// so m has one server.
func NewServer(m *Metrics, h Health, hooks serve.Hooks, log *slog.Logger) *Server {
	m.registry.MustRegister(ready(h))
	s := &Server{hooks: hooks, silent: map[net.Conn]bool{}}
	errorLog := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, ErrorLog: errorLog,
	}))
	mux.HandleFunc("GET /healthz", probe(h.Alive))
	mux.HandleFunc("GET /readyz", probe(h.Ready))
	s.http = http.Server{
		Handler: mux, ErrorLog: errorLog, MaxHeaderBytes: maxHeader,
		ReadTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ConnState: s.track,
	}
	return s
}

// ready tells what /readyz does, to those who only scrape.
func ready(h Health) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "ready",
		Help: "1 while questions are answered and changes are taken; /readyz says why not.",
	}, func() float64 { return number(h.Ready() == nil) })
}

// number writes a fact as a gauge has it.
func number(fact bool) float64 {
	if fact {
		return 1
	}
	return 0
}

// probe answers 200, or 503 and the reason.
func probe(ask func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := ask(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// track tells how many connections are open, and remembers those that have not
// asked anything: http.Server.Shutdown waits 5 s for them.
func (s *Server) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.silent, c)
	switch state {
	case http.StateNew:
		s.open++
		s.silent[c] = true
		if s.draining {
			_ = c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.open--
	default:
		return
	}
	if s.hooks.Conns != nil {
		s.hooks.Conns(s.open)
	}
}

// hangUp closes the connections that have not asked anything, now and later.
func (s *Server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for c := range s.silent {
		_ = c.Close()
	}
}

// Serve serves connections from l until Shutdown, then returns nil. When ctx
// ends it closes the listener and every connection and returns the context's
// error. It may be called for several listeners, from a goroutine each.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stop()
	err := s.http.Serve(netutil.LimitListener(l, maxConns))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, http.ErrServerClosed):
		return nil
	}
	return err
}

// Shutdown stops accepting, closes idle connections and lets requests in
// progress finish. When ctx ends first it closes the rest and returns the
// context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.hangUp()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
	}
	return err
}
