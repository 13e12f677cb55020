package quotadict

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

const (
	hello3 = "H3\t2\t0\t\tquota\n"
	hello4 = "H4\t0\t0\t\tquota\n"
)

// tell sends lines, says that nothing more comes, and returns all replies.
func tell(t *testing.T, d doortest.Dial, lines string) string {
	t.Helper()
	c := doortest.Connect(t, d)
	c.Send(lines)
	c.CloseWrite()
	return c.Rest()
}

// What quota_clone sends reaches the ledger, and what is none is refused.
func TestReport(t *testing.T) {
	known := quota.Usage{Bytes: 3359, Messages: 1, Measured: reported}
	before := quota.Usage{Bytes: 60_000, Messages: 1, Measured: testkit.Noon}
	tests := []struct {
		name, lines, want string
		user              string
		usage             quota.Usage
		result            string
	}{
		{"2.3", hello3 + "B1\talice@example.test\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\n", "O1\n", "alice", known, "taken"},
		{"2.4", hello4 + "B1\talice@example.test\t0\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\n", "O1\n", "alice", known, "taken"},
		{"CRLF", hello4 + "B1\talice@example.test\r\nS1\tpriv/quota/storage\t3359\r\nS1\tpriv/quota/messages\t1\r\nC1\r\n", "O1\n", "alice", known, "taken"},
		{"further address", hello3 + "B1\tal@example.test\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\n", "O1\n", "alice", known, "taken"},
		{"login name", hello3 + "B1\tALICE\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\n", "O1\n", "alice", known, "taken"},
		{"timestamp, hidden values, unset first", hello3 + "B1\talice@example.test\nT1\t1\t2\nV1\t1\nU1\tpriv/quota/storage\nU1\tpriv/quota/messages\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\n", "O1\n", "alice", known, "taken"},
		{"asynchronous commit", hello3 + "B1\talice@example.test\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nD1\n", "AO1\n", "alice", known, "taken"},
		{"the last value counts", hello3 + "B1\talice@example.test\nS1\tpriv/quota/storage\t1\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\n", "O1\n", "alice", known, "taken"},
		{"two transactions", hello3 + "B1\talice@example.test\nB2\tbob@example.test\nS2\tpriv/quota/storage\t5\nS1\tpriv/quota/storage\t3359\nS1\tpriv/quota/messages\t1\nC1\nC2\n", "O1\nO2\n", "alice", known, "taken taken"},
		{"storage alone keeps the messages", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t7\nC1\n", "O1\n", "busy", quota.Usage{Bytes: 7, Messages: 1, Measured: reported}, "taken"},
		{"the largest values", hello3 + "B1\talice@example.test\nS1\tpriv/quota/storage\t9223372036854775807\nS1\tpriv/quota/messages\t4294967295\nC1\n", "O1\n", "alice", quota.Usage{Bytes: 1<<63 - 1, Messages: 1<<32 - 1, Measured: reported}, "taken"},
		{"nothing", hello3 + "B1\tbusy@example.test\nC1\n", "O1\n", "busy", before, "refused"},
		{"rolled back", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t7\nR1\n", "", "busy", before, ""},
		{"not committed", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t7\n", "", "busy", before, ""},

		{"unknown user", hello3 + "B1\tnobody@example.test\nS1\tpriv/quota/storage\t7\nC1\n", "F1\tno such user, or not a user's name\n", "busy", before, "unknown_user"},
		{"no user", hello3 + "B1\nS1\tpriv/quota/storage\t7\nC1\n", "F1\tno such user, or not a user's name\n", "busy", before, "unknown_user"},
		{"an alias", hello3 + "B1\tteam@example.test\nS1\tpriv/quota/storage\t7\nC1\n", "F1\tno such user, or not a user's name\n", "busy", before, "unknown_user"},
		{"a name that is too long", hello3 + "B1\t" + strings.Repeat("a", 60000) + "\nS1\tpriv/quota/storage\t7\nC1\n", "F1\tno such user, or not a user's name\n", "busy", before, "unknown_user"},
		{"another key", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t7\nS1\tshared/x\t1\nC1\n", "F1\tunsupported key\n", "busy", before, "refused"},
		{"another key unset", hello3 + "B1\tbusy@example.test\nU1\tpriv/other\nC1\n", "F1\tunsupported key\n", "busy", before, "refused"},
		{"negative", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t-1\nC1\n", "F1\tnot a size\n", "busy", before, "refused"},
		{"too large", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t9223372036854775808\nC1\n", "F1\tnot a size\n", "busy", before, "refused"},
		{"too many messages", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t1\nS1\tpriv/quota/messages\t4294967296\nC1\n", "F1\tnot a size\n", "busy", before, "refused"},
		{"no number", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/storage\t20K\nC1\n", "F1\tnot a size\n", "busy", before, "refused"},
		{"messages alone", hello3 + "B1\tbusy@example.test\nS1\tpriv/quota/messages\t7\nC1\n", "F1\tmessages without priv/quota/storage\n", "busy", before, "refused"},
		{"unset", hello3 + "B1\tbusy@example.test\nU1\tpriv/quota/storage\nC1\n", "F1\tusage cannot be unset\n", "busy", before, "refused"},
		{"increment: count it yourself", hello3 + "B1\tbusy@example.test\nA1\tpriv/quota/storage\t3353\nA1\tpriv/quota/messages\t1\nC1\n", "N1\n", "busy", before, "refused"},
		{"increment, asynchronous", hello3 + "B1\tbusy@example.test\nA1\tpriv/quota/storage\t-3353\nD1\n", "AN1\n", "busy", before, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			if got := tell(t, doortest.Unix(t, r), tt.lines); got != tt.want {
				t.Errorf("%.200q answered %q, want %q", tt.lines, got, tt.want)
			}
			if got := r.usage(tt.user); got.Bytes != tt.usage.Bytes || got.Messages != tt.usage.Messages || !got.Measured.Equal(tt.usage.Measured) {
				t.Errorf("usage of %s = %+v, want %+v", tt.user, got, tt.usage)
			}
			if events, _ := r.log.Taken(); strings.Join(events, " ") != tt.result {
				t.Errorf("results %q, want %q", events, tt.result)
			}
		})
	}
}

// A report that is older than what is known is taken note of, not over.
func TestStaleReport(t *testing.T) {
	r := newRig(t)
	r.Now = func() time.Time { return testkit.Noon.Add(-time.Second) }
	if got := tell(t, doortest.Unix(t, r), hello3+"B1\tbusy@example.test\nS1\tpriv/quota/storage\t7\nC1\n"); got != "O1\n" {
		t.Errorf("answered %q", got)
	}
	if got := r.usage("busy").Bytes; got != 60_000 {
		t.Errorf("usage %d, want what was known", got)
	}
	if events, _ := r.log.Taken(); len(events) != 1 || events[0] != "stale" {
		t.Errorf("results %q", events)
	}
}

func TestRead(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"storage", "Lpriv/quota/storage\tbusy@example.test", "O60000\n"},
		{"messages", "Lpriv/quota/messages\tbusy@example.test", "O1\n"},
		{"by another name", "Lpriv/quota/storage\tBUSY+x@example.test", "O60000\n"},
		{"never reported", "Lpriv/quota/storage\talice@example.test", "N\n"},
		{"unknown user", "Lpriv/quota/storage\tnobody@example.test", "Fno such user, or not a user's name\n"},
		{"no user", "Lpriv/quota/storage", "Fno such user, or not a user's name\n"},
		{"another key", "Lpriv/quota/limit\tbusy@example.test", "Funsupported key\n"},
		{"empty key", "L\tbusy@example.test", "Funsupported key\n"},
		{"all", "I1\t0\tpriv/quota/\tbusy@example.test", "Opriv/quota/messages\t1\nOpriv/quota/storage\t60000\n\n"},
		{"one row", "I1\t1\tpriv/quota/\tbusy@example.test", "Opriv/quota/messages\t1\n\n"},
		{"keys alone", "I9\t0\tpriv/quota/\tbusy@example.test", "Opriv/quota/messages\t\nOpriv/quota/storage\t\n\n"},
		{"one key", "I16\t0\tpriv/quota/storage\tbusy@example.test", "Opriv/quota/storage\t60000\n\n"},
		{"path is no key", "I16\t0\tpriv/quota/\tbusy@example.test", "\n"},
		{"nothing reported", "I1\t0\tpriv/quota/\talice@example.test", "\n"},
		{"all of an unknown user", "I1\t0\tpriv/quota/\tnobody@example.test", "Fno such user, or not a user's name\n"},
		{"another path", "I1\t0\tshared/\tbusy@example.test", "Funsupported key\n"},
	}
	r := newRig(t)
	d := doortest.Unix(t, r)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tell(t, d, hello3+tt.line+"\n"); got != tt.want {
				t.Errorf("%q answered %q, want %q", tt.line, got, tt.want)
			}
		})
	}
}

// What Dovecot never sends ends the connection, with one line in the log and
// without an answer; what came before is answered.
func TestHostile(t *testing.T) {
	const good = hello3 + "Lpriv/quota/storage\tbusy@example.test\n"
	begins := func(n int) (lines string) {
		for i := range n {
			lines += fmt.Sprintf("B%d\tbusy@example.test\n", i)
		}
		return lines
	}
	tests := []struct{ name, lines, want, reason string }{
		{"no hello", "Lpriv/quota/storage\tbusy@example.test\n", "", string(errHello)},
		{"hello of a future version", "H5\t0\t0\t\tquota\n", "", string(errHello)},
		{"hello of version 2", "H2\t0\n", "", string(errHello)},
		{"hello without arguments", "H3\n", "", string(errHello)},
		{"second hello", good + hello3, "O60000\n", string(errCommand)},
		{"unknown command", good + "X1\n", "O60000\n", string(errCommand)},
		{"empty line", good + "\n", "O60000\n", string(errCommand)},
		{"binary", good + "\x00\xff\xfe\n", "O60000\n", string(errCommand)},
		{"begin without a number", good + "B\tbusy@example.test\n", "O60000\n", string(errArguments)},
		{"begin with a huge number", good + "B99999999999\tbusy@example.test\n", "O60000\n", string(errArguments)},
		{"begun twice", good + "B1\ta\nB1\ta\n", "O60000\n", string(errBegun)},
		{"set before begin", good + "S1\tpriv/quota/storage\t1\n", "O60000\n", string(errTransaction)},
		{"commit before begin", good + "C1\n", "O60000\n", string(errTransaction)},
		{"commit twice", good + "B1\tbusy@example.test\nC1\nC1\n", "O60000\nO1\n", string(errTransaction)},
		{"commit after rollback", good + "B1\tbusy@example.test\nR1\nD1\n", "O60000\n", string(errTransaction)},
		{"commit without a number", good + "C\n", "O60000\n", string(errArguments)},
		{"set without a value", good + "B1\ta\nS1\tpriv/quota/storage\n", "O60000\n", string(errArguments)},
		{"unset without a key", good + "B1\ta\nU1\n", "O60000\n", string(errArguments)},
		{"set without a number", good + "S\tpriv/quota/storage\t1\n", "O60000\n", string(errArguments)},
		{"iterate without a path", good + "I0\t0\n", "O60000\n", string(errArguments)},
		{"iterate with broken flags", good + "Ix\t0\tpriv/quota/\tbusy@example.test\n", "O60000\n", string(errArguments)},
		{"a hundred transactions", good + begins(maxTransactions) + "C5\n", "O60000\nO5\n", ""},
		{"one more", good + begins(maxTransactions+1), "O60000\n", string(errTooMany)},
		{"longest line", good + "Lpriv/quota/storage\t" + strings.Repeat("x", maxLine-20) + "\n", "O60000\nFno such user, or not a user's name\n", ""},
		{"longer line", good + "Lpriv/quota/storage\t" + strings.Repeat("x", maxLine-19) + "\n", "O60000\n", "line is too long"},
		{"endless line", good + strings.Repeat("x", 2*maxLine), "O60000\n", "line is too long"},
		{"many arguments", good + "L" + strings.Repeat("\t", 1000) + "\n", "O60000\nFunsupported key\n", ""},
		{"half a line", good + "Lpriv", "O60000\n", "reason=truncated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			if got := tell(t, doortest.Unix(t, r), tt.lines); got != tt.want {
				t.Errorf("answered %q, want %q", got, tt.want)
			}
			doortest.Stop(t, r)
			_, log := r.log.Taken()
			if tt.reason == "" && log != "" || strings.Count(log, "\n") > 1 || !strings.Contains(log, tt.reason) {
				t.Errorf("logged %q, want one line with %q", log, tt.reason)
			}
			if tt.reason != "" && !strings.Contains(log, "door=quota") {
				t.Errorf("logged %q without the door", log)
			}
		})
	}
}

// A user who was renamed or deleted between begin and commit is who the name
// means at the commit.
func TestUserAtCommit(t *testing.T) {
	r := newRig(t)
	c := doortest.Connect(t, doortest.Unix(t, r))
	c.Send(hello3 + "B1\tal@example.test\nS1\tpriv/quota/storage\t7\n")
	if got := c.Ask("Lpriv/quota/storage\tal@example.test\n"); got != "N\n" {
		t.Errorf("lookup answered %q", got)
	}
	r.change(t, "alice", func(u *directory.UserFields) { u.Addresses = nil })
	if got := c.Ask("C1\n"); got != "F1\tno such user, or not a user's name\n" {
		t.Errorf("commit answered %q", got)
	}
}

func TestResults(t *testing.T) {
	var names []string
	for i, r := range Results() {
		if int(r) != i {
			t.Errorf("result %d is %d", i, r)
		}
		names = append(names, r.String())
	}
	if diff := cmp.Diff([]string{"taken", "stale", "unknown_user", "refused"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
