package authsock

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/serve"
)

// hostile is a peer that does what no program of ours does.
type hostile struct {
	name, sent string
	want       string // everything that is answered before the connection ends
	reason     string // in the one line that is logged; "": none
}

// leftHalfway is the reason of a peer that leaves.
const leftHalfway = "reason=truncated"

// run sends what a hostile peer sends and looks at what comes of it.
func (h hostile) run(t *testing.T, r *rig, s doortest.Server) {
	p := dial(t, doortest.Unix(t, s))
	p.Send(h.sent)
	if h.reason == "" || h.reason == leftHalfway {
		p.CloseWrite()
	}
	if got := p.rest(); got != h.want {
		t.Errorf("answered %.300q, want %.300q", got, h.want)
	}
	doortest.Stop(t, s)
	_, log := r.log.Taken()
	if h.reason == "" && strings.Contains(log, "closed") || strings.Count(log, "connection closed") > 1 || !strings.Contains(log, h.reason) {
		t.Errorf("logged %q, want one line with %q", log, h.reason)
	}
	if h.reason != "" && (!strings.Contains(log, "door=auth") || !strings.Contains(log, "peer_uid=")) {
		t.Errorf("logged %q without door and peer", log)
	}
}

func TestHostileClients(t *testing.T) {
	const hello = "VERSION\t1\t2\nCPID\t4711\n"
	const cont = "AUTH\t1\tPLAIN\tservice=imap\n"
	full := cont[:len(cont)-1] + "\t" + strings.Repeat("x", maxLine-len(cont)) + "\n"
	tests := []hostile{
		{"no version", "CPID\t4711\n", "", string(errVersion)},
		{"another major version", "VERSION\t2\t0\n", "", string(errVersion)},
		{"no minor version", "VERSION\t1\n", "", string(errVersion)},
		{"version of letters", "VERSION\t1\tx\n", "", string(errVersion)},
		{"another protocol", "EHLO example.test\r\n", "", string(errVersion)},
		{"empty line", "\n", "", string(errVersion)},
		{"process id 0", "VERSION\t1\t2\nCPID\t0\n", "", string(errCPID)},
		{"process id too large", "VERSION\t1\t2\nCPID\t4294967296\n", "", string(errCPID)},
		{"no process id", "VERSION\t1\t2\nAUTH\t1\tPLAIN\tservice=imap\n", "", string(errCPID)},
		{"second version", hello + "VERSION\t1\t2\n", "", string(errCommand)},
		{"second process id", hello + "CPID\t1\n", "", string(errCommand)},
		{"unknown command", hello + "HELO\t1\n", "", string(errCommand)},
		{"master command", hello + "USER\t1\talice@example.test\n", "", string(errCommand)},
		{"command in small letters", hello + "auth\t1\tPLAIN\tservice=imap\n", "", string(errCommand)},
		{"empty line later", hello + cont + "\n", "CONT\t1\t\n", string(errCommand)},
		{"binary", hello + "\x00\xff\xfe\n", "", string(errCommand)},
		{"AUTH alone", hello + "AUTH\n", "", string(errID)},
		{"AUTH with id alone", hello + "AUTH\t1\n", "", string(errID)},
		{"id 0", hello + "AUTH\t0\tPLAIN\tservice=imap\n", "", string(errID)},
		{"negative id", hello + "AUTH\t-1\tPLAIN\tservice=imap\n", "", string(errID)},
		{"id too large", hello + "AUTH\t4294967296\tPLAIN\tservice=imap\n", "", string(errID)},
		{"id in use", hello + cont + cont, "CONT\t1\t\n", string(errDuplicate)},
		{"id in use, written otherwise", hello + cont + "AUTH\t001\tPLAIN\tservice=imap\n", "CONT\t1\t\n", string(errDuplicate)},
		{"unknown mechanism", hello + "AUTH\t1\tCRAM-MD5\tservice=imap\n", "", string(errMechanism)},
		{"mechanism in small letters", hello + "AUTH\t1\tplain\tservice=imap\n", "", string(errMechanism)},
		{"no mechanism", hello + "AUTH\t1\t\tservice=imap\n", "", string(errMechanism)},
		{"no service", hello + "AUTH\t1\tPLAIN\tsecured\n", "", string(errService)},
		{"empty service", hello + "AUTH\t1\tPLAIN\tservice=\n", "", string(errService)},
		{"parameter after resp", hello + "AUTH\t1\tPLAIN\tservice=imap\tresp=AA==\tnologin\n", "", string(errAfterResp)},
		{"resp twice", hello + "AUTH\t1\tPLAIN\tservice=imap\tresp=\tresp=\n", "", string(errAfterResp)},
		{"CONT without id", hello + "CONT\n", "", string(errID)},
		{"CONT without data", hello + cont + "CONT\t1\n", "CONT\t1\t\n", string(errBroken)},
		{"CANCEL without id", hello + "CANCEL\n", "", string(errID)},
		{"CANCEL of letters", hello + "CANCEL\tx\n", "", string(errID)},
		{"longest line", hello + full, "CONT\t1\t\n", ""},
		{"longer line", hello + "AUTH\t1\tPLAIN\tservice=imap\t" + strings.Repeat("x", maxLine) + "\n", "", "line is too long"},
		{"endless line", hello + strings.Repeat("A", 3*maxLine), "", "line is too long"},
		{"endless first line", strings.Repeat("\x00", 3*maxLine), "", "line is too long"},
		{"a thousand TABs", hello + "AUTH\t1\tPLAIN" + strings.Repeat("\t", 1000) + "\n", "", string(errService)},
		{"half a line", hello + "AUTH\t1\tPLA", "", leftHalfway},
	}
	for _, h := range tests {
		t.Run(h.name, func(t *testing.T) {
			r := newRig(t, nil)
			h.run(t, r, r.server)
		})
	}
}

