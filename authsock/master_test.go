package authsock

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/testkit"
)

// fields are the userdb fields of a user of example.test.
func fields(local string, limit int) string {
	return fmt.Sprintf("%s@example.test\tuid=5000\tgid=5000\thome=/run/rig/mail/example.test/%s\tquota_rule=*:bytes=%d\tquota/User quota/storage_size=%d", local, local, limit, limit)
}

func TestMasterReplies(t *testing.T) {
	tests := []struct{ name, request, want string }{
		{"user", "USER\t1\talice@example.test\tservice=lmtp\tlip=127.0.0.1\tlport=41024\trip=127.0.0.1\trport=46676", "USER\t1\t" + fields("alice", 0)},
		{"2.4", "USER\t4185915393\talice@example.test\tprotocol=lmtp\trport=43700\r", "USER\t4185915393\t" + fields("alice", 0)},
		{"2.4, nothing behind the name", "USER\t7\talice@example.test\r", "USER\t7\t" + fields("alice", 0)},
		{"other letters", "USER\t1\tALICE@Example.TEST\tservice=doveadm", "USER\t1\t" + fields("alice", 0)},
		{"detail", "USER\t1\talice+lists@example.test\tservice=lmtp", "USER\t1\t" + fields("alice", 0)},
		{"further address", "USER\t1\tal@example.test\tservice=lmtp", "USER\t1\t" + fields("alice", 0)},
		{"further address with detail", "USER\t1\tal+x@example.test\tservice=lmtp", "USER\t1\t" + fields("alice", 0)},
		{"login name", "USER\t1\talice\tservice=doveadm", "USER\t1\t" + fields("alice", 0)},
		{"limit", "USER\t1\tfull@example.test\tservice=lmtp", "USER\t1\t" + fields("full", testkit.Limit)},
		{"disabled: mail that was accepted is delivered", "USER\t1\tdisabled@example.test\tservice=lmtp", "USER\t1\t" + fields("disabled", 0)},
		{"archived", "USER\t1\tarchived@example.test\tservice=doveadm", "USER\t1\t" + fields("archived", 0)},
		{"send-only", "USER\t1\tsendonly@example.test\tservice=lmtp", "USER\t1\t" + fields("sendonly", 0)},
		{"alias", "USER\t1\tteam@example.test\tservice=lmtp", "NOTFOUND\t1"},
		{"unknown", "USER\t1\tnobody@example.test\tservice=lmtp", "NOTFOUND\t1"},
		{"unknown domain", "USER\t1\talice@elsewhere.test\tservice=lmtp", "NOTFOUND\t1"},
		{"a domain", "USER\t1\t@example.test\tservice=lmtp", "NOTFOUND\t1"},
		{"no name that can exist", "USER\t1\t@\tservice=lmtp", "NOTFOUND\t1"},
		{"a path", "USER\t1\t../../etc@example.test\tservice=lmtp", "NOTFOUND\t1"},

		{"passdb", "PASS\t1\talice@example.test\tservice=doveadm\tdebug", "PASS\t1\tuser=alice@example.test"},
		{"passdb, another name", "PASS\t1\tAL@example.test\tservice=lmtp", "PASS\t1\tuser=alice@example.test"},
		{"passdb, unknown", "PASS\t1\tnobody@example.test\tservice=doveadm", "NOTFOUND\t1"},
		{"passdb, 2.4", "PASS\t2323906561\talice@example.test\tprotocol=doveadm\r", "PASS\t2323906561\tuser=alice@example.test"},

		{"cache", "CACHE-FLUSH\t1\talice@example.test", "OK\t1\t0"},
		{"cache, everybody", "CACHE-FLUSH\t1543766017\r", "OK\t1543766017\t0"},

		{"list of nobody", "LIST\t1\tuser=nobody*\tservice=doveadm", "DONE\t1\t"},
		{"login that nobody was granted", "REQUEST\t5\t4711\t1\t0123456789abcdef0123456789abcdef", "FAIL\t5"},
		{"cookie that is none", "REQUEST\t5\t4711\t1\tx", "FAIL\t5"},
	}
	r := newRig(t, nil)
	d := doortest.Unix(t, r.master)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := masterClient(t, d)
			if got := c.ask(tt.request); got != tt.want {
				t.Errorf("%q answered\n %q, want\n %q", tt.request, got, tt.want)
			}
			c.CloseWrite()
			if more := c.rest(); more != "" {
				t.Errorf("%q was answered once more: %q", tt.request, more)
			}
		})
	}
}

