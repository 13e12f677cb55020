package serve

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startShutdown begins to drain and returns once the drain has begun.
func (d *door) startShutdown(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- d.Shutdown(ctx) }()
	<-d.drainBegun()
	return done
}

func TestDrainFinishesHalfARequest(t *testing.T) {
	h := lines{partial: make(chan struct{})}
	d := open(t, &Server{Handle: h.handle, RequestTimeout: patience})
	c := d.dial()
	c.send("hel")
	<-h.partial
	done := d.startShutdown(t.Context())
	c.send("lo\n")
	c.wants("hello\n")
	c.wantsEnd()
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v, want nil", err)
	}
}

func TestDrainFinishesAnAnswer(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	d := open(t, &Server{Handle: func(_ context.Context, c *Conn) {
		buf := make([]byte, 16)
		for c.Idle() {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			close(asked)
			<-answer
			_, _ = c.Write(buf[:n])
		}
	}})
	c := d.dial()
	c.send("hello\n")
	<-asked
	done := d.startShutdown(t.Context())
	close(answer)
	c.wants("hello\n")
	c.wantsEnd()
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v, want nil", err)
	}
}

// A request lies in the socket, the handler was told to wait for it, and then
// the drain comes: it must be answered all the same, in one part or in two.
func TestDrainAnswersWhatHadArrived(t *testing.T) {
	for name, parts := range map[string][]string{"whole": {"hello\n"}, "half": {"hel", "lo\n"}} {
		t.Run(name, func(t *testing.T) {
			idle, woken := make(chan struct{}), make(chan struct{})
			h := lines{partial: make(chan struct{}, 1)}
			d := open(t, &Server{Handle: func(ctx context.Context, c *Conn) {
				c.Idle()
				close(idle)
				<-woken
				buf := make([]byte, 64)
				n, err := c.Read(buf)
				for m := 0; err == nil && buf[n-1] != '\n'; n += m {
					c.Busy()
					h.partial <- struct{}{}
					m, err = c.Read(buf[n:])
				}
				if err == nil && !c.Idle() {
					_, _ = c.Write(buf[:n])
				}
			}})
			c := d.dial()
			<-idle
			c.send(parts[0])
			d.startShutdown(t.Context())
			func() { // every wake-up has happened
				d.mu.Lock()
				defer d.mu.Unlock()
			}()
			close(woken)
			if len(parts) > 1 {
				<-h.partial
				c.send(parts[1])
			}
			c.wants("hello\n")
			c.wantsEnd()
		})
	}
}

func TestShutdownDeadline(t *testing.T) {
	h := lines{partial: make(chan struct{})}
	ended := make(chan struct{})
	d := open(t, &Server{RequestTimeout: time.Hour, Handle: func(ctx context.Context, c *Conn) {
		h.handle(ctx, c)
		<-ctx.Done()
		close(ended)
	}})
	c := d.dial()
	c.send("hel")
	<-h.partial
	ctx, cancel := context.WithCancel(t.Context())
	done := d.startShutdown(ctx)
	cancel()
	c.wantsEnd()
	<-ended
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want context.Canceled", err)
	}
	if err := <-d.served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

// Clients ask as fast as they can while the server drains: what the handler
// read is answered, in full, and everybody is told the end.
func TestDrainUnderLoad(t *testing.T) {
	const clients = 32
	var read, answered atomic.Int64
	d := open(t, &Server{Handle: func(ctx context.Context, c *Conn) {
		buf := make([]byte, 64)
		for c.Idle() {
			n, err := c.Read(buf)
			for m := 0; err == nil && buf[n-1] != '\n'; n += m {
				c.Busy()
				m, err = c.Read(buf[n:])
			}
			if err != nil {
				return
			}
			read.Add(1)
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	}})
	var all, warm sync.WaitGroup
	warm.Add(clients)
	for i := range clients {
		conn, err := net.Dial("unix", d.path)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(patience))
			answered.Add(ask(t, conn, i%2 == 0, warm.Done))
		})
	}
	warm.Wait()
	d.shutdown()
	all.Wait()
	if read.Load() != answered.Load() {
		t.Errorf("%d requests were read, %d were answered", read.Load(), answered.Load())
	}
}

// ask sends requests, whole or in two parts, until the server leaves, and
// returns how many were answered. It calls warm after the first.
func ask(t *testing.T, conn net.Conn, whole bool, warm func()) (answered int64) {
	r := bufio.NewReader(conn)
	parts := []string{"hel", "lo\n"}
	if whole {
		parts = []string{"hello\n"}
	}
	for {
		for _, part := range parts {
			if _, err := conn.Write([]byte(part)); err != nil {
				break // the server left; a reply may still be there
			}
		}
		got, err := r.ReadString('\n')
		if err != nil {
			if got != "" || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("last reply = %q, %v, want a whole one or the end", got, err)
			}
			return answered
		}
		if answered++; answered == 1 {
			warm()
		}
	}
}
