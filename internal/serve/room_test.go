package serve

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// What the connections of a server hold together has a limit, and comes back
// when a buffer shrinks and when a connection ends.
func TestHold(t *testing.T) {
	a, b := idleConn(t), idleConn(t)
	b.server = a.server
	for _, tt := range []struct {
		name string
		c    *Conn
		size int
		want bool
	}{
		{"what is free", a, freeRoom, true},
		{"everything", a, maxRoom + freeRoom, true},
		{"what is free, while nothing is left", b, freeRoom, true},
		{"more", b, freeRoom + 1, false},
		{"a little less", a, maxRoom + freeRoom - 1, true},
		{"that", b, freeRoom + 1, true},
		{"that twice", b, freeRoom + 2, false},
	} {
		if got := tt.c.Hold(tt.size); got != tt.want {
			t.Errorf("%s: Hold(%d) = %v, want %v", tt.name, tt.size, got, tt.want)
		}
	}
	a.server.remove(a)
	if !b.Hold(maxRoom+freeRoom) || b.Hold(maxRoom+freeRoom+1) {
		t.Error("a connection that ended did not give back what it held")
	}
}

// What a handler has taken of an event loop's bytes is kept no longer.
func TestUnansweredIsGivenBack(t *testing.T) {
	taken, goOn := make(chan *Conn), make(chan struct{})
	s := &Server{Prompter: func() Prompter { return prompt{} }, Handle: func(_ context.Context, c *Conn) {
		buf := make([]byte, promptSize)
		_, _ = c.Read(buf)
		taken <- c
		<-goOn
	}}
	d := open(t, s)
	c := d.dial()
	c.send(strings.Repeat("x", promptSize-1))
	conn := <-taken
	if conn.unanswered != nil || s.room.taken.Load() != 0 {
		t.Errorf("%d bytes are kept, %d counted, want none", cap(conn.unanswered), s.room.taken.Load())
	}
	close(goOn)
}

// A request that comes when there is no room meets an error, not silence.
func TestNoRoom(t *testing.T) {
	read := make(chan error, 1)
	s := &Server{Prompter: func() Prompter { return prompt{} }, Handle: func(_ context.Context, c *Conn) {
		if c.Idle() {
			_, err := c.Read(make([]byte, promptSize))
			read <- err
		}
	}}
	s.room.taken.Store(maxRoom)
	c := open(t, s).dial()
	c.send(strings.Repeat("x", promptSize-1))
	if err := <-read; !errors.Is(err, ErrNoRoom) {
		t.Errorf("Read = %v, want %v", err, ErrNoRoom)
	}
	c.wantsEnd()
	if got := s.room.taken.Load(); got != maxRoom {
		t.Errorf("%d bytes are counted, want %d", got, maxRoom)
	}
}