func TestHostileMasters(t *testing.T) {
	const hello = "VERSION\t1\t1\n"
	tests := []hostile{
		{"no version", "USER\t1\talice@example.test\n", "", string(errVersion)},
		{"a client", "VERSION\t1\t2\nCPID\t4711\n", "", string(errCommand)},
		{"another major version", "VERSION\t3\t0\n", "", string(errVersion)},
		{"unknown command", hello + "PASSWD\t1\n", "", string(errCommand)},
		{"empty line", hello + "PASS\t1\tnobody@example.test\n\n", "NOTFOUND\t1\n", string(errCommand)},
		{"no id", hello + "USER\n", "", string(errID)},
		{"id of letters", hello + "USER\talice@example.test\tservice=lmtp\n", "", string(errID)},
		{"no name", hello + "USER\t1\n", "", string(errBroken)},
		{"empty name", hello + "USER\t1\t\tservice=lmtp\n", "", string(errBroken)},
		{"a control byte in a name", hello + "USER\t1\ta\x01tb\tservice=lmtp\n", "", string(errBroken)},
		{"a name that is no UTF-8", hello + "USER\t1\t\xff@example.test\tservice=lmtp\n", "", string(errBroken)},
		{"PASS without name", hello + "PASS\t1\n", "", string(errBroken)},
		{"REQUEST without arguments", hello + "REQUEST\t1\n", "", string(errBroken)},
		{"REQUEST without cookie", hello + "REQUEST\t1\t2\t3\n", "", string(errBroken)},
		{"REQUEST of letters", hello + "REQUEST\t1\tx\t3\t0123456789abcdef0123456789abcdef\n", "", string(errBroken)},
		{"CACHE-FLUSH without id", hello + "CACHE-FLUSH\n", "", string(errID)},
		{"LIST without id", hello + "LIST\n", "", string(errID)},
		{"endless line", hello + strings.Repeat("A", 3*maxLine), "", "line is too long"},
		{"endless name", hello + "USER\t1\t" + strings.Repeat("a", maxLine-10) + "\n", "NOTFOUND\t1\n", ""},
		{"half a line", hello + "USER\t1\tali", "", leftHalfway},
	}
	for _, h := range tests {
		t.Run(h.name, func(t *testing.T) {
			r := newRig(t, nil)
			h.run(t, r, r.master)
		})
	}
}

// Who falls silent is waited for as long as it may be: a connection that has
// shaken hands for ever.
func TestSilence(t *testing.T) {
	tests := []struct {
		name, sent string
		ends       time.Duration // 0: never
	}{
		{"nothing", "", handshakeTimeout},
		{"half a handshake", "VERSION\t1\t2\n", handshakeTimeout},
		{"half a line", "VERSION\t1\t2\nCP", serve.DefaultRequestTimeout},
		{"half a request", "VERSION\t1\t2\nCPID\t4711\nAUTH\t1\tPL", serve.DefaultRequestTimeout},
		{"handshake", "VERSION\t1\t2\nCPID\t4711\n", 0},
		{"half an exchange", "VERSION\t1\t2\nCPID\t4711\nAUTH\t1\tPLAIN\tservice=imap\n", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				p := dial(t, doortest.Pipes(t, r.server))
				start := time.Now()
				if tt.sent != "" {
					p.Send(tt.sent)
				}
				ended := make(chan time.Duration, 1)
				go func() {
					_, _ = io.Copy(io.Discard, p.in)
					ended <- time.Since(start)
				}()
				_ = p.SetReadDeadline(time.Time{})
				if tt.ends == 0 {
					time.Sleep(2 * time.Hour)
					select {
					case after := <-ended:
						t.Errorf("the connection ended after %v", after)
					default:
					}
					return
				}
				if after := <-ended; after > tt.ends || after < tt.ends*9/10 {
					t.Errorf("the connection ended after %v, want %v", after, tt.ends)
				}
				synctest.Wait()
				if _, log := r.log.Taken(); !strings.Contains(log, "timeout") {
					t.Errorf("logged %q", log)
				}
			})
		})
	}
}

