package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
)

// request is a command with its values.
type request struct {
	spec   *command.Spec
	path   map[string]string
	query  url.Values
	body   map[string]any
	stream io.ReadCloser // the body
	upload *upload       // the same, once it is being sent
	target string        // the file that the answer is written to
}

func newRequest(spec *command.Spec) *request {
	return &request{spec: spec, path: map[string]string{}, query: url.Values{}, body: map[string]any{}}
}

func (r *request) close() {
	if r.stream != nil {
		_ = r.stream.Close()
	}
}

// set puts a value where its parameter belongs.
func (r *request) set(p command.Param, v any) {
	switch p.Place {
	case command.InPath:
		r.path[p.Field] = fmt.Sprint(v)
	case command.InQuery:
		r.query.Set(p.Field, fmt.Sprint(v))
	case command.InBody:
		r.body[p.Field] = v
	}
}

// text returns a value that was given, for what is said afterwards.
func (r *request) text(field string) (string, bool) {
	if v, ok := r.path[field]; ok {
		return v, true
	}
	v, ok := r.body[field].(string)
	return v, ok
}

// uri returns path and query.
func (r *request) uri() string {
	uri := r.spec.Path
	for field, v := range r.path {
		uri = strings.ReplaceAll(uri, "{"+field+"}", url.PathEscape(v))
	}
	if len(r.query) > 0 {
		uri += "?" + r.query.Encode()
	}
	return uri
}

// http returns the request as HTTP.
func (r *request) http() (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch {
	case r.stream != nil:
		body, kind = r.stream, r.spec.Media
	case hasBody(r.spec):
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body, kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequest(r.spec.Method, "http://gatepost"+r.uri(), body)
	if err == nil && kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	return req, err
}

func hasBody(spec *command.Spec) bool {
	_, has := spec.In.FieldByName("Body")
	return has
}
