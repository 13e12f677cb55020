package authsock

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/testkit"
)

const right = testkit.Password

func TestGreeting(t *testing.T) {
	r := newRig(t, nil)
	clients, masters := doortest.Unix(t, r.server), doortest.Unix(t, r.master)
	first, second := dial(t, clients), dial(t, clients)
	want := fmt.Sprintf("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t%d\nCUID\t1\nCOOKIE\t%s\nDONE\n", os.Getpid(), first.cookie)
	if diff := cmp.Diff(want, first.greeting); diff != "" {
		t.Errorf("client greeting (-want +got):\n%s", diff)
	}
	if len(first.cookie) != 32 || first.cookie == second.cookie || !strings.Contains(second.greeting, "CUID\t2\n") {
		t.Errorf("second greeting is %q", second.greeting)
	}
	if got, want := dial(t, masters).greeting, fmt.Sprintf("VERSION\t1\t1\nSPID\t%d\n", os.Getpid()); got != want {
		t.Errorf("master greeting %q, want %q", got, want)
	}
}

// What each kind of client is told, in its protocol's way.
func TestReplies(t *testing.T) {
	tests := []struct{ name, request, want string }{
		{"right", auth(1, "imap", "alice@example.test", right), "OK\t1\tuser=alice@example.test"},
		{"by another name", auth(1, "imap", "Alice", right), "OK\t1\tuser=alice@example.test"},
		{"2.4", "AUTH\t1\tPLAIN\tprotocol=imap\tfinal-resp-ok\tsecured=tls\tresp=" + plain("", "alice@example.test", right), "OK\t1\tuser=alice@example.test"},
		{"authzid is authcid", "AUTH\t1\tPLAIN\tservice=doveadm\tdebug\tresp=" + plain("alice@example.test", "alice@example.test", right), "OK\t1\tuser=alice@example.test"},
		{"Postfix", "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp=" + plain("", "alice@example.test", right), "OK\t1\tuser=alice@example.test"},
		{"largest id", auth(4294967295, "imap", "alice@example.test", right), "OK\t4294967295\tuser=alice@example.test"},

		{"wrong", auth(1, "imap", "Alice@Example.test", wrong), "FAIL\t1\tuser=Alice@Example.test"},
		{"unknown", auth(1, "imap", "nobody@example.test", wrong), "FAIL\t1\tuser=nobody@example.test"},
		{"Postfix, wrong", auth(1, "smtp", "alice@example.test", wrong), "FAIL\t1\tuser=alice@example.test"},
		{"no name", auth(1, "imap", "", right), "FAIL\t1"},
		{"name that would break the line", auth(1, "imap", "a\tb\nc\x01d\xffé", right), "FAIL\t1\tuser=a?b?c?d?é"},
		{"long name", auth(1, "imap", strings.Repeat("é", 300), right), "FAIL\t1\tuser=" + strings.Repeat("é", 127)},

		{"disabled, imap", auth(1, "imap", "disabled@example.test", right), "FAIL\t1\tuser=disabled@example.test\tcode=user_disabled\treason=[CONTACTADMIN] Account disabled"},
		{"disabled, pop3", auth(1, "pop3", "disabled@example.test", right), "FAIL\t1\tuser=disabled@example.test\tcode=user_disabled\treason=Account disabled"},
		{"disabled, sieve", auth(1, "sieve", "disabled@example.test", right), "FAIL\t1\tuser=disabled@example.test\tcode=user_disabled\treason=Account disabled"},
		{"disabled, smtp", auth(1, "smtp", "disabled@example.test", right), "FAIL\t1\tuser=disabled@example.test\tcode=user_disabled\treason=Account disabled"},
		{"disabled, wrong", auth(1, "imap", "disabled@example.test", wrong), "FAIL\t1\tuser=disabled@example.test"},
		{"send-only, imap", auth(1, "imap", "sendonly@example.test", right), "FAIL\t1\tuser=sendonly@example.test\tcode=user_disabled\treason=[CONTACTADMIN] This account can only send mail"},
		{"send-only, pop3", auth(1, "pop3", "sendonly@example.test", right), "FAIL\t1\tuser=sendonly@example.test\tcode=user_disabled\treason=This account can only send mail"},
		{"send-only, smtp", auth(1, "smtp", "sendonly@example.test", right), "OK\t1\tuser=sendonly@example.test"},
		{"somebody else", "AUTH\t1\tPLAIN\tservice=imap\tresp=" + plain("bob@example.test", "alice@example.test", right), "FAIL\t1\tuser=alice@example.test\tcode=authz_fail"},

		{"bad base64", "AUTH\t1\tPLAIN\tservice=imap\tresp=!", "FAIL\t1\tcode=invalid_base64\treason=Invalid base64 data in initial response"},
		{"cut base64", "AUTH\t1\tPLAIN\tservice=imap\tresp=AAA", "FAIL\t1\tcode=invalid_base64\treason=Invalid base64 data in initial response"},
		{"not PLAIN", "AUTH\t1\tPLAIN\tservice=imap\tresp=" + encoded("a\x00b"), "FAIL\t1"},
		{"one NUL too many", "AUTH\t1\tPLAIN\tservice=imap\tresp=" + encoded("\x00alice@example.test\x00"+right+"\x00"), "FAIL\t1"},
		{"empty response", "AUTH\t1\tPLAIN\tservice=imap\tresp=", "FAIL\t1"},
		{"empty response, in the old way", "AUTH\t1\tPLAIN\tservice=imap\tresp==", "FAIL\t1"},
		{"no response", "AUTH\t1\tPLAIN\tservice=imap", "CONT\t1\t"},
		{"LOGIN", "AUTH\t1\tLOGIN\tservice=imap", "CONT\t1\tVXNlcm5hbWU6"},
		{"LOGIN with a name", "AUTH\t1\tLOGIN\tservice=imap\tresp=" + encoded("alice@example.test"), "CONT\t1\tUGFzc3dvcmQ6"},
		{"unknown parameters", "AUTH\t1\tPLAIN\tservice=imap\tx\ty=z\tforward_fields=foo=bar\t\tresp=" + plain("", "alice@example.test", right), "OK\t1\tuser=alice@example.test"},
		{"unknown CONT", "CONT\t9\t" + plain("", "alice@example.test", right), "FAIL\t9\treason=Authentication request timed out"},
	}
	r := newRig(t, nil)
	d := doortest.Unix(t, r.server)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := client(t, d, 2)
			if got := c.ask(tt.request); got != tt.want {
				t.Errorf("%q answered %q, want %q", tt.request, got, tt.want)
			}
			c.CloseWrite()
			if more := c.rest(); more != "" {
				t.Errorf("%q was answered once more: %q", tt.request, more)
			}
		})
	}
}

