package adminsock_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
)

// wire is a connection on which a test writes bytes.
type wire struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (r *rig) dial() *wire {
	r.t.Helper()
	c, err := net.Dial("unix", r.socket)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	t, _ := r.t.(*testing.T)
	return &wire{t, c, bufio.NewReader(c)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// status returns the status of the next answer; 0 when the connection ended.
func (w *wire) status() int {
	res, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func TestHostileJSON(t *testing.T) {
	deep := strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100)
	tests := []struct {
		name, body string
		status     int
		code       string
		detail     string // a part of it
	}{
		{"empty", " ", 400, "malformed", "the body is empty"},
		{"not JSON", `address=x`, 400, "malformed", "at byte 1: invalid character 'a'"},
		{"half", `{"domain":"x.test"`, 400, "malformed", "at byte 18: unexpected end"},
		{"comma at the end", `{"domain":"x.test",}`, 400, "malformed", "at byte 20: invalid character '}'"},
		{"something after it", `{"domain":"x.test"} {}`, 400, "malformed", "at byte 21: invalid character '{' after top-level value"},
		{"a NUL", "{\"domain\":\"x\x00.test\"}", 400, "malformed", "at byte 13"},
		{"not UTF-8", "{\"domain\":\"x\xff.test\"}", 400, "malformed", "at byte 13: not UTF-8"},
		{"a lone surrogate", `{"domain":"x\ud800.test"}`, 422, "invalid", "domain"},
		{"twice", `{"domain":"x.test","domain":"y.test"}`, 400, "malformed", "domain: given twice"},
		{"twice by an escape", `{"domain":"x.test","d\u006fmain":"y.test"}`, 400, "malformed", "domain: given twice"},
		{"another case", `{"Domain":"x.test"}`, 422, "invalid", "Domain: unknown field"},
		{"a letter that folds to another", `{"\u017ftate":"active","domain":"x.test"}`, 422, "invalid", "unknown field"},
		{"unknown field", `{"domain":"x.test","colour":"red"}`, 422, "invalid", "colour: unknown field"},
		{"an array", `[]`, 422, "invalid", "expected object"},
		{"null", `null`, 422, "invalid", "expected object"},
		{"a number", `7`, 422, "invalid", "expected object"},
		{"wrong type", `{"domain":7}`, 422, "invalid", "domain: expected string"},
		{"object for text", `{"domain":{"domain":"x.test"}}`, 422, "invalid", "domain: expected string"},
		{"huge number", `{"domain":"x.test","max_users":1e400}`, 422, "invalid", "max_users: not a whole number"},
		{"fraction", `{"domain":"x.test","max_users":1.5}`, 422, "invalid", "max_users: not a whole number"},
		{"negative count", `{"domain":"x.test","max_users":-1}`, 422, "invalid", "max_users: expected number >= 0"},
		{"deep", `{"domain":` + deep + `}`, 400, "malformed", "nested deeper than 8"},
		{"line end in an address", `{"domain":"x.test\nGET / HTTP/1.1"}`, 422, "invalid", `domain: domain: unexpected "\n"`},
	}
	r := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := r.do("POST /v1/domains", tt.body).problem(t)
			if p.Status != tt.status || p.Code != tt.code || !strings.Contains(p.Detail, tt.detail) {
				t.Errorf("POST %s = %d %s %q, want %d %s %q", tt.body, p.Status, p.Code, p.Detail, tt.status, tt.code, tt.detail)
			}
		})
	}
}

// TestHostileHTTP: every request has one answer, or the connection ends.
func TestHostileHTTP(t *testing.T) {
	const head = "POST /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	tests := []struct {
		name, text string
		status     int // 0: closed
	}{
		{"as curl sends it", "POST /v1/domains HTTP/1.1\r\nHost: gatepost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nContent-Length: 21\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n{\"domain\":\"new.test\"}", 201},
		{"without content type", "POST /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Length: 22\r\n\r\n{\"domain\":\"new2.test\"}", 201},
		{"chunked", head + "Transfer-Encoding: chunked\r\n\r\n16\r\n{\"domain\":\"new3.test\"}\r\n0\r\n\r\n", 201},
		{"HTTP/1.0", "GET /v1/status HTTP/1.0\r\n\r\n", 200},
		{"HEAD", "HEAD /v1/domains/other.test HTTP/1.0\r\n\r\n", 200},
		{"another type", "POST /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<x/>", 415},
		{"multipart", "POST /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 4\r\n\r\n--x\r", 415},
		{"no body", head + "\r\n", 400},
		{"body too long by its own account", head + "Content-Length: 2000000\r\n\r\n" + strings.Repeat(" ", adminsock.MaxBody+1), 413},
		{"body too long in chunks", head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat(" ", 0x10000)+"\r\n", 17), 413},
		{"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}", 400},
		{"length and chunks", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"no HTTP", "hello\r\n\r\n", 400},
		{"a netstring", "12:example.test,", 400},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		{"headers too long", "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 40_000) + "\r\n\r\n", 431},
		{"no host", "GET /v1/status HTTP/1.1\r\n\r\n", 400},
		{"CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", 404},
		{"a star", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"dots in the path", "GET /v1/users/../status HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"absolute URL", "GET http://elsewhere/v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 200},
	}
	r := start(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &wire{t: t, Conn: r.dial().Conn}
			c.r = bufio.NewReader(c.Conn)
			go func() { _, _ = io.WriteString(c.Conn, tt.text) }() // the server may answer and close before the end
			if got := c.status(); got != tt.status && !(tt.name == "HEAD" && got == 0) {
				t.Errorf("status = %d, want %d", got, tt.status)
			}
		})
	}
}

