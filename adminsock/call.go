package adminsock

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
)

// Call is one request: who asks for what, and what came of it.
type Call struct {
	Spec    *command.Spec // nil outside the table
	Peer    Peer
	Actor   string    // the peer's user name
	Request string    // the id in the log
	Body    io.Reader // of a stream

	object   string             // what it is about, for the log
	why      string             // the administrator's reason, for the audit trail
	revision directory.Revision // of the change it made
	match    matching
	problem  *Problem // how it was refused
	reason   error    // what the log says of an unforeseen error
	secret   []byte   // the body
	start    time.Time
}

type callKey struct{}

// newCall begins the account of a request.
func newCall(spec *command.Spec, r *http.Request) *Call {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	p := peerOf(r.Context())
	c := &Call{Spec: spec, Peer: p, Actor: p.name(), Request: hex.EncodeToString(id[:]), start: time.Now()}
	if spec != nil {
		c.object = r.PathValue(spec.Object)
	}
	return c
}

// callOf returns the account of the request that ctx belongs to.
func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

func (c *Call) name() string {
	if c.Spec == nil {
		return ""
	}
	return c.Spec.Name
}

// update changes the directory in the caller's name. From here on nobody can
// call it off.
func (s *Server) update(ctx context.Context, c *Call, fn func(*directory.Tx) error) error {
	return s.change(ctx, c, s.Directory.Update, fn)
}

// updateMany is update for a change of very many names.
func (s *Server) updateMany(ctx context.Context, c *Call, fn func(*directory.Tx) error) error {
	return s.change(ctx, c, s.Directory.UpdateMany, fn)
}

type updater func(context.Context, directory.Cause, func(*directory.Tx) error) (directory.Revision, error)

func (s *Server) change(ctx context.Context, c *Call, update updater, fn func(*directory.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := update(context.WithoutCancel(ctx), directory.Cause{
		UID: c.Peer.UID, PID: uint32(max(c.Peer.PID, 0)), Actor: c.Actor, Command: c.name(), Request: c.Request, Reason: c.why,
	}, fn)
	if err == nil {
		c.revision = r
	}
	return err
}

// account logs a call that has been answered and tells the metrics.
func (s *Server) account(c *Call, status int) {
	result := resultOf(status)
	switch {
	case result == Failed && c.reason != nil:
		s.log(slog.LevelError, "command failed", c, slog.Any("err", c.reason))
	case result == Denied:
		s.limited(&s.denials, slog.LevelWarn, "command denied", c)
	case result != Done:
		s.limited(&s.refusals, slog.LevelInfo, "command refused", c)
	case c.Spec != nil && c.Spec.Write:
		s.log(slog.LevelInfo, "changed", c, slog.Uint64("revision", uint64(c.revision)))
	default:
		s.log(slog.LevelDebug, "answered", c)
	}
	if s.Hooks.Command != nil && c.Spec != nil {
		s.Hooks.Command(c.Spec.Name, result, time.Since(c.start))
	}
}

func resultOf(status int) Result {
	switch {
	case status == http.StatusForbidden:
		return Denied
	case status >= 500:
		return Failed
	case status >= 400:
		return Refused
	}
	return Done
}

// hasField reports whether the command has a field of this name. Another name is
// the client's own word, which may be a secret that slipped into it.
func (c *Call) hasField(field string) bool {
	if c.Spec == nil || field == "" {
		return false
	}
	name, _, _ := strings.Cut(field, ".")
	name, _, _ = strings.Cut(name, "[")
	_, known := c.Spec.Param(name)
	return known
}

// limited logs a refusal, with its code and field but not with what was given:
// that may be a secret in the wrong place.
func (s *Server) limited(l *limiter, level slog.Level, message string, c *Call) {
	dropped, ok := l.allow(s.Now())
	if !ok {
		return
	}
	var attrs []slog.Attr
	if c.problem != nil {
		attrs = append(attrs, slog.String("code", c.problem.Code))
		if c.hasField(c.problem.Field) {
			attrs = append(attrs, slog.String("field", c.problem.Field))
		}
	}
	if dropped > 0 {
		attrs = append(attrs, slog.Int("not_logged", dropped))
	}
	s.log(level, message, c, attrs...)
}

func (s *Server) log(level slog.Level, message string, c *Call, more ...slog.Attr) {
	if !s.Log.Enabled(context.Background(), level) {
		return
	}
	attrs := append([]slog.Attr{
		slog.String("command", c.name()), slog.String("actor", c.Actor), slog.Uint64("peer_uid", uint64(c.Peer.UID)),
		slog.Int("peer_pid", int(c.Peer.PID)), slog.String("object", printable(c.object)), slog.String("request", c.Request),
		slog.Duration("took", time.Since(c.start)),
	}, more...)
	s.Log.LogAttrs(context.Background(), level, message, attrs...)
}

// printable cuts what a peer sent to what a log line should hold.
func printable(text string) string {
	if len(text) > 320 {
		text = text[:320] + "…"
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}