// A peer that does not read is given up.
func TestNeverReads(t *testing.T) {
	for name, tt := range map[string]struct {
		door func(*rig) doortest.Server
		sent string
		ends time.Duration
	}{
		"client": {func(r *rig) doortest.Server { return r.server }, "VERSION\t1\t2\nCPID\t1\nAUTH\t1\tPLAIN\tservice=imap\n", serve.DefaultWriteTimeout},
		"master": {func(r *rig) doortest.Server { r.master.WriteTimeout = time.Minute; return r.master }, "VERSION\t1\t1\nLIST\t1\n", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				p := dial(t, doortest.Pipes(t, tt.door(r)))
				p.Send(tt.sent)
				start := time.Now()
				time.Sleep(2 * tt.ends)
				synctest.Wait()
				if _, log := r.log.Taken(); strings.Count(log, "a peer does not read its replies, connection closed") != 1 || !strings.Contains(log, start.Add(tt.ends).Format("15:04:05")) {
					t.Errorf("logged %q, want the end at %v", log, start.Add(tt.ends))
				}
			})
		})
	}
}

// A client that begins exchanges and leaves them costs the oldest ones, not
// itself or its memory.
func TestManyExchanges(t *testing.T) {
	r := newRig(t, nil)
	c := client(t, doortest.Unix(t, r.server), 0)
	for id := 1; id <= maxWaiting+3; id++ {
		if got, want := c.ask(fmt.Sprintf("AUTH\t%d\tPLAIN\tservice=smtp\tnologin", id)), fmt.Sprintf("CONT\t%d\t", id); got != want {
			t.Fatalf("AUTH %d answered %q", id, got)
		}
	}
	ir := plain("", "alice@example.test", right)
	for id, want := range map[int]string{
		1: "FAIL\t1\treason=Authentication request timed out", 2: "FAIL\t2\treason=Authentication request timed out",
		20: "OK\t20\tuser=alice@example.test", maxWaiting + 3: fmt.Sprintf("OK\t%d\tuser=alice@example.test", maxWaiting+3),
	} {
		if got := c.ask(fmt.Sprintf("CONT\t%d\t%s", id, ir)); got != want {
			t.Errorf("CONT %d answered %q, want %q", id, got, want)
		}
	}
}

// However many clients do that, all of them together take a bounded memory: each
// may go on with a few exchanges, and they are forgotten when it leaves.
func TestManyExchangesOfAll(t *testing.T) {
	r := newRig(t, nil)
	r.server.waiting.Store(maxWaitingAll) // other clients' exchanges
	c := client(t, doortest.Unix(t, r.server), 0)
	for id := 1; id <= fewWaiting+3; id++ {
		if got, want := c.ask(fmt.Sprintf("AUTH\t%d\tPLAIN\tservice=imap", id)), fmt.Sprintf("CONT\t%d\t", id); got != want {
			t.Fatalf("AUTH %d answered %q", id, got)
		}
	}
	if got := r.server.waiting.Load() - maxWaitingAll; got != fewWaiting {
		t.Errorf("%d exchanges wait, want %d", got, fewWaiting)
	}
	ir := plain("", "alice@example.test", right)
	for id, want := range map[int]string{
		3: "FAIL\t3\treason=Authentication request timed out", 4: "OK\t4\tuser=alice@example.test",
	} {
		if got := c.ask(fmt.Sprintf("CONT\t%d\t%s", id, ir)); got != want {
			t.Errorf("CONT %d answered %q, want %q", id, got, want)
		}
	}
	_ = c.Close()
	doortest.Stop(t, r.server)
	if got := r.server.waiting.Load() - maxWaitingAll; got != 0 {
		t.Errorf("%d exchanges wait for a client that has left", got)
	}
}

// More verifications than a connection may have are temporary failures at once;
// when some end there is room again.
func TestManyVerifications(t *testing.T) {
	hold := make(chan struct{})
	r := newRig(t, func(r *rig) {
		r.server.Check = func(_ context.Context, a login.Attempt) login.Outcome {
			<-hold
			return login.Outcome{Result: login.OK, Grant: login.Grant{Address: a.Name}}
		}
	})
	c := client(t, doortest.Unix(t, r.server), 2)
	for id := 1; id <= maxVerifying; id++ {
		c.Send(auth(id, "imap", "alice@example.test", right) + "\n")
	}
	if got := c.ask(auth(5000, "imap", "alice@example.test", right)); got != "FAIL\t5000\tuser=alice@example.test\tcode=temp_fail" {
		t.Errorf("one more is answered %q", got)
	}
	close(hold)
	for range maxVerifying {
		if got := c.line(); !strings.HasPrefix(got, "OK\t") {
			t.Fatalf("one of many is answered %q", got)
		}
	}
	if got := c.ask(auth(5000, "imap", "alice@example.test", right)); got != "OK\t5000\tuser=alice@example.test" {
		t.Errorf("later: %q", got)
	}
}
