package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Logins come first when gatepostd ends: as long as one is under way the other
// doors answer, and its mail process is told where the user lives.
func TestDrainBeginsWithLogins(t *testing.T) {
	p := newPlace(t)
	r := p.start(t)
	p.addDomain(t, "example.test")
	p.addUser(t, "alice@example.test")
	c, err := net.DialTimeout("unix", p.socket("auth"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	until := func(word string) string {
		t.Helper()
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("auth: %v, want a line with %s", err, word)
			}
			if rest, found := strings.CutPrefix(line, word); found {
				return strings.TrimSpace(rest)
			}
		}
	}
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	cookie := until("COOKIE")
	request := "AUTH\t1\tPLAIN\tservice=imap\tresp=" + base64.StdEncoding.EncodeToString([]byte("\x00alice@example.test\x00Secret-1234")) + "\n"
	send("VERSION\t1\t2\nCPID\t4711\n" + request[:20]) // half a login, which has five seconds

	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.says("draining")
	p.ask(t, "policy", questions()[0].text, questions()[0].want)
	p.ask(t, "auth-master", questions()[3].text, questions()[3].want)
	send(request[20:])
	if got, want := until("OK\t1\t"), "user=alice@example.test"; got != want {
		t.Errorf("AUTH = OK %q, want %q", got, want)
	}
	p.ask(t, "auth-master", fmt.Sprintf("VERSION\t1\t1\nREQUEST\t7\t4711\t1\t%s\n", cookie), "USER\t7\talice@example.test\t")
	if code := r.wait(); code != exitDone {
		t.Errorf("exit code = %d, want 0", code)
	}
}
