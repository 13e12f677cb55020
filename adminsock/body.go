package adminsock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxNesting is how deep objects and lists may lie in one another; ours need 3.
const maxNesting = 8

// readBody reads and checks a JSON body.
func readBody(w *writer, r *http.Request) ([]byte, *Problem) {
	if p := checkType(r); p != nil {
		return nil, p
	}
	body, err := io.ReadAll(http.MaxBytesReader(w.ResponseWriter, r.Body, MaxBody))
	w.readBy(time.Time{})
	if err != nil {
		return nil, readProblem(err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, refuse(http.StatusBadRequest, CodeMalformed, "the body is empty; a JSON object is wanted")
	}
	return body, checkJSON(body)
}

// checkType wants JSON. curl -d says that it posts a form when it is not told
// better; nobody posts forms to a Unix socket, so that is taken as JSON too.
func checkType(r *http.Request) *Problem {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
	case "", "application/x-www-form-urlencoded":
		r.Header.Set("Content-Type", "application/json")
	default:
		return refuse(http.StatusUnsupportedMediaType, CodeMediaType, "the body must be application/json")
	}
	return nil
}

// readProblem says why a body could not be read.
func readProblem(err error) *Problem {
	var large *http.MaxBytesError
	var timeout net.Error
	var known *Problem
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", large.Limit))
	case errors.As(err, &timeout) && timeout.Timeout():
		return refuse(http.StatusRequestTimeout, CodeTimeout, "the body did not arrive in time")
	}
	return refuse(http.StatusBadRequest, CodeMalformed, "the body broke off")
}

// progress is a body whose sender may take as long as it keeps sending, until
// the server ends.
type progress struct {
	io.Reader
	w       *writer
	timeout time.Duration   // between two reads
	serving context.Context // ends with the server
}

func (p *progress) Read(b []byte) (int, error) {
	p.w.readBy(time.Now().Add(p.timeout))
	stop := context.AfterFunc(p.serving, func() { p.w.readBy(time.Unix(1, 0)) })
	n, err := p.Reader.Read(b)
	stop()
	if p.serving.Err() != nil {
		return n, errClosing
	}
	if err == io.EOF {
		p.w.readBy(time.Time{})
	}
	return n, err
}

// checkJSON refuses what encoding/json would let pass: broken UTF-8, a field
// given twice, names that match only when case is ignored, numbers that no
// field of ours can hold.
func checkJSON(data []byte) *Problem {
	if i := invalidUTF8(data); i >= 0 {
		return malformed(i+1, "not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return malformed(int(syntax.Offset), syntax.Error())
		}
		return malformed(0, err.Error())
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return checker{d}.value("", 0)
}

// malformed blames a byte of the body, counting from 1; 0: the body as a whole.
func malformed(at int, reason string) *Problem {
	detail := "invalid JSON: " + reason
	if at > 0 {
		detail = fmt.Sprintf("invalid JSON at byte %d: %s", at, reason)
	}
	return refuse(http.StatusBadRequest, CodeMalformed, detail)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// checker walks through JSON that is known to be well formed.
type checker struct{ *json.Decoder }

func (c checker) value(field string, depth int) *Problem {
	token, err := c.Token()
	if err != nil {
		return malformed(int(c.InputOffset()), err.Error())
	}
	if depth > maxNesting {
		return malformed(int(c.InputOffset()), fmt.Sprintf("nested deeper than %d", maxNesting)).in(field)
	}
	switch t := token.(type) {
	case json.Delim:
		return c.inside(t, field, depth)
	case json.Number:
		if _, err := strconv.ParseInt(t.String(), 10, 64); err != nil {
			return refuse(http.StatusUnprocessableEntity, CodeInvalid, "not a whole number of 64 bits").in(field)
		}
	}
	return nil
}

// inside checks what stands between two brackets.
func (c checker) inside(open json.Delim, field string, depth int) *Problem {
	seen := map[string]bool{}
	for i := 0; c.More(); i++ {
		name := field + "[" + strconv.Itoa(i) + "]"
		if open == '{' {
			token, err := c.Token()
			if err != nil {
				return malformed(int(c.InputOffset()), err.Error())
			}
			name = strings.TrimPrefix(field+"."+printable(token.(string)), ".")
			switch {
			case seen[name]:
				return refuse(http.StatusBadRequest, CodeMalformed, "given twice").in(name)
			case !plain(token.(string)):
				return refuse(http.StatusUnprocessableEntity, CodeInvalid, "unknown field").in(name)
			}
			seen[name] = true
		}
		if p := c.value(name, depth+1); p != nil {
			return p
		}
	}
	_, _ = c.Token() // the closing bracket
	return nil
}

// plain reports whether a name is made of what ours are made of.
func plain(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == ""
}