// Exchanges of several steps. Each line sent has the reply behind it; "" stands
// for none.
func TestDialogues(t *testing.T) {
	ir := plain("", "alice@example.test", right)
	tests := []struct {
		name   string
		minor  int
		dialog [][2]string
	}{
		{"PLAIN", 2, [][2]string{{"AUTH\t1\tPLAIN\tservice=imap", "CONT\t1\t"}, {"CONT\t1\t" + ir, "OK\t1\tuser=alice@example.test"}}},
		{"PLAIN, Postfix sends an empty response for none", 0, [][2]string{
			{"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=", "CONT\t1\t"}, {"CONT\t1\t" + ir, "OK\t1\tuser=alice@example.test"}}},
		{"LOGIN", 2, [][2]string{
			{"AUTH\t1\tLOGIN\tservice=imap", "CONT\t1\tVXNlcm5hbWU6"}, {"CONT\t1\t" + encoded("alice"), "CONT\t1\tUGFzc3dvcmQ6"},
			{"CONT\t1\t" + encoded(right), "OK\t1\tuser=alice@example.test"}}},
		{"LOGIN, wrong", 2, [][2]string{
			{"AUTH\t1\tLOGIN\tservice=imap\tresp=" + encoded("alice"), "CONT\t1\tUGFzc3dvcmQ6"}, {"CONT\t1\t" + encoded(wrong), "FAIL\t1\tuser=alice"}}},
		{"LOGIN without a name", 2, [][2]string{{"AUTH\t1\tLOGIN\tservice=imap\tresp=", "CONT\t1\tVXNlcm5hbWU6"}, {"CONT\t1\t", "FAIL\t1"}}},
		{"LOGIN, empty password", 2, [][2]string{
			{"AUTH\t1\tLOGIN\tservice=imap\tresp=" + encoded("alice"), "CONT\t1\tUGFzc3dvcmQ6"}, {"CONT\t1\t", "FAIL\t1\tuser=alice"}}},
		{"bad base64 in CONT", 2, [][2]string{
			{"AUTH\t1\tPLAIN\tservice=imap", "CONT\t1\t"}, {"CONT\t1\t%%", "FAIL\t1\tcode=invalid_base64\treason=Invalid base64 data in continued response"},
			{"CONT\t1\t" + ir, "FAIL\t1\treason=Authentication request timed out"}}},
		{"CONT after the end", 2, [][2]string{
			{auth(1, "imap", "alice@example.test", right), "OK\t1\tuser=alice@example.test"}, {"CONT\t1\t" + ir, "FAIL\t1\treason=Authentication request timed out"}}},
		{"CANCEL, 2.3", 2, [][2]string{
			{"AUTH\t1\tPLAIN\tservice=imap", "CONT\t1\t"}, {"CANCEL\t1", ""}, {"CONT\t1\t" + ir, "FAIL\t1\treason=Authentication request timed out"},
			{auth(1, "imap", "alice@example.test", right), "OK\t1\tuser=alice@example.test"}, {"CANCEL\t1", ""}, {"CANCEL\t77", ""},
			{auth(1, "imap", "alice@example.test", right), "OK\t1\tuser=alice@example.test"}}},
		{"CANCEL, 2.4", 4, [][2]string{
			{"AUTH\t1\tPLAIN\tprotocol=imap", "CONT\t1\t"}, {"CANCEL\t1", "CANCELLED\t1"}, {"CANCEL\t77", "CANCELLED\t77"},
			{auth(1, "imap", "alice@example.test", right), "OK\t1\tuser=alice@example.test"}, {"CANCEL\t1", "CANCELLED\t1"}}},
		{"CRLF", 4, [][2]string{{"AUTH\t1\tPLAIN\tprotocol=imap\r", "CONT\t1\t"}, {"CONT\t1\t" + ir + "\r", "OK\t1\tuser=alice@example.test"}}},
		{"two at once", 2, [][2]string{
			{"AUTH\t1\tPLAIN\tservice=imap", "CONT\t1\t"}, {"AUTH\t2\tLOGIN\tservice=pop3", "CONT\t2\tVXNlcm5hbWU6"},
			{"CONT\t1\t" + ir, "OK\t1\tuser=alice@example.test"}, {"CONT\t2\t" + encoded("bob@example.test"), "CONT\t2\tUGFzc3dvcmQ6"},
			{"CONT\t2\t" + encoded(right), "OK\t2\tuser=bob@example.test"}}},
	}
	r := newRig(t, nil)
	d := doortest.Unix(t, r.server)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := client(t, d, tt.minor)
			for _, step := range tt.dialog {
				if step[1] == "" {
					c.Send(step[0] + "\n")
				} else if got := c.ask(step[0]); got != step[1] {
					t.Errorf("%q answered %q, want %q", step[0], got, step[1])
				}
			}
			c.CloseWrite()
			if more := c.rest(); more != "" {
				t.Errorf("a reply too many: %q", more)
			}
		})
	}
}