// Commands that were sent together are answered in their order.
func TestMasterPipelining(t *testing.T) {
	r := newRig(t, nil)
	c := masterClient(t, doortest.Unix(t, r.master))
	c.Send("USER\t1\talice@example.test\nPASS\t2\tbob@example.test\nUSER\t3\tnobody@example.test\nCACHE-FLUSH\t4\n")
	want := []string{"USER\t1\t" + fields("alice", 0), "PASS\t2\tuser=bob@example.test", "NOTFOUND\t3", "OK\t4\t0"}
	if diff := cmp.Diff(want, c.lines(4)); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
}

func TestList(t *testing.T) {
	r := newRig(t, nil)
	var everybody []string
	for u := range r.directory.View().All(directory.KindUser) {
		everybody = append(everybody, string(u.Key()))
	}
	slices.Sort(everybody)
	tests := []struct {
		name, request string
		want          []string
	}{
		{"bare", "LIST\t1", everybody},
		{"star", "LIST\t1\tuser=*\tservice=doveadm\tdebug", everybody},
		{"mask", "LIST\t1\tuser=al*@example.test\tservice=doveadm", []string{"alice@example.test"}},
		{"mask in other letters", "LIST\t1\tuser=AL*\tservice=doveadm", []string{"alice@example.test"}},
		{"one character", "LIST\t1\tuser=bo?@example.test\tservice=doveadm", []string{"bob@example.test"}},
		{"a domain", "LIST\t1\tuser=*@other.test", []string{"carol@other.test"}},
		{"2.4 sends an empty field", "LIST\t3081633793\t\tuser=al*\tprotocol=doveadm\r", []string{"alice@example.test"}},
	}
	d := doortest.Unix(t, r.master)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := masterClient(t, d)
			id := strings.Split(strings.TrimSuffix(tt.request, "\r"), "\t")[1]
			c.Send(tt.request + "\n")
			var got []string
			for {
				line := c.line()
				name, ok := strings.CutPrefix(line, "LIST\t"+id+"\t")
				if !ok {
					if line != "DONE\t"+id+"\t" {
						t.Errorf("last line %q", line)
					}
					break
				}
				got = append(got, name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.request, diff)
			}
		})
	}
}

var token = regexp.MustCompile(`\tauth_token=[0-9a-f]{40}$`)

// granted logs alice in and returns the arguments of her REQUEST.
func granted(t testing.TB, c *peer, id int) string {
	t.Helper()
	if got, want := c.ask(auth(id, "imap", "alice@example.test", right)), fmt.Sprintf("OK\t%d\tuser=alice@example.test", id); got != want {
		t.Fatalf("AUTH answered %q, want %q", got, want)
	}
	return fmt.Sprintf("%d\t%d\t%s", testCPID, id, c.cookie)
}

func TestRequest(t *testing.T) {
	r := newRig(t, nil)
	clients, masters := doortest.Unix(t, r.server), doortest.Unix(t, r.master)
	m := masterClient(t, masters)
	user := "USER\t9\t" + fields("alice", 0) + "\tauth_mech=PLAIN"
	own := fmt.Sprintf("\tsession_pid=%d", os.Getpid())
	tests := []struct {
		name   string
		client func(c *peer) string // what stands between "REQUEST\t9\t" and the line's end
		want   string
	}{
		{"2.3", func(c *peer) string { return granted(t, c, 1) + own }, user},
		{"2.4", func(c *peer) string { return granted(t, c, 1) + own + "\r" }, user},
		{"process not said", func(c *peer) string { return granted(t, c, 1) }, user},
		{"another process than it says", func(c *peer) string { return granted(t, c, 1) + "\tsession_pid=1" }, "FAIL\t9"},
		{"twice", func(c *peer) string {
			args := granted(t, c, 1)
			m.ask("REQUEST\t8\t" + args)
			return args
		}, "FAIL\t9"},
		{"another id", func(c *peer) string { return strings.Replace(granted(t, c, 1), "\t1\t", "\t2\t", 1) }, "FAIL\t9"},
		{"another client", func(c *peer) string { return strings.Replace(granted(t, c, 1), "4711", "4712", 1) }, "FAIL\t9"},
		{"another connection's cookie", func(c *peer) string {
			return strings.Replace(granted(t, c, 1), c.cookie, client(t, clients, 2).cookie, 1)
		}, "FAIL\t9"},
		{"the same process has another connection", func(c *peer) string {
			other := client(t, clients, 2)
			granted(t, other, 1)
			return granted(t, c, 1)
		}, user},
		{"cancelled", func(c *peer) string {
			args := granted(t, c, 1)
			c.Send("CANCEL\t1\n")
			c.ask("AUTH\t2\tPLAIN\tservice=imap") // the CANCEL was read
			return args
		}, "FAIL\t9"},
		{"nologin", func(c *peer) string {
			c.ask("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=" + plain("", "alice@example.test", right))
			return fmt.Sprintf("%d\t1\t%s", testCPID, c.cookie)
		}, "FAIL\t9"},
		{"refused", func(c *peer) string {
			c.ask(auth(1, "imap", "alice@example.test", wrong))
			return fmt.Sprintf("%d\t1\t%s", testCPID, c.cookie)
		}, "FAIL\t9"},
		{"client gone", func(c *peer) string {
			args := granted(t, c, 1)
			c.CloseWrite()
			c.rest()
			return args
		}, "FAIL\t9"},
		{"disabled meanwhile", func(c *peer) string {
			args := granted(t, c, 1)
			r.change(t, "alice", func(u *directory.UserFields) { u.State = directory.Disabled })
			return args
		}, "FAIL\t9\treason=Account not available"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := client(t, clients, 2)
			if got := m.ask("REQUEST\t9\t" + tt.client(c)); got != tt.want {
				t.Errorf("REQUEST answered\n %q, want\n %q", got, tt.want)
			}
			r.change(t, "alice", func(u *directory.UserFields) { u.State = directory.Active })
		})
	}
}

