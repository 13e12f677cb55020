package adminsock

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatepost/gatepost/adminsock/command"
)

// newAPI returns the part of huma that is used: schemas from types, checking
// inputs against them, the OpenAPI document. Its pages are not: they load
// scripts from elsewhere.
func newAPI(mux *http.ServeMux) huma.API {
	config := huma.DefaultConfig("gatepost administration", "1")
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", ""
	config.RejectUnknownQueryParameters = true
	config.CreateHooks = nil // they would add $schema links
	config.Transformers = []huma.Transformer{transform}
	config.Info.Description = "HTTP over gatepost's admin socket. Errors are RFC 9457 problems with a stable code."
	describeTypes(config.Components.Schemas)
	return humago.New(mux, config)
}

// describeTypes tells the schemas of the table's own types.
func describeTypes(r huma.Registry) {
	alias := func(t, like reflect.Type) { r.RegisterTypeAlias(t, like) }
	alias(reflect.TypeFor[command.Optional[string]](), reflect.TypeFor[*string]())
	alias(reflect.TypeFor[command.Optional[bool]](), reflect.TypeFor[*bool]())
	alias(reflect.TypeFor[command.Optional[int64]](), reflect.TypeFor[*int64]())
	alias(reflect.TypeFor[command.Optional[*int64]](), reflect.TypeFor[*int64]())
	alias(reflect.TypeFor[command.Optional[uint64]](), reflect.TypeFor[*uint64]())
	alias(reflect.TypeFor[command.Optional[[]string]](), reflect.TypeFor[[]string]())
	alias(reflect.TypeFor[command.Optional[command.SwitchFields]](), reflect.TypeFor[command.SwitchFields]())
}

// operation describes a command to huma. The order matters: the gate comes
// before anything of the request is looked at.
func (s *Server) operation(spec *command.Spec) huma.Operation {
	problem := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	o := huma.Operation{
		OperationID: spec.ID(),
		Method:      spec.Method,
		Path:        spec.Path,
		Summary:     spec.Summary,
		Description: spec.Detail,
		Tags:        []string{strings.Fields(spec.Name)[0]},
		Middlewares: huma.Middlewares{s.invoke(spec)},
		Responses: map[string]*huma.Response{"default": {
			Description: "a problem",
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
		}},
		MaxBodyBytes:    -1, // the gate has read it
		BodyReadTimeout: -1,
	}
	if spec.Write {
		limit := command.MaxReason
		o.Parameters = []*huma.Param{{Name: command.Reason, In: "query", Description: command.ReasonDoc, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &limit}}}
	}
	return o
}

// transform makes one kind of problem of all errors, without the values that
// huma repeats in its own.
func transform(ctx huma.Context, _ string, v any) (any, error) {
	c := callOf(ctx.Context())
	var p *Problem
	switch e := v.(type) {
	case *Problem:
		p = e
	case *huma.ErrorModel:
		p = ofModel(e.Status, e.Detail, e.Errors)
	default:
		return v, nil
	}
	if c != nil {
		p.Request, c.problem = c.Request, p
	}
	if c != nil && c.Spec.Stream {
		ctx.SetHeader("Connection", "close") // the rest of the body is of no interest
	}
	return p, nil
}

// ofModel turns what huma refuses into a problem.
func ofModel(status int, detail string, details []*huma.ErrorDetail) *Problem {
	switch {
	case status >= 500:
		return internal()
	case len(details) == 0:
		return refuse(status, CodeMalformed, detail)
	}
	list := make([]error, len(details))
	for i, d := range details {
		list[i] = d
	}
	return ofErrors(status, list)
}

// ofErrors turns what huma finds wrong with fields into a problem.
func ofErrors(status int, list []error) *Problem {
	var found []FieldError
	for _, err := range list {
		if d, ok := err.(*huma.ErrorDetail); ok {
			found = append(found, fieldError(d))
		}
	}
	if len(found) == 0 {
		return refuse(status, CodeInvalid, "not what is wanted here")
	}
	slices.SortFunc(found, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	p := refuse(status, CodeInvalid, found[0].Detail).in(found[0].Field)
	if len(found) > 1 {
		p.Errors = found
	}
	return p
}

// fieldError drops the value, and says in our words what huma says of an object
// as a whole.
func fieldError(d *huma.ErrorDetail) FieldError {
	_, field, _ := strings.Cut(d.Location, ".")
	detail := d.Message
	if name, ok := strings.CutPrefix(detail, "expected required property "); ok {
		name, _, _ = strings.Cut(name, " ")
		field, detail = strings.TrimPrefix(field+"."+name, "."), "missing"
	}
	switch detail {
	case "unexpected property", "unknown query parameter":
		detail = "unknown field"
	}
	return FieldError{Field: printable(field), Detail: detail}
}

// bindDocument serves the OpenAPI document. huma's own route makes it anew in
// every goroutine that comes first, unsynchronised.
func (s *Server) bindDocument() {
	delete(s.api.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	document, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		panic(err) // the table is wrong; every test meets it
	}
	s.mux.HandleFunc("GET /v1/openapi.json", func(rw http.ResponseWriter, r *http.Request) {
		w := rw.(*writer)
		c := newCall(nil, r)
		defer func() { s.account(c, w.status) }()
		if !c.Peer.may(command.ReadStatus) {
			s.reject(w, c, denied(c))
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document)
	})
}
