package quotadict

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/tabline"
)

// Lines that begin and do not end take a bounded memory, however many there are:
// those for which there is no room are malformed, and there is room again when
// the others are gone.
func TestHalfLinesTakeBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Malformed = func(m tabline.Malformation) { r.log.Told("malformed %v", m) }
		dial := doortest.Pipes(t, r)
		connect := func() *doortest.Client {
			c := doortest.Connect(t, dial)
			c.Send("H3\t2\t0\t\tquota\n")
			return c
		}
		begin := "Lpriv/quota/storage\talice@example.test\t" + strings.Repeat("x", 60_000)
		kept, closed, grown := doortest.HalfRequests(t, 1000, begin, connect) // 62 MiB
		if closed == 0 || grown>>20 > 40 {
			t.Errorf("%d connections are kept, %d closed, the memory has grown by %d MiB", len(kept), closed, grown>>20)
		}
		for _, c := range kept {
			_ = c.Close()
		}
		synctest.Wait()
		if got := connect().Ask(begin + "\n"); got != "N\n" {
			t.Errorf("afterwards a whole line is answered %q", got)
		}
		doortest.Stop(t, r)
		events, log := r.log.Taken()
		counted := strings.Count(strings.Join(events, "\n"), "malformed no-room")
		if logged := strings.Count(log, "reason=no-room"); counted != closed || logged != closed {
			t.Errorf("%d connections were closed, %d counted, %d logged", closed, counted, logged)
		}
	})
}
