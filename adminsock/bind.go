package adminsock

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
)

// reply is the answer of a command.
type reply[O any] struct {
	ETag string `header:"ETag" doc:"the revision, for If-Match"`
	Body O
}

// bind registers what a command does. With bindList it is the only way to
// register.
func bind[I, O any](s *Server, op command.Op[I, O], run func(context.Context, *Call, *I) (*O, error)) {
	o := s.operation(op.Spec)
	o.DefaultStatus = successOf(op.Spec)
	huma.Register(s.api, o, func(ctx context.Context, in *I) (*reply[O], error) {
		c := callOf(ctx)
		if m, ok := any(in).(interface{ Seen() string }); ok {
			if p := c.match.read(m.Seen()); p != nil {
				return nil, p
			}
		}
		out, err := run(ctx, c, in)
		if err != nil {
			return nil, problemOf(c, err)
		}
		return &reply[O]{ETag: etag(out), Body: *out}, nil
	})
	if op.Stream {
		describeStream(s.api, op.Spec)
	}
}

// successOf: 201 for what makes something new under its own path.
func successOf(spec *command.Spec) int {
	if spec.Method == http.MethodPost && !strings.Contains(spec.Path, "{") {
		return http.StatusCreated
	}
	return http.StatusOK
}

// etag returns the revision that an answer carries.
func etag(out any) string {
	f := reflect.ValueOf(out).Elem().FieldByName("Revision")
	if !f.IsValid() || f.Uint() == 0 {
		return ""
	}
	return strconv.Quote(strconv.FormatUint(f.Uint(), 10))
}

// describeStream documents the body of a command that reads it itself. It comes
// after registering: huma reads every body that it knows of.
func describeStream(api huma.API, spec *command.Spec) {
	body := &huma.RequestBody{
		Required: true, Description: "the file, as it is",
		Content: map[string]*huma.MediaType{spec.Media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
	if spec == command.UserBatch.Spec {
		line := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[command.UserAddBody](), true, "UserAddBody")
		body.Description = "one JSON object a line, each of the schema " + line.Ref
		body.Content[spec.Media].Schema.Format = ""
	}
	api.OpenAPI().Paths[spec.Path].Post.RequestBody = body
}

// bindList registers a command that answers with an array.
func bindList[I, O any](s *Server, op command.Op[I, O], run func(context.Context, *Call, *I) (iter.Seq2[O, error], error)) {
	type list struct{ Body func(huma.Context) }
	o := s.operation(op.Spec)
	item := s.api.OpenAPI().Components.Schemas.Schema(op.Out, true, op.Out.Name())
	o.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeArray, Items: item}},
	}}
	huma.Register(s.api, o, func(ctx context.Context, in *I) (*list, error) {
		c := callOf(ctx)
		items, err := run(ctx, c, in)
		if err != nil {
			return nil, problemOf(c, err)
		}
		return &list{func(ctx huma.Context) {
			_, w := humago.Unwrap(ctx)
			writeList(w.(*writer), c, items)
		}}, nil
	})
}

// bindFile registers a command that answers with a file.
func bindFile[I, O any](s *Server, op command.Op[I, O], run func(context.Context, *Call, *I, io.Writer) error) {
	type file struct{ Body func(huma.Context) }
	o := s.operation(op.Spec)
	o.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		op.Media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
	huma.Register(s.api, o, func(ctx context.Context, in *I) (*file, error) {
		c := callOf(ctx)
		return &file{func(hctx huma.Context) {
			_, rw := humago.Unwrap(hctx)
			w := rw.(*writer)
			w.Header().Set("Content-Type", op.Media)
			if err := run(ctx, c, in, w); err != nil {
				breakOff(w, c, err)
			}
		}}, nil
	})
}

// chunk is how much of a list is written at a time.
const chunk = 64 << 10

// writeList writes a list while it is read. An error before anything was sent
// is a problem; later the connection is broken off.
func writeList[O any](w *writer, c *Call, items iter.Seq2[O, error]) {
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriterSize(w, chunk)
	before := "[\n"
	for item, err := range items {
		if err == nil {
			err = writeItem(out, before, item)
			before = ",\n"
		}
		if err != nil {
			breakOff(w, c, err)
			return
		}
	}
	after := "\n]\n"
	if before == "[\n" {
		after = "[]\n"
	}
	_, _ = out.WriteString(after)
	_ = out.Flush() // the peer has gone
}

func writeItem(out *bufio.Writer, before string, item any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(item); err != nil {
		return err
	}
	_, _ = out.WriteString(before) // the next write says again that it failed
	_, err := out.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return err
}

func breakOff(w *writer, c *Call, err error) {
	p := problemOf(c, err)
	if w.status == 0 {
		p.Request, c.problem = c.Request, p
		w.problem(p)
		return
	}
	w.status = p.Status
	panic(http.ErrAbortHandler)
}

// matching is the revision that a caller wants to change.
type matching struct {
	seen   directory.Revision
	header bool // it came in If-Match
}

// read takes an If-Match header: a revision in double quotes, or *.
func (m *matching) read(header string) *Problem {
	if header == "" || header == "*" {
		return nil
	}
	text, err := strconv.Unquote(header)
	if err != nil {
		text = header
	}
	n, err := strconv.ParseUint(text, 10, 48)
	if err != nil {
		return wrong("If-Match", "not a revision in double quotes")
	}
	m.seen, m.header = directory.Revision(n), true
	return nil
}

// expect notes the revision that the request names in a field of its own; a
// header comes first.
func (m *matching) expect(field uint64) {
	if !m.header {
		m.seen = directory.Revision(field)
	}
}
