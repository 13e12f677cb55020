package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// takesMail says which of two users takes mail; the other one refuses it.
func (p *place) takesMail(t *testing.T, who, other string) {
	t.Helper()
	for address, receive := range map[string]string{who: "accept", other: "reject"} {
		p.admin(t, http.MethodPatch, "/v1/users/"+address, map[string]any{"switches": map[string]any{"receive": receive}})
	}
}

// restore restores a backup.
func (p *place) restore(t *testing.T, backup string) {
	t.Helper()
	if code, text := p.send(t, "admin", http.MethodPost, "/v1/restore", "application/octet-stream", strings.NewReader(backup)); code/100 != 2 {
		t.Fatalf("restore = %d %s", code, text)
	}
}

func recipient(address string) string {
	return "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=" + address + "\n\n"
}

// crowded starts a daemon with two users at the ends of many, an alias that leads
// to both, and a backup for each of them as the one who takes mail.
func crowded(t *testing.T) (p *place, r *process, backups [2]string) {
	p = newPlace(t)
	r = p.start(t)
	p.addDomain(t, "example.test")
	for i := range 100 {
		p.admin(t, http.MethodPost, "/v1/users", map[string]any{"address": fmt.Sprintf("m%d@example.test", i)})
	}
	for _, who := range takers {
		p.addUser(t, who)
	}
	p.admin(t, http.MethodPost, "/v1/aliases", map[string]any{"address": "both@example.test", "targets": takers})
	for i, who := range takers {
		p.takesMail(t, who, takers[1-i])
		for j := range 100 { // between the two, in whatever order
			p.admin(t, http.MethodPatch, fmt.Sprintf("/v1/users/m%d@example.test", j), map[string]any{"display_name": who})
		}
		backups[i] = p.admin(t, http.MethodGet, "/v1/backup", nil)
	}
	return p, r, backups
}

var takers = [2]string{"a@example.test", "z@example.test"}

// Of each directory, one of two users takes mail, so mail to both is never
// refused, whenever Postfix asks: an answer that mixes the two would refuse it.
func TestRestoreUnderLoad(t *testing.T) {
	p, _, backups := crowded(t)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	answers := make([]int, 2)
	for n := range answers {
		c, err := net.DialTimeout("unix", p.socket("policy"), patience)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients.Go(func() {
			buf := make([]byte, 4096)
			for ; ; answers[n]++ {
				select {
				case <-stop:
					return
				default:
				}
				_ = c.SetDeadline(time.Now().Add(patience))
				_, err := io.WriteString(c, recipient("both@example.test"))
				size := 0
				if err == nil {
					size, err = c.Read(buf)
				}
				if got := string(buf[:size]); err != nil || got != "action=DUNNO\n\n" {
					t.Errorf("mail to both got %q, %v", got, err)
					return
				}
			}
		})
	}
	for n := range 20 {
		p.restore(t, backups[n%2])
		p.ask(t, "policy", recipient(takers[n%2]), "action=DUNNO\n\n")
		p.ask(t, "policy", recipient(takers[1-n%2]), "action=550 5.2.1 ")
	}
	close(stop)
	clients.Wait()
	t.Logf("%v answers during 20 restores", answers)
}

// Killed a moment after a restore was acknowledged, while the database is swapped,
// the daemon starts with what was restored, and is well.
func TestRestoreIsKilled(t *testing.T) {
	p, r, backups := crowded(t)
	for n := range 6 {
		p.restore(t, backups[n%2])
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond) // the follower begins after 50
		r.end(syscall.SIGKILL)
		r = p.start(t)
		p.ask(t, "policy", recipient(takers[n%2]), "action=DUNNO\n\n")
		p.ask(t, "policy", recipient(takers[1-n%2]), "action=550 5.2.1 ")
		if text := p.admin(t, http.MethodGet, "/v1/users/m7@example.test", nil); !strings.Contains(text, takers[n%2]) {
			t.Errorf("after a kill and a start: %s, want it of the directory in which %s takes mail", text, takers[n%2])
		}
		if text := p.admin(t, http.MethodGet, "/v1/status", nil); !strings.Contains(text, `"read_only":false`) || !strings.Contains(text, `"rebuilt":""`) {
			t.Errorf("status after a kill and a start: %s", text)
		}
	}
}
