package cli

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// upload is a file on its way: it knows whether all of it was sent, and why not
// when it is the file's fault.
type upload struct {
	io.ReadCloser
	whole  atomic.Bool
	failed atomic.Pointer[error] // of reading the file
	shown  *progress             // nil: nobody looks
}

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	if u.shown != nil {
		u.shown.sent(n, err)
	}
	switch {
	case errors.Is(err, io.EOF):
		u.whole.Store(true)
	case err != nil && !errors.Is(err, os.ErrClosed): // it is closed when the connection breaks off
		u.failed.Store(&err)
	}
	return n, err
}

// watch makes the file that a request sends, if it sends one, known to the
// request, and shows on a terminal how much of it was sent; where there is none,
// nobody is to be told. The function it returns ends that.
func (a *app) watch(r *http.Request, req *request) func() {
	if req.stream == nil {
		return func() {}
	}
	req.upload = &upload{ReadCloser: r.Body}
	r.Body = req.upload
	screen, ok := a.Stderr.(*os.File)
	if !ok || !term.IsTerminal(int(screen.Fd())) {
		return func() {}
	}
	req.upload.shown = newProgress(screen, fileSize(req.stream))
	return req.upload.shown.end
}

// progress shows how much was sent, and then that it is being worked on.
type progress struct {
	screen io.Writer

	mu               sync.Mutex               // guards the fields below: the file is sent beside the one who waits for the answer
	sending, working *progressbar.ProgressBar // working is nil until everything was sent
	over             bool

	stop chan struct{} // closed at the end
	turn sync.WaitGroup
}

// turnEvery is how often it shows that it is not over yet.
const turnEvery = 200 * time.Millisecond

func newProgress(screen io.Writer, size int64) *progress {
	return &progress{screen: screen, stop: make(chan struct{}), sending: newBar(screen, size, "sending", progressbar.OptionShowBytes(true), progressbar.OptionShowCount())}
}

func newBar(screen io.Writer, size int64, what string, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, append(more, progressbar.OptionSetWriter(screen), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true))...)
}

// sent counts bytes; err is io.EOF when they were the last.
func (p *progress) sent(n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.working != nil {
		return
	}
	_ = p.sending.Add(n) // what cannot be shown is not worth an error
	if errors.Is(err, io.EOF) {
		_ = p.sending.Finish()
		p.working = newBar(p.screen, -1, "sent; gatepostd is at work", progressbar.OptionSpinnerType(14))
		p.turn.Go(p.keepTurning)
	}
}

// keepTurning shows until the end that somebody is at work. (The bar's own way of
// doing that is not made for several goroutines.)
func (p *progress) keepTurning() {
	tick := time.NewTicker(turnEvery)
	defer tick.Stop()
	for {
		p.mu.Lock()
		if !p.over {
			_ = p.working.RenderBlank()
		}
		p.mu.Unlock()
		select {
		case <-tick.C:
		case <-p.stop:
			return
		}
	}
}

// end takes everything off the screen.
func (p *progress) end() {
	p.mu.Lock()
	p.over = true
	_ = p.sending.Finish()
	if p.working != nil {
		_ = p.working.Finish()
	}
	p.mu.Unlock()
	close(p.stop)
	p.turn.Wait()
}

// fileSize returns the size of a file, or -1.
func fileSize(r io.Reader) int64 {
	f, ok := r.(*os.File)
	if !ok {
		return -1
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}
