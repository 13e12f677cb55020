package authsock

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
	for _, tt := range []struct {
		name, begin, end, want string
		door                   func(*rig) doortest.Server
		connect                func(testing.TB, doortest.Dial) *peer
	}{
		{
			"client", "AUTH\t1\tPLAIN\tservice=imap\t", "\tresp=", "FAIL\t1",
			func(r *rig) doortest.Server { return r.server },
			func(t testing.TB, d doortest.Dial) *peer { return client(t, d, 2) },
		},
		{
			"master", "USER\t1\tnobody@example.test\t", "", "NOTFOUND\t1",
			func(r *rig) doortest.Server { return r.master }, masterClient,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				told := func(m tabline.Malformation) { r.log.Told("malformed %v", m) }
				r.server.Malformed, r.master.Malformed = told, told
				dial := doortest.Pipes(t, tt.door(r))
				begin := tt.begin + strings.Repeat("x", 16_000)
				kept, closed, grown := doortest.HalfRequests(t, 4000, begin, // 62 MiB
					func() *doortest.Client { return tt.connect(t, dial).Client })
				if closed == 0 || grown>>20 > 40 {
					t.Errorf("%d connections are kept, %d closed, the memory has grown by %d MiB", len(kept), closed, grown>>20)
				}
				for _, c := range kept {
					_ = c.Close()
				}
				synctest.Wait()
				if got := tt.connect(t, dial).ask(begin + tt.end); !strings.HasPrefix(got, tt.want) {
					t.Errorf("afterwards a whole line is answered %q", got)
				}
				doortest.Stop(t, tt.door(r))
				events, log := r.log.Taken()
				counted := strings.Count(strings.Join(events, "\n"), "malformed no-room")
				if logged := strings.Count(log, "reason=no-room"); counted != closed || logged != closed {
					t.Errorf("%d connections were closed, %d counted, %d logged", closed, counted, logged)
				}
			})
		})
	}
}
