package delegation

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/doortest"
)

// Requests that begin and do not end take a bounded memory, however many there
// are: those for which there is no room are malformed, and mail passes on.
func TestHalfRequestsTakeBoundedMemory(t *testing.T) {
	f := open(t)
	f.connect().ask(mail{}.rcpt("alice@example.test"))
	before := doortest.Heap()
	half := head + "protocol_state=RCPT\n" + strings.Repeat("x="+strings.Repeat("y", 7000)+"\n", 8)
	peers := make([]*client, 1000) // 57 MB
	for i := range peers {
		peers[i] = f.connect()
		peers[i].Send(half)
	}
	if got := f.connect().ask(mail{}.rcpt("alice@example.test")); got != dunno {
		t.Errorf("a whole request was answered %q meanwhile", got)
	}
	refused := peers[len(peers)-1]
	if rest := refused.Rest(); rest != "" {
		t.Errorf("reply %q, want none", rest)
	}
	if grown := (doortest.Heap() - before) >> 20; grown > 48 {
		t.Errorf("the memory grew by %d MiB", grown)
	}
	for _, p := range peers {
		_ = p.Close()
	}
	doortest.Stop(t, f)
	events, log := f.Taken()
	if !slices.Contains(events, "malformed no-room") || !strings.Contains(log, "reason=no-room") {
		t.Errorf("events %.200q, log %.200q", events, log)
	}
}
