package command

import (
	"reflect"
	"strings"
)

// Place says where a parameter stands in a request.
type Place string

// The places.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
	InBody   Place = "body"
	AsBody   Place = "stream" // the file is the body
	AsAnswer Place = "answer" // the file is the answer
	Nowhere  Place = ""       // only gatepostctl knows it
)

// Kind says what a value is.
type Kind string

// The kinds.
const (
	Text   Kind = "text"
	Bool   Kind = "bool"
	Number Kind = "number"
	List   Kind = "list"
	Size   Kind = "size"  // a number of bytes
	Limit  Kind = "limit" // a number of bytes, or inherit
	Object Kind = "object"
)

// Use says how a parameter is given on the command line.
type Use string

// The uses. A parameter without one is for HTTP only.
const (
	Arg     Use = "arg"
	Args    Use = "args"
	Flag    Use = "flag"
	Key     Use = "key"
	Hidden  Use = "secret"
	Instead Use = "instead"
	File    Use = "file"   // a flag
	Source  Use = "source" // an argument: a file that is sent
	Target  Use = "target" // an argument: a file to be written
)

// Param is a parameter of a command.
type Param struct {
	Field    string // its name in HTTP
	Name     string // its name on the command line
	Short    string // one letter that stands for it there
	Place    Place
	Kind     Kind
	Use      Use
	Doc      string
	Values   []string // what it may be, when that is a closed set
	Complete string   // the kind of name it is: user, alias, domain
}

// Params returns the parameters of the command, in the order of its input.
func (s *Spec) Params() []Param { return params(nil, s.In, false) }

// Param returns the parameter with this name in HTTP.
func (s *Spec) Param(field string) (Param, bool) {
	for _, p := range s.Params() {
		if p.Field == field {
			return p, true
		}
	}
	return Param{}, false
}

func params(list []Param, t reflect.Type, body bool) []Param {
	for f := range t.Fields() {
		switch {
		case f.Name == "Body":
			list = params(list, f.Type, true)
		case f.Anonymous:
			list = params(list, f.Type, body)
		default:
			list = append(list, param(f, body))
		}
	}
	return list
}

func param(f reflect.StructField, body bool) Param {
	p := Param{
		Doc: f.Tag.Get("doc"), Complete: f.Tag.Get("complete"), Short: f.Tag.Get("short"), Kind: kindOf(f.Type),
		Field: strings.ToLower(f.Name),
	}
	if body {
		p.Place = InBody
		p.Field, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	}
	for _, place := range []Place{InPath, InQuery, InHeader} {
		if name := f.Tag.Get(string(place)); name != "" {
			p.Place, p.Field = place, name
		}
	}
	if values := f.Tag.Get("values"); values != "" {
		p.Values = strings.Split(values, ",")
	}
	use, option, _ := strings.Cut(f.Tag.Get("cli"), ",")
	if option != "" {
		p.Kind = Kind(option)
	}
	use, name, named := strings.Cut(use, ":")
	p.Use, p.Name = Use(use), name
	switch p.Use {
	case File, Source:
		p.Place = AsBody
	case Target:
		p.Place = AsAnswer
	}
	if !named {
		p.Name = strings.ReplaceAll(p.Field, "_", "-")
	}
	return p
}

func kindOf(t reflect.Type) Kind {
	if o, ok := reflect.New(t).Elem().Interface().(interface{ Elem() reflect.Type }); ok {
		return kindOf(o.Elem())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Bool:
		return Bool
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return Number
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return List
		}
	case reflect.Struct:
		return Object
	}
	return Text
}
