package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/peercred"
)

const dialTimeout = 5 * time.Second

// problem is what the server says when it refuses (RFC 9457).
type problem struct {
	Status  int          `json:"status"`
	Code    string       `json:"code"`
	Detail  string       `json:"detail"`
	Request string       `json:"request_id"`
	Errors  []fieldError `json:"errors"`
	object  string       // what the command was about
}

type fieldError struct{ Field, Detail string }

func (p *problem) Error() string {
	text := p.Detail
	if len(p.Errors) > 1 {
		text = ""
		for i, e := range p.Errors {
			if i > 0 {
				text += "; "
			}
			text += e.Field + ": " + e.Detail
		}
	}
	if p.Code == "internal" {
		text += " " + p.Request
	}
	return text
}

// send sends a request and returns the answer, which is not a refusal.
func (a *app) send(ctx context.Context, req *request) (*http.Response, error) {
	r, err := req.http()
	if err != nil {
		return nil, err
	}
	defer a.watch(r, req)()
	if a.StepBehind != nil && (req.stream != nil || req.target != "") {
		a.StepBehind()
	}
	res, err := a.client().Do(r.WithContext(ctx))
	if err != nil {
		return nil, transportError(ctx, req, err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	p := &problem{}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(p); err != nil || p.Detail == "" {
		return nil, fmt.Errorf("%s answered %s, which is not gatepostd's way", a.socket, res.Status)
	}
	p.object, _ = req.text(req.spec.Object)
	return nil, p
}

// sendAtOnce is how many bytes of a file go out in one piece, about what the kernel
// takes for a Unix socket: every piece wakes a thread of gatepostd.
const sendAtOnce = 256 << 10

func (a *app) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		WriteBufferSize:   sendAtOnce,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return a.dial(ctx) },
	}}
}

// dialError says that there is nobody to talk to.
type dialError struct {
	socket string
	err    error
}

func (e *dialError) Error() string {
	reason := e.err
	if errno := syscall.Errno(0); errors.As(e.err, &errno) {
		reason = errno
	}
	return fmt.Sprintf("connect to %s: %v", e.socket, reason)
}

func (e *dialError) Unwrap() error { return e.err }

// unknownError says that nobody here can know whether a change was made.
type unknownError struct {
	spec *command.Spec
	why  string
}

func (e *unknownError) Error() string {
	return "unknown outcome: " + e.why + " before gatepostd had answered; the change was made, or it was not"
}

// transportError says what a missing answer means. It takes the URL, which is of
// no use here, out of an error.
func transportError(ctx context.Context, req *request, err error) error {
	var dial *dialError
	var owner *ownerError
	switch {
	case errors.As(err, &dial):
		return dial
	case errors.As(err, &owner):
		return owner
	}
	why := fmt.Sprintf("the connection broke off (%v)", errors.Unwrap(err))
	if ctx.Err() != nil {
		why = "interrupted"
	}
	switch {
	case !req.spec.Write:
		return errors.New(why)
	case ctx.Err() == nil && req.upload != nil && req.upload.failed.Load() != nil:
		return fmt.Errorf("the file cannot be read to its end: %w; nothing was changed", *req.upload.failed.Load())
	case req.upload != nil && !req.upload.whole.Load():
		return fmt.Errorf("%s while the file was being sent; nothing was changed", why)
	}
	return &unknownError{req.spec, why}
}

func (a *app) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "unix", a.socket)
	if err != nil {
		return nil, &dialError{a.socket, err}
	}
	if err := checkServer(c, a.socket); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// ownerError says that the socket is not the daemon's.
type ownerError struct{ text string }

func (e *ownerError) Error() string { return e.text }

// checkServer wants the process behind the socket to be one that may know
// secrets: root, the caller himself, or the user who owns both the socket and
// the directory it lies in. Who could put a socket into somebody else's
// directory must not get a password by it.
func checkServer(c net.Conn, socket string) error {
	cred, err := peercred.Of(c)
	if err != nil {
		return err
	}
	if cred.UID == 0 || cred.UID == uint32(os.Geteuid()) {
		return nil
	}
	for _, path := range []string{socket, filepath.Dir(socket)} {
		owner, err := ownerOf(path)
		if err != nil {
			return err
		}
		if owner != cred.UID {
			return &ownerError{fmt.Sprintf("the process behind %s belongs to uid %d, but %s to uid %d; nothing was sent", socket, cred.UID, path, owner)}
		}
	}
	return nil
}

func ownerOf(path string) (uint32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s: cannot tell whose it is", path)
	}
	return stat.Uid, nil
}