// Requests that were sent together are verified together, and each reply comes
// when it is ready.
func TestOutOfOrder(t *testing.T) {
	slow := make(chan struct{})
	r := newRig(t, func(r *rig) {
		r.slowly(func(ctx context.Context, a login.Attempt) {
			if string(a.Name) == "alice@example.test" {
				<-slow
			}
		})
	})
	c := client(t, doortest.Unix(t, r.server), 2)
	c.Send(auth(1, "imap", "alice@example.test", right) + "\n" + auth(2, "imap", "bob@example.test", right) + "\n")
	if got := c.line(); got != "OK\t2\tuser=bob@example.test" {
		t.Errorf("first reply %q", got)
	}
	close(slow)
	if got := c.line(); got != "OK\t1\tuser=alice@example.test" {
		t.Errorf("second reply %q", got)
	}
}

// While a request is verified it can be cancelled, and a CONT for it fails it;
// its verification says nothing any more.
func TestWhileVerifying(t *testing.T) {
	for name, tt := range map[string]struct {
		minor      int
		send, want string
	}{
		"CANCEL, 2.3": {2, "CANCEL\t1", ""},
		"CANCEL, 2.4": {4, "CANCEL\t1", "CANCELLED\t1"},
		"CONT":        {2, "CONT\t1\tAAAA", "FAIL\t1\treason=Unexpected continuation"},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			r := newRig(t, func(r *rig) {
				r.slowly(func(ctx context.Context, a login.Attempt) {
					if string(a.Name) == "alice@example.test" {
						<-ctx.Done()
						close(ended)
					}
				})
			})
			c := client(t, doortest.Unix(t, r.server), tt.minor)
			c.Send(auth(1, "imap", "alice@example.test", right) + "\n")
			if tt.want == "" {
				c.Send(tt.send + "\n")
			} else if got := c.ask(tt.send); got != tt.want {
				t.Errorf("%q answered %q, want %q", tt.send, got, tt.want)
			}
			<-ended
			if got := c.ask(auth(1, "imap", "bob@example.test", right)); got != "OK\t1\tuser=bob@example.test" {
				t.Errorf("the id used again: %q", got)
			}
		})
	}
}

