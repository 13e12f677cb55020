package adminsock_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// rig is a server on a Unix socket over the standard directory.
type rig struct {
	t      testing.TB
	server *adminsock.Server
	dir    *directory.Directory
	ledger *quota.Ledger
	socket string
	client *http.Client
	log    *doortest.Record
}

// start serves the standard directory; change may alter the options before.
func start(t testing.TB, change func(*adminsock.Server)) *rig {
	t.Helper()
	d, l := testkit.Standard(t)
	return serve(t, d, l, change)
}

func serve(t testing.TB, d *directory.Directory, l *quota.Ledger, change func(*adminsock.Server)) *rig {
	t.Helper()
	home, err := os.MkdirTemp("", "gp")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: d, ledger: l, socket: filepath.Join(home, "admin"), log: &doortest.Record{}}
	policy, err := password.ParsePolicy("classic8")
	if err != nil {
		t.Fatal(err)
	}
	r.server = &adminsock.Server{
		Directory: d, Ledger: l,
		Verifier: password.NewVerifier(password.Options{}),
		Settings: func() adminsock.Settings { return adminsock.Settings{Scheme: password.Argon2ID, Policy: policy} },
		Status: func() adminsock.Status {
			return adminsock.Status{Version: "1.2.3", Started: testkit.Noon, Doors: []command.Door{{Door: "policy", Address: "unix:/run/gatepost/policy", Open: 3}}}
		},
		Now: func() time.Time { return testkit.Noon.Add(time.Hour) },
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(r.server)
	}
	listener, err := net.Listen("unix", r.socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(context.Background(), listener) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
	}}
	r.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
		_ = os.RemoveAll(home)
	})
	return r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as curl would: "POST /v1/users", with a body or without.
func (r *rig) do(line, body string, headers ...string) answer {
	r.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, "http://gatepost"+path, reader)
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// ok wants the status and decodes the body.
func (r *rig) ok(line, body string, want int, into any) answer {
	r.t.Helper()
	a := r.do(line, body)
	if a.status != want {
		r.t.Fatalf("%s %s = %d %s, want %d", line, body, a.status, a.body, want)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			r.t.Fatalf("%s: %v in %s", line, err, a.body)
		}
	}
	return a
}

// problem decodes a refusal.
func (a answer) problem(t testing.TB) adminsock.Problem {
	t.Helper()
	var p adminsock.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q, want application/problem+json", got)
	}
	if p.Status != a.status || p.Title == "" || p.Code == "" || p.Detail == "" || p.Request == "" {
		t.Errorf("problem %s with status %d lacks something", a.body, a.status)
	}
	return p
}
