package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// screen collects what several goroutines show.
type screen struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// What is shown says first how much was sent, then that it is being worked on,
// and is gone at the end.
func TestProgress(t *testing.T) {
	for name, size := range map[string]int64{"file": 200_000, "pipe": -1} {
		t.Run(name, func(t *testing.T) {
			var shown screen
			p := newProgress(&shown, size)
			for range 4 {
				p.sent(50_000, nil)
				time.Sleep(110 * time.Millisecond) // a bar draws itself ten times a second
			}
			p.sent(0, io.EOF)
			for end := time.Now().Add(5 * time.Second); !strings.Contains(shown.String(), "gatepostd is at work") && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(2 * turnEvery)
			p.end()
			p.sent(1, nil) // the server may answer before everything was sent
			text := shown.String()
			sending, working := strings.Index(text, "sending"), strings.Index(text, "sent; gatepostd is at work")
			if sending < 0 || working < sending || !strings.Contains(text, "kB") {
				t.Errorf("shown: %q", text)
			}
			if at := strings.LastIndexByte(strings.TrimRight(text, "\r"), '\r'); strings.TrimSpace(strings.Trim(text[at+1:], "\r\x1b[2K")) != "" {
				t.Errorf("something stays on the screen: %q", text[max(0, len(text)-200):])
			}
		})
	}
}

// Where the connection breaks off decides what is known.
func TestUnknownOutcome(t *testing.T) {
	batch := filepath.Join(t.TempDir(), "batch")
	if err := os.WriteFile(batch, bytes.Repeat([]byte(`{"address":"a@example.test"}`+"\n"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	halfway := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 10_000)
		panic(http.ErrAbortHandler)
	}
	afterAll := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}
	for _, tt := range []struct {
		name, args string
		server     http.HandlerFunc
		says, not  []string
	}{
		{"batch, halfway", "user add --batch " + batch, halfway, []string{"while the file was being sent; nothing was changed"}, []string{"unknown", "hint"}},
		{"batch, all sent", "user add --batch " + batch, afterAll,
			[]string{"error: unknown outcome: the connection broke off", "hint: ", "gatepostctl user show ADDRESS", "all of them are there or none"}, nil},
		{"one change", "user disable a@example.test", afterAll, []string{"error: unknown outcome: ", "gatepostctl audit tail"}, nil},
		{"a question", "user show a@example.test", afterAll, []string{"the connection broke off"}, []string{"unknown", "hint"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, said bytes.Buffer
			env := Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &said, Getenv: func(string) string { return "" }}
			code := Run(context.Background(), append([]string{"--socket", answering(t, tt.server)}, strings.Fields(tt.args)...), env)
			if code != exitFailed || out.Len() > 0 {
				t.Errorf("exit code %d, output %q", code, &out)
			}
			for _, text := range tt.says {
				if !strings.Contains(said.String(), text) {
					t.Errorf("says %q, want %q in it", &said, text)
				}
			}
			for _, text := range tt.not {
				if strings.Contains(said.String(), text) {
					t.Errorf("says %q, want no %q in it", &said, text)
				}
			}
		})
	}
}

// A file that cannot be read to its end is not the connection's fault.
func TestUnreadableFile(t *testing.T) {
	socket := answering(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	in := io.MultiReader(strings.NewReader(`{"address":"a@example.test"}`+"\n"), iotest.ErrReader(errors.New("input/output error")))
	var said bytes.Buffer
	env := Env{Stdin: in, Stdout: io.Discard, Stderr: &said, Getenv: func(string) string { return "" }}
	code := Run(context.Background(), []string{"--socket", socket, "user", "add", "--batch", "-"}, env)
	want := "gatepostctl: error: the file cannot be read to its end: input/output error; nothing was changed\n"
	if code != exitFailed || said.String() != want {
		t.Errorf("exit code %d, says %q, want %q", code, &said, want)
	}
}

// Interrupted is as uncertain as broken off.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	socket := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		interrupt()
		<-r.Context().Done()
	})
	var said bytes.Buffer
	env := Env{Stdin: strings.NewReader(`{"address":"a@example.test"}`), Stdout: io.Discard, Stderr: &said, Getenv: func(string) string { return "" }}
	if code := Run(ctx, []string{"--socket", socket, "user", "add", "--batch", "-"}, env); code != exitFailed || !strings.Contains(said.String(), "unknown outcome: interrupted") {
		t.Errorf("exit code %d, says %q", code, &said)
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Error("the server was not asked")
	}
}

// Only who sends or fetches a file steps behind.
func TestStepBehind(t *testing.T) {
	dir := t.TempDir()
	batch := filepath.Join(dir, "batch")
	if err := os.WriteFile(batch, []byte(`{"address":"a@example.test"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	for args, want := range map[string]int{
		"user add --batch " + batch: 1, "restore --yes " + batch: 1, "backup " + filepath.Join(dir, "new"): 1,
		"user disable a@example.test": 0, "status": 0,
	} {
		stepped := 0
		env := Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" },
			StepBehind: func() { stepped++ }}
		if Run(context.Background(), append([]string{"--socket", socket}, strings.Fields(args)...), env); stepped != want {
			t.Errorf("%s: stepped behind %d times, want %d", args, stepped, want)
		}
	}
}