func TestRequestToken(t *testing.T) {
	r := newRig(t, nil)
	c, m := client(t, doortest.Unix(t, r.server), 2), masterClient(t, doortest.Unix(t, r.master))
	var tokens []string
	for id := 1; id <= 2; id++ {
		got := m.ask("REQUEST\t9\t" + granted(t, c, id) + "\trequest_auth_token")
		if !token.MatchString(got) {
			t.Errorf("REQUEST answered %q, want an auth_token at its end", got)
		}
		tokens = append(tokens, token.FindString(got))
	}
	if tokens[0] == tokens[1] {
		t.Errorf("two logins have the token %q", tokens[0])
	}
}

// A user who was deleted after the OK is not found, nor is the next owner of
// the name.
func TestRequestOfTheDeleted(t *testing.T) {
	r := newRig(t, nil)
	c, m := client(t, doortest.Unix(t, r.server), 2), masterClient(t, doortest.Unix(t, r.master))
	grants := make([]string, 3)
	for id := 1; id <= 2; id++ {
		c.ask(auth(id, "imap", "listed@example.test", right))
		grants[id] = fmt.Sprintf("%d\t%d\t%s", testCPID, id, c.cookie)
	}
	if n := r.requests.Pending(); n != 2 {
		t.Errorf("Pending() = %d, want 2", n)
	}
	owner := testkit.Addr("listed@example.test")
	r.change(t, "listed", func(u *directory.UserFields) { u.State = directory.Disabled })
	testkit.Update(t, r.directory, func(tx *directory.Tx) error { return tx.DeleteUser(owner, directory.AnyRevision) })
	if got := m.ask("REQUEST\t9\t" + grants[1]); got != "NOTFOUND\t9" {
		t.Errorf("deleted: %q", got)
	}
	testkit.Update(t, r.directory, func(tx *directory.Tx) error {
		return tx.CreateUser(directory.UserFields{Address: owner, Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit})
	})
	if got := m.ask("REQUEST\t9\t" + grants[2]); got != "NOTFOUND\t9" {
		t.Errorf("made anew: %q", got)
	}
	if n := r.requests.Pending(); n != 0 {
		t.Errorf("Pending() = %d, want 0", n)
	}
}

// Trouble is never "no such user".
func TestMasterTrouble(t *testing.T) {
	r := newRig(t, func(r *rig) { r.master.Mail.Store(nil) })
	d := doortest.Unix(t, r.master)
	if got := masterClient(t, d).ask("USER\t1\talice@example.test"); got != "FAIL\t1" {
		t.Errorf("without mail settings: %q", got)
	}
	if got := masterClient(t, d).ask("USER\t1\tnobody@example.test"); got != "NOTFOUND\t1" {
		t.Errorf("unknown, without mail settings: %q", got)
	}
}

func TestCacheFlush(t *testing.T) {
	r := newRig(t, nil)
	m, c := masterClient(t, doortest.Unix(t, r.master)), client(t, doortest.Unix(t, r.server), 2)
	granted(t, c, 1)
	for _, want := range []string{"OK\t1\t1", "OK\t1\t0"} {
		if got := m.ask("CACHE-FLUSH\t1"); got != want {
			t.Errorf("CACHE-FLUSH answered %q, want %q", got, want)
		}
	}
}
