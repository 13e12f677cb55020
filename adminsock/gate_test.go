package adminsock_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/internal/peercred"
	"github.com/gatepost/gatepost/internal/quota"
)

var errDiskFull = errors.New("no space left on device")

func newLedger() *quota.Ledger { return &quota.Ledger{} }

// as makes every peer the user uid.
func as(uid uint32, err error) func(*adminsock.Server) {
	return func(s *adminsock.Server) {
		s.Peer = func(net.Conn) (peercred.Cred, error) { return peercred.Cred{UID: uid, PID: 77}, err }
	}
}

func TestWhoMay(t *testing.T) {
	tests := []struct {
		name   string
		peer   func(*adminsock.Server)
		status int
	}{
		{"root", as(0, nil), 200},
		{"the daemon's own user", as(uint32(os.Geteuid()), nil), 200},
		{"somebody else", as(4711, nil), 403},
		{"nobody, by the kernel", as(65534, nil), 403},
		{"somebody unknown", as(0, peercred.ErrNotUnix), 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, tt.peer)
			for _, line := range []string{"GET /v1/users/bob@example.test", "GET /v1/status", "GET /v1/users", "GET /v1/openapi.json"} {
				a := r.do(line, "")
				if a.status != tt.status {
					t.Errorf("%s = %d, want %d", line, a.status, tt.status)
				}
				if a.status == 403 && a.problem(t).Code != "denied" {
					t.Errorf("%s = %s, want denied", line, a.body)
				}
			}
		})
	}
}

// TestDeniedSeesNothing: not even which paths there are, or whether a body was
// well formed.
func TestDeniedSeesNothing(t *testing.T) {
	r := start(t, as(4711, nil))
	before := r.dir.Revision()
	for _, line := range []string{"GET /v1/nothing", "PUT /v1/users", "POST /v1/users", "GET /v1//users", "DELETE /v1/users/disabled@example.test", "POST /v1/users/batch"} {
		if p := r.do(line, `{"address"`).problem(t); p.Status != 403 || p.Code != "denied" {
			t.Errorf("%s = %d %s, want 403 denied", line, p.Status, p.Code)
		}
	}
	if r.dir.Revision() != before {
		t.Error("a denied request changed something")
	}
	if log := r.log.String(); !strings.Contains(log, "command denied") || !strings.Contains(log, "peer_uid=4711") {
		t.Errorf("log = %s, want the denials with their uid", log)
	}
}

// TestDeniedBeforeTheBody: the answer comes although the body never does, and
// nobody is asked to send it.
func TestDeniedBeforeTheBody(t *testing.T) {
	r := start(t, as(4711, nil))
	for name, header := range map[string]string{
		"half a body": "Content-Length: 1000\r\n\r\n{\"addr", "asks first": "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := r.dial()
			c.send("POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + header)
			if status := c.status(); status != 403 {
				t.Errorf("status = %d, want 403 before the body", status)
			}
		})
	}
}

// TestRealPeer: the kernel's word counts. Without root only the own user can be
// played.
func TestRealPeer(t *testing.T) {
	r := start(t, nil)
	r.ok("GET /v1/users/bob@example.test", "", 200, nil)
	if os.Geteuid() != 0 {
		return
	}
	for _, path := range []string{r.socket[:strings.LastIndexByte(r.socket, '/')], r.socket} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	status := make(chan int, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
		const nobody = 65534
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			status <- -int(errno)
			return
		}
		status <- ask(r.socket)
	}()
	if got := <-status; got != 403 {
		t.Errorf("as nobody: status = %d, want 403", got)
	}
}

// ask connects from this thread and returns the status.
func ask(socket string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return -1
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("GET /v1/status HTTP/1.0\r\n\r\n")); err != nil {
		return -2
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return -3
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestChangeIsAccountedFor: the log and the store know who changed what.
func TestChangeIsAccountedFor(t *testing.T) {
	var told []string
	r := start(t, func(s *adminsock.Server) {
		as(0, nil)(s)
		s.Hooks.Command = func(name string, result adminsock.Result, _ time.Duration) {
			told = append(told, name+" "+string(result))
		}
	})
	a := r.ok("PATCH /v1/users/bob@example.test", `{"name":"Bob"}`, 200, nil)
	r.do("GET /v1/users/nobody@example.test", "")
	r.do("GET /v1/nothing", "")
	log := r.log.String()
	for _, want := range []string{`msg=changed command="user set" actor=root peer_uid=0 peer_pid=77 object=bob@example.test request=` + a.header.Get("Request-Id"), "revision=2"} {
		if !strings.Contains(log, want) {
			t.Errorf("log = %s, want %s", log, want)
		}
	}
	if got, want := strings.Join(told, "; "), "user set done; user show refused"; got != want {
		t.Errorf("Hooks.Command = %s, want %s", got, want)
	}
}

// TestRefusalsDoNotFillTheLog: they are counted instead.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	now := time.Unix(1, 0)
	r := start(t, func(s *adminsock.Server) { s.Now = func() time.Time { return now } })
	for range 100 {
		r.do("GET /v1/users/nobody@example.test", "")
	}
	if got := strings.Count(r.log.String(), "command refused"); got != 20 {
		t.Errorf("%d refusals logged, want 20", got)
	}
	now = now.Add(time.Minute)
	r.do("GET /v1/users/nobody@example.test", "")
	if log := r.log.String(); !strings.Contains(log, "not_logged=80") {
		t.Errorf("log = %s, want what was not logged", log[max(0, len(log)-300):])
	}
}
