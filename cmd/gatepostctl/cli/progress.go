package cli

import (
	"io"
	"net/http"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// showProgress shows on a terminal how much of a file was sent. The function it
// returns ends that.
func (a *app) showProgress(r *http.Request, req *request) func() {
	screen, ok := a.Stderr.(*os.File)
	if req.stream == nil || !ok || !term.IsTerminal(int(screen.Fd())) {
		return func() {}
	}
	bar := progressbar.NewOptions64(fileSize(req.stream),
		progressbar.OptionSetWriter(screen), progressbar.OptionSetDescription("sending"),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	r.Body = io.NopCloser(io.TeeReader(r.Body, bar))
	return func() { _ = bar.Finish() }
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
