package serve

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// When a connection of a draining server is closed, by when it sent its
// requests. Draining begins 10 s after the connection was made, or after the
// time that the case gives.
func TestLinger(t *testing.T) {
	second := time.Second
	tests := []struct {
		name    string
		drain   time.Duration   // when
		asks    []time.Duration // when, each answered
		left    time.Duration   // when the connection is closed, without the last look
		limited bool            // LingerIdle is 0
	}{
		{name: "never asked, for long", drain: 10 * second, left: 10 * second},
		{name: "just came", drain: second / 2, left: second},
		{name: "asked long ago", drain: 10 * second, asks: []time.Duration{8 * second}, left: 10 * second},
		{name: "asked just now", drain: 10 * second, asks: []time.Duration{9500 * time.Millisecond}, left: 10500 * time.Millisecond},
		{name: "asks while it lingers", drain: second / 2, asks: []time.Duration{900 * time.Millisecond}, left: 1900 * time.Millisecond},
		{name: "asks all the time", drain: second / 2, asks: []time.Duration{
			900 * time.Millisecond, 1700 * time.Millisecond, 2400 * time.Millisecond}, left: 2500 * time.Millisecond},
		{name: "the server does not linger", drain: second / 2, left: second / 2, limited: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Handle: lines{}.handle, LingerIdle: second, LingerMax: 2 * second}
				if tt.limited {
					s.LingerIdle, s.LingerMax = 0, 0
				}
				ours := openPipes(t, s).dial()
				begun := time.Now()
				var draining sync.WaitGroup
				draining.Go(func() {
					time.Sleep(tt.drain)
					s.beginDrain()
				})
				for _, at := range tt.asks {
					time.Sleep(at - time.Since(begun))
					if _, err := io.WriteString(ours, "hello\n"); err != nil {
						t.Fatalf("asking after %v: %v", at, err)
					}
					reply := make([]byte, 6)
					if _, err := io.ReadFull(ours, reply); err != nil || string(reply) != "hello\n" {
						t.Fatalf("after %v: reply %q, %v", at, reply, err)
					}
				}
				if n, err := ours.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("then the client reads %d bytes, %v, want the end", n, err)
				}
				if got := time.Since(begun); got != tt.left+lastLook {
					t.Errorf("closed after %v, want %v and the last look", got, tt.left)
				}
				draining.Wait()
			})
		})
	}
}

// A connection that was accepted as the drain began is not closed over what it
// sent.
func TestLateConnectionIsLookedAt(t *testing.T) {
	for name, request := range map[string]string{"asks": "hello\n", "does not ask": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Handle: lines{}.handle}
				listening := &lateListener{pipes: newPipes(), server: s}
				var serving sync.WaitGroup
				serving.Go(func() {
					if err := s.Serve(context.Background(), listening); err != nil {
						t.Errorf("Serve = %v", err)
					}
				})
				ours := listening.dial()
				if request != "" {
					if _, err := io.WriteString(ours, request); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := io.ReadAll(ours); string(got) != request || err != nil {
					t.Errorf("the client reads %q, %v, want %q and the end", got, err, request)
				}
				serving.Wait()
			})
		})
	}
}

// lateListener lets the drain begin between accepting and admitting.
type lateListener struct {
	*pipes
	server *Server
}

func (l *lateListener) Accept() (net.Conn, error) {
	c, err := l.pipes.Accept()
	if err == nil {
		l.server.beginDrain()
	}
	return c, err
}
