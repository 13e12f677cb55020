package adminsock

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatepost/gatepost/adminsock/command"
)

// serve answers one request: it finds the command, or says that there is none.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	out := newWriter(w, s.WriteTimeout)
	if r.ContentLength != 0 { // a body that nobody reads must not hold the connection
		out.readBy(time.Now().Add(s.BodyTimeout))
	}
	if r.URL.EscapedPath() != path.Clean(r.URL.EscapedPath()) || r.Method == http.MethodConnect {
		s.outside(out, r, refuse(http.StatusNotFound, CodeNoPath, "there is nothing at this path"))
		return
	}
	handler, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(out, r)
		return
	}
	s.outside(out, r, s.unknown(handler, r))
}

// unknown says what is wrong with a path or method that the table does not hold.
func (s *Server) unknown(handler http.Handler, r *http.Request) *Problem {
	probe := probe{header: http.Header{}}
	handler.ServeHTTP(&probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		p := refuse(http.StatusMethodNotAllowed, CodeNoMethod, fmt.Sprintf("this path takes %s", allow))
		p.allow = allow
		return p
	}
	return refuse(http.StatusNotFound, CodeNoPath, "there is nothing at this path; /v1/openapi.json lists them all")
}

// probe takes an answer and keeps its headers.
type probe struct{ header http.Header }

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(int)             {}

// outside answers a request that is for no command with a problem; what else
// would be an answer is told only to those who may ask.
func (s *Server) outside(w *writer, r *http.Request, p *Problem) {
	c := newCall(nil, r)
	if !c.Peer.may(command.ReadStatus) {
		p = denied(c)
	}
	s.reject(w, c, p)
	s.account(c, w.status)
}

// invoke is the gate of a command: it authorises, reads the body, runs and
// accounts.
func (s *Server) invoke(spec *command.Spec) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, rw := humago.Unwrap(ctx)
		w := rw.(*writer)
		c := newCall(spec, r)
		w.Header().Set("Request-Id", c.Request)
		defer func() { s.account(c, w.status) }()
		defer s.rescue(w, r, c)
		if !c.Peer.may(spec.Permission) {
			s.reject(w, c, denied(c))
			return
		}
		if p := s.accept(w, r, c); p != nil {
			s.reject(w, c, p)
			return
		}
		defer c.forget()
		next(huma.WithContext(ctx, context.WithValue(r.Context(), callKey{}, c)))
	}
}

// accept checks the query and reads the body.
func (s *Server) accept(w *writer, r *http.Request, c *Call) *Problem {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refuse(http.StatusBadRequest, CodeMalformed, "the query of the URL is not well formed")
	}
	for name, values := range query {
		if len(values) > 1 {
			return refuse(http.StatusBadRequest, CodeMalformed, "given more than once").in(name)
		}
	}
	if p := c.giveReason(query); p != nil {
		return p
	}
	query.Del(command.Reason) // no command's own: huma refuses what it does not know
	r.URL.RawQuery = query.Encode()
	if c.Spec.Stream {
		c.Body = &progress{r.Body, w, s.BodyTimeout, s.serving}
		return nil
	}
	if _, wanted := c.Spec.In.FieldByName("Body"); !wanted {
		return nil
	}
	body, p := readBody(w, r)
	if p != nil {
		return p
	}
	c.secret = body
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// giveReason takes the reason of a change.
func (c *Call) giveReason(query url.Values) *Problem {
	reason := strings.TrimSpace(query.Get(command.Reason))
	switch {
	case reason == "":
		return nil
	case !c.Spec.Write:
		return wrong(command.Reason, "this command changes nothing")
	case len(reason) > command.MaxReason:
		return wrong(command.Reason, "longer than %d bytes", command.MaxReason)
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl):
		return wrong(command.Reason, "not one line of text")
	}
	c.why = reason
	return nil
}

// forget overwrites the body, which may have held a secret.
func (c *Call) forget() { clear(c.secret) }

// reject answers with a problem, and ends the connection when a body is left
// that nobody is going to read.
func (s *Server) reject(w *writer, c *Call, p *Problem) {
	p.Request = c.Request
	c.problem = p
	w.Header().Set("Request-Id", c.Request)
	w.Header().Set("Connection", "close")
	w.problem(p)
}

// rescue turns a panic into an answer. net/http gets to see it only to close
// the connection.
func (s *Server) rescue(w *writer, r *http.Request, c *Call) {
	cause := recover()
	switch {
	case cause == nil:
		return
	case r.Context().Err() != nil: // the peer went away; huma panics when it cannot write
		panic(http.ErrAbortHandler)
	case cause != http.ErrAbortHandler:
		c.reason = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
	if w.status != 0 {
		w.status = http.StatusInternalServerError
		panic(http.ErrAbortHandler)
	}
	s.reject(w, c, internal())
}
