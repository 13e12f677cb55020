package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// asDaemon makes the test binary gatepostd itself, so that a test can kill it.
const asDaemon = "GATEPOSTD_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// patience is how long anything may take before a test gives up.
const patience = 30 * time.Second

// place is a directory with a configuration, and room for the sockets. It lies
// in /tmp because the path of a Unix socket has room for 107 bytes.
type place struct {
	dir, config string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "gatepostd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &place{dir: dir, config: filepath.Join(dir, "gatepost.toml")}
	p.write(t, "")
	return p
}

// write writes the configuration: every door in the directory, and more.
func (p *place) write(t *testing.T, more string) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "state_dir = %q\n", filepath.Join(p.dir, "state"))
	for _, door := range []string{"policy", "socketmap", "auth", "auth-master", "quota", "admin", "metrics"} {
		fmt.Fprintf(&text, "[[listen]]\ndoor = %q\naddress = \"unix:%s\"\nmode = \"0600\"\ngroup = %d\n", door, p.socket(door), os.Getegid())
	}
	text.WriteString("[mail]\nuid = 5000\ngid = 5000\n" + more)
	if err := os.WriteFile(p.config, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *place) socket(door string) string { return filepath.Join(p.dir, door) }

// process is a running gatepostd.
type process struct {
	t     *testing.T
	place *place
	cmd   *exec.Cmd
	log   *log
	ended chan struct{} // closed when it has ended
}

// log is what a process wrote. Waiting for a text ends when it is written.
type log struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	more chan struct{} // closed and made anew at each write
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(b)
}

func (l *log) read() (string, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.more
}

// launch starts gatepostd without waiting for it.
func (p *place) launch(t *testing.T, arguments ...string) *process {
	t.Helper()
	r := &process{t: t, place: p, log: &log{more: make(chan struct{})}, ended: make(chan struct{})}
	r.cmd = exec.Command(os.Args[0], append([]string{"--config", p.config, "--log-format", "text"}, arguments...)...)
	r.cmd.Env = append(os.Environ(), asDaemon+"=1")
	r.cmd.Stderr = r.log
	r.begin()
	return r
}

func (r *process) begin() {
	r.t.Helper()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { _ = r.cmd.Wait(); close(r.ended) }()
	r.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
		if r.t.Failed() {
			text, _ := r.log.read()
			r.t.Logf("gatepostd wrote:\n%s", text)
		}
	})
}

// start starts gatepostd and waits until it is ready.
func (p *place) start(t *testing.T, arguments ...string) *process {
	t.Helper()
	r := p.launch(t, arguments...)
	r.says("msg=ready")
	return r
}

// says waits until the log holds a text.
func (r *process) says(text string) {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		so, more := r.log.read()
		if strings.Contains(so, text) {
			return
		}
		select {
		case <-more:
		case <-r.ended:
			if so, _ := r.log.read(); !strings.Contains(so, text) {
				r.t.Fatalf("gatepostd ended and never said %q", text)
			}
			return
		case <-deadline:
			r.t.Fatalf("gatepostd did not say %q", text)
		}
	}
}

// end sends a signal, waits, and returns the exit code; -1: ended by a signal.
func (r *process) end(s os.Signal) int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
	return r.wait()
}

func (r *process) wait() int {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.t.Fatal("gatepostd does not end")
	}
	return r.cmd.ProcessState.ExitCode()
}

// client speaks HTTP at a door, one request a connection.
func (p *place) client(door string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", p.socket(door))
		},
	}}
}

// call sends one request with a JSON body, or none, to an HTTP door.
func (p *place) call(t *testing.T, door, method, path string, body any) (int, string) {
	t.Helper()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(encoded)
	}
	return p.send(t, door, method, path, "application/json", content)
}

func (p *place) send(t *testing.T, door, method, path, media string, content io.Reader) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, "http://gatepost"+path, content)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", media)
	response, err := p.client(door).Do(request)
	if err != nil {
		t.Fatalf("%s %s at the door %s: %v", method, path, door, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// admin sends a command that must succeed.
func (p *place) admin(t *testing.T, method, path string, body any) string {
	t.Helper()
	code, text := p.call(t, "admin", method, path, body)
	if code/100 != 2 {
		t.Fatalf("%s %s = %d %s", method, path, code, text)
	}
	return text
}

func (p *place) addDomain(t *testing.T, name string) {
	t.Helper()
	p.admin(t, http.MethodPost, "/v1/domains", map[string]any{"domain": name})
}

func (p *place) addUser(t *testing.T, address string) {
	t.Helper()
	p.admin(t, http.MethodPost, "/v1/users", map[string]any{"address": address, "password": "Secret-1234"})
}

// ask opens a connection to a door, sends text and waits for want.
func (p *place) ask(t *testing.T, door, text, want string) {
	t.Helper()
	c, err := net.DialTimeout("unix", p.socket(door), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exchange(t, c, text, want)
}

// exchange sends text and reads until the answer holds want.
func exchange(t *testing.T, c net.Conn, text, want string) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(got), want) {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			t.Fatalf("sent %q, got %q and %v, want %q", text, got, err, want)
		}
	}
}
