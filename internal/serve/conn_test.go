package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections and errors a test makes.
type pipes struct {
	accepts chan any // a net.Conn or an error
	closed  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan any), make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.accepts <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case <-p.closed:
		return nil, net.ErrClosed
	case next := <-p.accepts:
		if err, ok := next.(error); ok {
			return nil, err
		}
		return next.(net.Conn), nil
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// openPipes serves pipes until the test ends. It belongs into synctest, which
// simulates the time and fails when a goroutine is left.
func openPipes(t *testing.T, s *Server) *pipes {
	t.Helper()
	p := newPipes()
	served := make(chan error)
	go func() { served <- s.Serve(context.Background(), p) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown = %v, want nil", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
	})
	return p
}

// endsAfter wants the server to close the connection after a time.
func endsAfter(t *testing.T, conn net.Conn, want time.Duration) {
	t.Helper()
	start := time.Now()
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read %d bytes, %v, want EOF", n, err)
	}
	if took := time.Since(start); took != want {
		t.Errorf("the connection ended after %v, want %v", took, want)
	}
}

func TestHalfARequestThenSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openPipes(t, &Server{Handle: lines{}.handle}).dial()
		_, _ = c.Write([]byte("hel"))
		endsAfter(t, c, DefaultRequestTimeout)
	})
}

// More of the request does not give it more time.
func TestRequestInDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openPipes(t, &Server{Handle: lines{}.handle, RequestTimeout: 2500 * time.Millisecond}).dial()
		start := time.Now()
		for range 10 {
			if _, err := c.Write([]byte("x")); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the request was found cut after %v, want 3s", took)
		}
	})
}

func TestIdleForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openPipes(t, &Server{Handle: lines{}.handle}).dial()
		buf := make([]byte, 16)
		for _, parts := range [][]string{{"a\n"}, {"b", "\n"}, {"c\n"}} {
			for _, part := range parts {
				_, _ = c.Write([]byte(part))
			}
			if _, err := c.Read(buf); err != nil {
				t.Fatalf("reply: %v", err)
			}
			time.Sleep(5 * time.Hour)
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openPipes(t, &Server{Handle: func(ctx context.Context, c *Conn) {
			c.SetIdleTimeout(time.Minute)
			lines{}.handle(ctx, c)
		}}).dial()
		buf := make([]byte, 16)
		for range 20 { // each request is soon enough after the last
			_, _ = c.Write([]byte("hel"))
			_, _ = c.Write([]byte("lo\n"))
			if _, err := c.Read(buf); err != nil {
				t.Fatalf("reply: %v", err)
			}
			time.Sleep(50 * time.Second)
		}
		endsAfter(t, c, 10*time.Second)
	})
}

func TestPeerThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrote := make(chan error, 1)
		p := openPipes(t, &Server{Handle: func(_ context.Context, c *Conn) {
			_, err := c.Write([]byte("reply"))
			wrote <- err
		}})
		start := time.Now()
		p.dial()
		if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %v, want a timeout", err)
		}
		if took := time.Since(start); took != DefaultWriteTimeout {
			t.Errorf("Write gave up after %v, want %v", took, DefaultWriteTimeout)
		}
	})
}

// The write deadline is not renewed with every Write, but each has nearly all
// of its time.
func TestWriteDeadlineIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 1)
		c := openPipes(t, &Server{Handle: func(_ context.Context, c *Conn) {
			for err := error(nil); err == nil; time.Sleep(300 * time.Millisecond) {
				start := time.Now()
				if _, err = c.Write([]byte("reply")); err != nil {
					took <- time.Since(start)
				}
			}
		}}).dial()
		for range 102 {
			if _, err := c.Read(make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
		}
		if got := <-took; got < DefaultWriteTimeout*9/10 || got > DefaultWriteTimeout-600*time.Millisecond {
			t.Errorf("the last Write gave up after %v, want up to a tenth less than %v", got, DefaultWriteTimeout)
		}
	})
}

// A handler that awaits the rest of a dialogue while the server drains says
// Busy, and has RequestTimeout for it.
func TestBusyWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Handle: func(_ context.Context, c *Conn) {
			<-c.server.drainBegun()
			buf := make([]byte, 16)
			for !c.Idle() && c.Busy() {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				_, _ = c.Write(buf[:n])
			}
		}}
		c := openPipes(t, s).dial()
		synctest.Wait() // the handler runs
		done := make(chan error)
		go func() { done <- s.Shutdown(t.Context()) }()
		time.Sleep(3 * time.Second)
		buf := make([]byte, 16)
		_, _ = c.Write([]byte("more"))
		if n, err := c.Read(buf); string(buf[:n]) != "more" {
			t.Errorf("reply = %q, %v, want more", buf[:n], err)
		}
		endsAfter(t, c, DefaultRequestTimeout)
		if err := <-done; err != nil {
			t.Errorf("Shutdown = %v, want nil", err)
		}
	})
}

// Accept fails for a while, twice. Each time is logged once when it begins and
// once when it ends, and the rests grow to a second.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		p := openPipes(t, &Server{Handle: lines{}.handle, Log: slog.New(slog.NewTextHandler(log, nil))})
		for range 2 {
			start := time.Now()
			for range 12 {
				p.accepts <- &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
			}
			_ = p.dial().Close()
			// 5+10+20+…+640 ms is eight rests, then four of a second.
			if took, want := time.Since(start), 1275*time.Millisecond+4*time.Second; took != want {
				t.Errorf("accepting again after %v, want %v", took, want)
			}
			synctest.Wait()
		}
		text := log.String()
		if n, m := strings.Count(text, "cannot accept"), strings.Count(text, "accepting connections again"); n != 2 || m != 2 {
			t.Errorf("%d lines of trouble and %d of its end, want 2 and 2:\n%s", n, m, text)
		}
	})
}

func TestShutdownDuringAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Handle: lines{}.handle}
		p := openPipes(t, s)
		for range 10 {
			p.accepts <- syscall.ENFILE
		}
		start := time.Now()
		if err := s.Shutdown(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("Shutdown = %v after %v, want it not to wait for a rest", err, time.Since(start))
		}
	})
}

func TestRefusalsAreLoggedRarely(t *testing.T) {
	var r refusals
	start := time.Now()
	for i, test := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Second, 0}, {9 * time.Second, 0}, {10 * time.Second, 3}, {11 * time.Second, 0}, {time.Hour, 2}} {
		if got := r.add(start.Add(test.after)); got != test.want {
			t.Errorf("refusal %d, after %v: %d to log, want %d", i, test.after, got, test.want)
		}
	}
}

// A peer that does not read is left after the time that was set last.
func TestSetWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := newConn(&Server{}, nil, ours)
		for _, patience := range []time.Duration{time.Hour, time.Second, DefaultWriteTimeout} {
			c.SetWriteTimeout(patience)
			begin := time.Now()
			if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("Write to a peer that does not read = %v", err)
			}
			if took := time.Since(begin); took != patience {
				t.Errorf("Write waited %v, want %v", took, patience)
			}
		}
	})
}
