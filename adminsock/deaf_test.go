package adminsock_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/internal/testkit"
)

// TestDeafPeer: a peer that asks and asks and never reads is closed, with one
// line in the log.
func TestDeafPeer(t *testing.T) {
	d, l := testkit.Standard(t)
	r := serve(t, d, l, func(s *adminsock.Server) { s.WriteTimeout = 50 * time.Millisecond })
	c, err := net.Dial("unix", r.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(30 * time.Second))
	for err == nil {
		_, err = io.WriteString(c, "GET /v1/users HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	const line = "a peer does not read its replies, connection closed"
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(r.log.String(), line); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no log line about a peer that does not read")
		}
	}
	if n := strings.Count(r.log.String(), line); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
}
