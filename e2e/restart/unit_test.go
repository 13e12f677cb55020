package main

import (
	"bufio"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What the client makes of a server that ends the connection in each way.
func TestEndings(t *testing.T) {
	const request, reply = "a=b\n\n", "action=DUNNO\n\n"
	tests := []struct {
		name   string
		server func(net.Conn)
		reply  string
		how    ending
	}{
		{"answered", func(c net.Conn) { read(c); _, _ = c.Write([]byte(reply)) }, reply, 0},
		{"closed without reading", func(c net.Conn) { wait(c) }, "", unsent},
		{"closed after reading", func(c net.Conn) { read(c) }, "", unanswered},
		{"half a reply", func(c net.Conn) { read(c); _, _ = c.Write([]byte("action=DUN")) }, "action=DUN", cut},
		{"a line of a reply", func(c net.Conn) { read(c); _, _ = c.Write([]byte("action=DUNNO\n")) }, "action=DUNNO\n", cut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &smtpd{path: filepath.Join(t.TempDir(), "s")}
			l, err := net.Listen("unix", s.path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var serving sync.WaitGroup
			serving.Go(func() {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				tt.server(c)
				_ = c.Close()
			})
			got, how, err := s.try(request)
			serving.Wait()
			if got != tt.reply || how != tt.how || (err == nil) != (tt.name == "answered") {
				t.Errorf("try = %q, %v, %v, want %q, %v", got, how, err, tt.reply, tt.how)
			}
			s.hangUp()
		})
	}
}

// read reads a request.
func read(c net.Conn) { _, _ = readReply(bufio.NewReader(c)) }

// wait waits until there is something to read, and leaves it.
func wait(c net.Conn) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		n, _, _ := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return n > 0
	})
}

// How logins are counted, and when one was under way as a process died.
func TestVerdict(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	fine := login{at(1), at(1), at(2), "a OK [CAPABILITY IMAP4rev1] Logged in"}
	wrong := login{at(1), at(5), at(11), "a NO [AUTHENTICATIONFAILED] Authentication failed."}
	down := login{at(1), at(5), at(11), "a NO [UNAVAILABLE] Temporary authentication failure."}
	late := login{at(1), at(12), at(13), "a NO [UNAVAILABLE] Temporary authentication failure."}
	lost := login{at(1), at(5), at(11), "no answer: EOF"}
	sentAway := login{at(9), time.Time{}, at(11), "no greeting: * BYE Auth process broken"}
	neverGreeted := login{at(11), time.Time{}, at(12), "no greeting: * BYE Auth process broken"}
	died := restart{told: at(9), ended: at(10)}
	tests := []struct {
		name   string
		signal syscall.Signal
		logins []login
		want   string // in the error; "": none
	}{
		{"all fine", syscall.SIGTERM, []login{fine, fine}, ""},
		{"one unavailable", syscall.SIGTERM, []login{fine, down}, ""},
		{"two unavailable", syscall.SIGTERM, []login{down, down}, "UNAVAILABLE:2"},
		{"one wrong password", syscall.SIGTERM, []login{fine, wrong}, "AUTHENTICATIONFAILED:1"},
		{"one without an answer", syscall.SIGTERM, []login{fine, lost}, "no answer"},
		{"none at all", syscall.SIGTERM, nil, "of 0"},
		{"failed as it died", syscall.SIGKILL, []login{fine, wrong, down}, ""},
		{"failed afterwards", syscall.SIGKILL, []login{fine, late}, "not under way"},
		{"no answer as it died", syscall.SIGKILL, []login{fine, lost}, ""},
		{"sent away as it died", syscall.SIGKILL, []login{fine, sentAway}, ""},
		{"sent away afterwards", syscall.SIGKILL, []login{fine, neverGreeted}, "not under way"},
		{"sent away over SIGTERM", syscall.SIGTERM, []login{fine, sentAway}, "Auth process broken"},
		{"no login at all", syscall.SIGKILL, nil, "there were none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &loginSeries{signal: tt.signal, restarts: []restart{died}, logins: tt.logins}
			err := (&loginResult{series: []*loginSeries{s}}).broken()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("broken() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPendingRequests(t *testing.T) {
	const log = `Nov 22 imap-login: Warning: auth-client: conn unix:/run/login: Auth connection closed with 2 pending requests (max 0 secs, pid=7, EOF)
Nov 22 imap-login: Info: Login: user=<a>
Nov 22 imap-login: Warning: auth-client: conn unix:/run/login: Auth connection closed with 1 pending requests (max 0 secs, pid=8, EOF)
`
	if got := pendingRequests(log); got != 3 {
		t.Errorf("pendingRequests = %d, want 3", got)
	}
}

func TestSpread(t *testing.T) {
	var s spread
	if s.at(0.5) != 0 {
		t.Errorf("the median of nothing is %v", s.at(0.5))
	}
	for i := range 101 {
		s.add(time.Duration(100-i) * time.Millisecond)
	}
	if got, want := s.String(), "median 50ms, p99 99ms, max 100ms"; got != want {
		t.Errorf("spread = %s, want %s", got, want)
	}
}
