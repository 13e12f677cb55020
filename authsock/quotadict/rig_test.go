package quotadict

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// TestMain looks for goroutines that tests left.
func TestMain(m *testing.M) {
	code := m.Run()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(5 * time.Second); code == 0; time.Sleep(10 * time.Millisecond) {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "quotadict.(*") {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, "goroutines are left:\n"+stacks)
			code = 1
		}
	}
	os.Exit(code)
}

// reported is when the reports of these tests come: after the standard ones.
var reported = testkit.Noon.Add(time.Minute)

// rig is the door over the standard directory.
type rig struct {
	*Server
	log *doortest.Record
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{log: &doortest.Record{}}
	d, l := testkit.Standard(t)
	r.Server = &Server{
		Directory: d, Ledger: l, Now: func() time.Time { return reported },
		Committed: func(result Result) { r.log.Told("%v", result) },
		Log:       slog.New(slog.NewTextHandler(io.Writer(r.log), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return r
}

// usage is what the ledger knows of a user of example.test.
func (r *rig) usage(local string) quota.Usage {
	u := r.Directory.View().User(mailaddr.KeyOf(testkit.Addr(local + "@example.test")))
	return r.Ledger.Usage(u.Mailbox())
}

// change rewrites a user of example.test.
func (r *rig) change(t testing.TB, local string, fn func(*directory.UserFields)) {
	t.Helper()
	testkit.Update(t, r.Directory, func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr(local+"@example.test"), directory.AnyRevision, func(u *directory.UserFields) error {
			fn(u)
			return nil
		})
	})
}
