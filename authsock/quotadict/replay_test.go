package quotadict

import (
	"bytes"
	"net"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

// recordings returns what Dovecot 2.3 and 2.4 said to the dict door.
func recordings(t testing.TB) []*transcript.Conn {
	t.Helper()
	dialogues, err := transcript.Dovecot()
	if err != nil {
		t.Fatal(err)
	}
	var found []*transcript.Conn
	for _, d := range dialogues {
		for _, c := range d.Conns {
			if c.Kind == transcript.Dict && len(c.Steps) > 0 {
				c.Name = d.Name + " " + c.Name
				found = append(found, c)
			}
		}
	}
	return found
}

// Every recorded connection is played again: each request that wants a reply
// gets one, and a report gets the recorded one.
func TestReplay(t *testing.T) {
	r := newRig(t)
	testkit.Update(t, r.Directory, func(tx *directory.Tx) error {
		for _, name := range []string{"sz", "warn", "dave", "slow5", "q24"} {
			u := directory.UserFields{Address: testkit.Addr(name + "@example.test"), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit}
			if err := tx.CreateUser(u); err != nil {
				return err
			}
		}
		return nil
	})
	d := doortest.Unix(t, r)
	reports := 0
	for _, recorded := range recordings(t) {
		t.Run(recorded.Name, func(t *testing.T) {
			increments := false
			for _, s := range recorded.Steps {
				increments = increments || s.FromClient && bytes.HasPrefix(s.Data, []byte("A"))
			}
			for _, e := range transcript.Replay(t, recorded, func() (net.Conn, error) { return d() }).Exchanges {
				if e.Request[0] != 'C' || increments {
					continue
				}
				if reports++; !bytes.Equal(e.Answered, e.Recorded) {
					t.Errorf("%q answered %q, recorded %q", e.Request, e.Answered, e.Recorded)
				}
			}
		})
	}
	if reports < 10 {
		t.Errorf("%d reports were played, want more", reports)
	}
}