// Our own trouble: Postfix is left without an answer, everybody else is told.
func TestTrouble(t *testing.T) {
	for name, trouble := range map[string]func(*Server){
		"temporary": func(s *Server) {
			s.Check = func(context.Context, login.Attempt) login.Outcome { return login.Outcome{Err: os.ErrInvalid} }
		},
		"panic": func(s *Server) {
			s.Check = func(context.Context, login.Attempt) login.Outcome { panic("test of a panic") }
		},
		"panic of a recall": func(s *Server) {
			s.Recall = func(login.Attempt) (login.Outcome, bool) { panic("test of a panic") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { trouble(r.server) })
			d := doortest.Unix(t, r.server)
			for _, service := range []string{"imap", "pop3", "sieve", "submission", "doveadm"} {
				c := client(t, d, 2)
				if got, want := c.ask(auth(1, service, "alice@example.test", right)), "FAIL\t1\tuser=alice@example.test\tcode=temp_fail"; got != want {
					t.Errorf("%s is told %q, want %q", service, got, want)
				}
				if got := c.ask("AUTH\t2\tPLAIN\tservice=imap"); got != "CONT\t2\t" {
					t.Errorf("%s cannot go on: %q", service, got)
				}
			}
			postfix := client(t, d, 0)
			postfix.Send(auth(1, "smtp", "alice@example.test", right) + "\n")
			if got := postfix.rest(); got != "" {
				t.Errorf("Postfix is told %q, want a closed connection", got)
			}
		})
	}
}

// Who is known is let in without a verification, and the grant is there when the
// reply is.
func TestRecall(t *testing.T) {
	r := newRig(t, nil)
	c := client(t, doortest.Unix(t, r.server), 2)
	if got := c.ask(auth(1, "imap", "alice@example.test", right)); got != "OK\t1\tuser=alice@example.test" {
		t.Fatalf("the first login: %q", got)
	}
	r.server.Check = func(context.Context, login.Attempt) login.Outcome {
		t.Error("a known user was verified")
		return login.Outcome{}
	}
	for id := 2; id < 5; id++ {
		if got, want := c.ask(auth(id, "imap", "alice@example.test", right)), fmt.Sprintf("OK\t%d\tuser=alice@example.test", id); got != want {
			t.Errorf("login %d: %q, want %q", id, got, want)
		}
		if got := r.requests.Pending(); got != id {
			t.Errorf("%d grants, want %d", got, id)
		}
	}
}
