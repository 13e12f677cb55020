package adminsock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/testkit"
)

// crowd is a batch of n users whose names begin with a letter.
func crowd(letter string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"address":"%s%06d@example.test"}`+"\n", letter, i)
	}
	return b.String()
}

// sending is a batch on its way: what is written to it is sent.
type sending struct {
	*io.PipeWriter
	answered chan answer
}

// send begins a batch.
func (r *rig) send() *sending {
	body, w := io.Pipe()
	s := &sending{w, make(chan answer, 1)}
	go func() {
		res, err := r.client.Post("http://gatepost/v1/users/batch", "application/x-ndjson", body)
		if err != nil {
			s.answered <- answer{body: err.Error()}
			return
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		s.answered <- answer{res.StatusCode, res.Header, string(text)}
	}()
	return s
}

// write sends a part of the batch.
func (s *sending) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(s, text); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// work returns what `status` says is being done, once that is what is wanted.
func (r *rig) work(t *testing.T, wanted func([]command.Work) bool) []command.Work {
	t.Helper()
	var s command.Server
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		r.ok("GET /v1/status", "", 200, &s)
		if wanted(s.Work) {
			return s.Work
		}
	}
	t.Fatalf("status says %+v", s.Work)
	return nil
}

func (r *rig) exists(address string) bool {
	return r.dir.View().User(mailaddr.KeyOf(testkit.Addr(address))).Exists()
}

// What editors and other systems leave in a file does no harm.
func TestBatchAsFilesAre(t *testing.T) {
	for name, text := range map[string]string{
		"CRLF and a mark":  "\ufeff{\"address\":\"a@example.test\"}\r\n{\"address\":\"b@example.test\"}\r\n",
		"empty lines":      "\n\n{\"address\":\"a@example.test\"}\n \t\n{\"address\":\"b@example.test\"}",
		"spaces":           "  { \"address\" :\t\"a@example.test\" , \"quota\" : \"1G\" }  \n{\"address\":\"b@example.test\"}\n",
		"escapes":          "{\"address\":\"\\u0061@example.test\"}\n{\"address\":\"b@example.test\",\"display_name\":\"\\\"Bob\\\"\"}",
		"nested and empty": "{\"address\":\"a@example.test\",\"addresses\":[],\"switches\":{\"services\":[\"imap\"]}}\n{\"address\":\"b@example.test\",\"forward\":[\"a@example.test\"]}",
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			var made command.Created
			r.ok("POST /v1/users/batch", text, 201, &made)
			if made.Created != 2 || !r.exists("a@example.test") || !r.exists("b@example.test") {
				t.Errorf("created %d, want a and b", made.Created)
			}
		})
	}
}

// The number of the line is that of the file, also behind empty ones, in a long
// batch, and when only all lines together show what is wrong.
func TestBatchNamesTheLine(t *testing.T) {
	r := start(t, func(s *adminsock.Server) { s.Lane = &background.Lane{} })
	long := crowd("l", 2500)
	for name, tt := range map[string]struct {
		text string
		code string
		line int
	}{
		"far behind":      {long + "\n\n" + `{"address":"x@nowhere.test"}`, "no_such_domain", 2503},
		"twice, far":      {long + `{"address":"l000000@example.test"}`, "exists", 2501},
		"exists":          {long + `{"address":"alice@example.test"}`, "exists", 2501},
		"malformed":       {long + `{"address":`, "malformed", 2501},
		"alias loop":      {`{"address":"a@example.test","forward":["b@example.test"]}` + "\n" + `{"address":"b@example.test","forward":["a@example.test"]}`, "alias_loop", 1},
		"no such forward": {long + `{"address":"a@example.test","forward":["b@example.test"]}`, "no_such_target", 2501},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.do("POST /v1/users/batch", tt.text).problem(t)
			if p.Code != tt.code || p.Line != tt.line || !strings.HasPrefix(p.Detail, fmt.Sprintf("line %d: ", tt.line)) {
				t.Errorf("POST = %s line %d (%s), want %s line %d", p.Code, p.Line, p.Detail, tt.code, tt.line)
			}
			if r.dir.Revision() != 1 {
				t.Error("something was added")
			}
		})
	}
}

// A sender who goes away in the middle has changed nothing, and is no trouble.
func TestBatchThatBreaksOff(t *testing.T) {
	r := start(t, nil)
	s := r.send()
	s.write(t, crowd("b", 3000))
	r.work(t, func(w []command.Work) bool { return len(w) == 1 && w[0].Users > 0 })
	_ = s.CloseWithError(errors.New("gone"))
	<-s.answered
	r.work(t, func(w []command.Work) bool { return len(w) == 0 })
	if r.dir.Revision() != 1 || r.exists("b000000@example.test") {
		t.Error("a part of the batch was added")
	}
	r.ok("POST /v1/users/batch", crowd("b", 3000), 201, nil)
}

// One large batch at a time is in memory; small ones do not wait for it.
func TestBatchesTakeTurns(t *testing.T) {
	r := start(t, func(s *adminsock.Server) { s.Lane = &background.Lane{} })
	first := r.send()
	first.write(t, crowd("f", 1500))
	r.work(t, func(w []command.Work) bool { return len(w) == 1 && w[0].Users == 1500 })
	second := r.send()
	go func() {
		_, _ = io.WriteString(second, crowd("s", 1500))
		_ = second.Close()
	}()
	work := r.work(t, func(w []command.Work) bool { return len(w) == 2 && w[1].Stage == "waiting" })
	if w := work[0]; w.Command != "user batch" || w.Actor == "" || w.Request == "" || w.Since.IsZero() || w.Stage != "reading" || w.Users != 1500 {
		t.Errorf("status says %+v of the first", w)
	}
	r.ok("POST /v1/users/batch", crowd("small", 10), 201, nil)
	_ = first.Close()
	for _, s := range []*sending{first, second} {
		if a := <-s.answered; a.status != 201 {
			t.Errorf("answer = %d %s, want 201", a.status, a.body)
		}
	}
	if !r.exists("f001499@example.test") || !r.exists("s001499@example.test") {
		t.Error("one of them was not added")
	}
}

// While a batch is stored the others wait, and status says for whom; questions do
// not wait.
func TestStatusWhileOthersWait(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{}, 8)
	store := &testkit.Store{}
	d, l := testkit.StandardOn(t, store)
	store.Fail = func(*directory.Batch) error {
		held <- struct{}{}
		<-hold
		return nil
	}
	r := serve(t, d, l, nil)
	batch := r.send()
	batch.write(t, crowd("b", 2000))
	_ = batch.Close()
	<-held
	other := make(chan answer, 1)
	go func() { other <- r.do("POST /v1/domains", `{"domain":"new.test"}`) }()
	work := r.work(t, func(w []command.Work) bool { return len(w) == 1 && w[0].Stage == "storing" && w[0].Waiting == 1 })
	if w := work[0]; w.Command != "user batch" || w.Users != 2000 {
		t.Errorf("status says %+v", w)
	}
	var u command.User
	r.ok("GET /v1/users/alice@example.test", "", 200, &u)
	close(hold)
	if a := <-batch.answered; a.status != 201 {
		t.Errorf("the batch = %d %s", a.status, a.body)
	}
	if a := <-other; a.status != 201 {
		t.Errorf("the other change = %d %s", a.status, a.body)
	}
	r.work(t, func(w []command.Work) bool { return len(w) == 0 })
}

// A full disk refuses the whole batch, and says why.
func TestBatchOnFullDisk(t *testing.T) {
	store := &testkit.Store{}
	d, l := testkit.StandardOn(t, store)
	store.Fail = func(*directory.Batch) error {
		return &directory.Error{Code: directory.CodeReadOnly, Detail: "changes are refused for now", Err: errors.New("the disk is full")}
	}
	r := serve(t, d, l, nil)
	p := r.do("POST /v1/users/batch", crowd("b", 2000)).problem(t)
	if p.Status != http.StatusServiceUnavailable || p.Code != "read_only" || !strings.Contains(p.Detail, "the disk is full") {
		t.Errorf("POST = %d %s %s, want 503 read_only and the reason", p.Status, p.Code, p.Detail)
	}
	if r.exists("b000000@example.test") {
		t.Error("a part of the batch was added")
	}
	store.Fail = nil
	r.ok("POST /v1/users/batch", crowd("b", 2000), 201, nil)
}

// Who is still sending when the server ends is told at once that nothing was
// changed.
func TestBatchAndShutdown(t *testing.T) {
	for name, lines := range map[string]int{"small": 10, "large": 1500} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			s := r.send()
			s.write(t, crowd("b", lines))
			r.work(t, func(w []command.Work) bool { return len(w) == 1 && w[0].Users == int64(lines) })
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := r.server.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown = %v: it waited for the sender", err)
			}
			a := <-s.answered
			if p := a.problem(t); p.Status != http.StatusServiceUnavailable || p.Code != "read_only" || !strings.Contains(p.Detail, "nothing was changed") {
				t.Errorf("answer = %+v, want 503 read_only and that nothing was changed", p)
			}
			if r.exists("b000000@example.test") {
				t.Error("a part of the batch was added")
			}
		})
	}
}

// No password of a batch is anywhere but where it belongs.
func TestBatchTellsNoSecrets(t *testing.T) {
	const secret = "Hunter-2222-secret"
	r := start(t, nil)
	text := fmt.Sprintf(`{"address":"a@example.test","password":%q}`+"\n", secret) + fmt.Sprintf(`{"address":"b@example.test","password":%q,"colour":"red"}`, secret)
	a := r.do("POST /v1/users/batch", text)
	if a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, secret) || bytes.Contains([]byte(r.log.String()), []byte(secret)) {
		t.Errorf("answer %d %s, log %s", a.status, a.body, r.log)
	}
}
