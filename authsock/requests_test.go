package authsock

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/login"
)

func TestGrantExpires(t *testing.T) {
	for after, want := range map[time.Duration]bool{0: true, requestTimeout: true, requestTimeout + time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			r := NewRequests()
			s := r.connect()
			r.join(s, 7)
			r.grant(s, 1, login.Grant{Address: []byte("alice@example.test")})
			time.Sleep(after)
			if got := r.Pending() == 1; got != want {
				t.Errorf("pending after %v: %v, want %v", after, got, want)
			}
			if got := r.holds(s, 1); got != want {
				t.Errorf("held after %v: %v, want %v", after, got, want)
			}
			if g, ok := r.claim(7, 1, s.cookie[:]); ok != want || ok && string(g.Address) != "alice@example.test" {
				t.Errorf("claim after %v: %q, %v, want %v", after, g.Address, ok, want)
			}
		})
	}
}

// A client whose logins nobody asks for loses the oldest, not more memory.
func TestGrantsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRequests()
		s := r.connect()
		r.join(s, 7)
		for id := uint32(1); id <= maxGrants+5; id++ {
			r.grant(s, id, login.Grant{})
			time.Sleep(time.Microsecond)
		}
		if n := r.Pending(); n != maxGrants {
			t.Errorf("%d are pending, want %d", n, maxGrants)
		}
		for id, want := range map[uint32]bool{1: false, 5: false, 6: true, maxGrants + 5: true} {
			if got := r.holds(s, id); got != want {
				t.Errorf("holds(%d) = %v, want %v", id, got, want)
			}
		}
	})
}

// Sessions of one process id do not see each other's grants, and leave nothing.
func TestSessions(t *testing.T) {
	r := NewRequests()
	a, b := r.connect(), r.connect()
	r.join(a, 7)
	r.join(b, 7)
	r.grant(a, 1, login.Grant{Address: []byte("a")})
	r.grant(b, 1, login.Grant{Address: []byte("b")})
	r.leave(a)
	if _, ok := r.claim(7, 1, a.cookie[:]); ok {
		t.Error("a session that left still has a grant")
	}
	if g, ok := r.claim(7, 1, b.cookie[:]); !ok || string(g.Address) != "b" {
		t.Errorf("claim = %q, %v, want the other session's", g.Address, ok)
	}
	r.leave(b)
	r.leave(r.connect()) // one that never said who it is
	if len(r.sessions) != 0 {
		t.Errorf("left behind: %v", fmt.Sprint(len(r.sessions)))
	}
}

func TestCookie(t *testing.T) {
	s := NewRequests().connect()
	text := s.appendCookie(nil)
	if got, ok := parseCookie(text); !ok || string(got) != string(s.cookie[:]) {
		t.Errorf("parseCookie(%q) = %x, %v", text, got, ok)
	}
	for _, text := range []string{"", "00", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef00"} {
		if _, ok := parseCookie([]byte(text)); ok {
			t.Errorf("parseCookie(%q) took it", text)
		}
	}
}