// TestHalfARequest: a peer that stops in the middle is not waited for.
func TestHalfARequest(t *testing.T) {
	r := start(t, func(s *adminsock.Server) { s.BodyTimeout = 100 * time.Millisecond })
	tests := []struct {
		name, text string
		status     int
	}{
		{"nothing", "", 0},
		{"half a line", "GET /v1/sta", 400},
		{"half the headers", "GET /v1/status HTTP/1.1\r\nHost: x\r\n", 0},
		{"half a body", "POST /v1/domains HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"dom", 408},
		{"half a batch", "POST /v1/users/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"address\":\"n@example.test\"}\n", 408},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := r.dial()
			c.send(tt.text)
			begun := time.Now()
			if got := c.status(); got != tt.status {
				t.Errorf("status = %d, want %d", got, tt.status)
			}
			if took := time.Since(begun); took > adminsock.HeaderTimeout+5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestPeerThatNeverReads is dropped; others are served meanwhile.
func TestPeerThatNeverReads(t *testing.T) {
	r := start(t, func(s *adminsock.Server) { s.WriteTimeout = 100 * time.Millisecond })
	c := r.dial()
	for {
		if _, err := io.WriteString(c, "GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			break // the wire's own deadline is later, and fails the next line
		}
	}
	r.ok("GET /v1/users/bob@example.test", "", 200, nil)
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reading on: %v, want the end", err)
	}
}

// TestSecretsAreNotRepeated: huma echoes refused values; nothing of them must
// reach an answer or the log.
func TestSecretsAreNotRepeated(t *testing.T) {
	const secret = "Xyzzy-Plugh-2222"
	quoted, _ := json.Marshal(secret)
	bodies := []string{
		`{"address":"n@example.test","password":%s,"colour":"red"}`,
		`{"address":7,"password":%s}`,
		`{"address":"n@example.test","password":[%s]}`,
		`{"address":"n@example.test","password":{"x":%s}}`,
		`{"address":"n@example.test","password_hash":%s}`,
		`{"address":"n@example.test","password":%s,"password_hash":%[1]s}`,
		`{"address":"n@example.test","password":%s,"random":true}`,
		`{"address":"nonsense","password":%s}`,
		`{"address":"alice@example.test","password":%s}`,
		`{"address":"n@example.test","password":%s`,
		`{"address":"n@example.test","password":%s} x`,
		`{"address":"n@example.test","password":%s,"password":1}`,
		`{"address":"n@example.test","pass":%s}`,
		`{"address":"n@example.test","random":%s}`,
		`{"address":"n@example.test","quota_bytes":%s}`,
		`[%s]`,
		`%s`,
	}
	r := start(t, nil)
	for _, line := range []string{"POST /v1/users", "PUT /v1/users/bob@example.test/password", "POST /v1/users/batch"} {
		for _, format := range bodies {
			body := fmt.Sprintf(format, quoted)
			a := r.do(line, body)
			if a.status < 400 {
				t.Errorf("%s %s = %d, want a refusal", line, body, a.status)
			}
			if strings.Contains(a.body, "Xyzzy") || strings.Contains(a.body, "Plugh") {
				t.Errorf("%s %s = %s, which repeats the secret", line, body, a.body)
			}
		}
	}
	r.ok("POST /v1/users", `{"address":"n@example.test","password":"`+secret+`"}`, 201, nil)
	if log := r.log.String(); strings.Contains(log, "Xyzzy") || !strings.Contains(log, "msg=changed") {
		t.Errorf("log = %s, which repeats the secret, or does not log", log)
	}
}
