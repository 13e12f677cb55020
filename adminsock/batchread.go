package adminsock

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
)

// byteOrderMark is what some editors put at the beginning of a file.
const byteOrderMark = "\ufeff"

// batchReader reads the lines of a batch.
type batchReader struct {
	*batch
	server *Server
	task   *task
	lines  *bufio.Scanner
	number int
	names  map[string]int      // the fields of a line, numbered
	in     command.UserAddBody // the line that is being read
}

// readBatch reads, checks and sorts a batch. What it returns must be called when
// the batch is of no more use.
func (s *Server) readBatch(ctx context.Context, t *task, b *batch) (release func(), err error) {
	r := &batchReader{batch: b, server: s, task: t, lines: bufio.NewScanner(t.call.Body), names: fieldNumbers()}
	r.lines.Buffer(make([]byte, 0, 4096), MaxLine)
	more, err := r.read(smallBatch)
	if err != nil || !more {
		return func() {}, errors.Join(err, b.sort())
	}
	t.is(stageWaiting)
	if err := s.turn.take(ctx); err != nil {
		return func() {}, err
	}
	t.is(stageReading)
	s.Lane.Run(func() {
		if _, err = r.read(MaxLines + 1); err == nil {
			err = b.sort()
		}
	})
	return s.turn.give, err
}

// sort sorts the users, and refuses one that stands there twice.
func (b *batch) sort() error { return b.blame(b.users.Sort()) }

// turn is taken by one at a time.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

// read reads until there are so many users, and reports whether more may come.
func (r *batchReader) read(users int) (more bool, err error) {
	for r.users.Len() < users {
		if !r.lines.Scan() {
			return false, r.end()
		}
		r.number++
		if err := r.take(r.lines.Bytes()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// end says why there are no more lines.
func (r *batchReader) end() error {
	switch err := r.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return &lineError{r.number + 1, refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("longer than %d bytes", MaxLine))}
	case err != nil:
		return readProblem(err)
	}
	return nil
}

// take takes one line in.
func (r *batchReader) take(text []byte) error {
	if r.number == 1 {
		text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	}
	text = bytes.TrimSpace(text)
	switch {
	case r.server.ending():
		return errClosing
	case len(text) == 0:
		return nil
	case r.users.Len() == MaxLines:
		return refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("more than %d users; nothing was changed", MaxLines))
	case r.users.Size() > MaxBatch:
		return refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("the users take more than %s; nothing was changed: make several batches of them", bytesize.Size(MaxBatch)))
	}
	if err := r.takeUser(text); err != nil {
		return &lineError{r.number, err}
	}
	return nil
}

func (r *batchReader) takeUser(text []byte) error {
	if err := r.parse(text); err != nil {
		return err
	}
	u, secret, err := r.server.newLine(&r.in)
	if err != nil {
		return err
	}
	if err := r.users.Add(u); err != nil {
		return err
	}
	r.batch.lines = append(r.batch.lines, uint32(r.number))
	if secret.Password != nil {
		r.secrets = append(r.secrets, cleartext{r.users.Len() - 1, secret})
	}
	r.task.users.Store(int64(r.users.Len()))
	return nil
}

// parse reads one user, by the same rules as a single one.
func (r *batchReader) parse(text []byte) (err error) {
	r.in = command.UserAddBody{}
	if isFlat(text, r.names) && json.Unmarshal(text, &r.in) == nil {
		return nil
	}
	r.in, err = r.server.parseLine(text)
	return err
}

// parseLine reads one user and says all that is wrong with it.
func (s *Server) parseLine(text []byte) (in command.UserAddBody, err error) {
	if p := checkJSON(text); p != nil {
		return in, p
	}
	var loose any
	if err := json.Unmarshal(text, &loose); err != nil {
		return in, malformed(0, "not an object")
	}
	registry := s.api.OpenAPI().Components.Schemas
	schema := registry.Schema(reflect.TypeFor[command.UserAddBody](), false, "UserAddBody")
	path, found := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	path.Push("body")
	huma.Validate(registry, schema, path, huma.ModeWriteToServer, loose, found)
	if len(found.Errors) > 0 {
		return in, ofErrors(http.StatusUnprocessableEntity, found.Errors)
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return in, refuse(http.StatusUnprocessableEntity, CodeInvalid, "not a user")
	}
	return in, nil
}

// newLine makes a user of a line, and returns its password if that is to be
// hashed.
func (s *Server) newLine(in *command.UserAddBody) (u directory.UserFields, secret command.Password, err error) {
	if in.Random {
		return u, secret, wrong("random", "is for one user at a time: nobody would read the passwords")
	}
	if err := onlyOne(in.Password); err != nil {
		return u, secret, err
	}
	if u, err = newUserFields(*in); err != nil {
		return u, secret, err
	}
	switch {
	case in.PasswordHash != nil:
		made, err := parseHash(in.PasswordHash)
		u.Credentials = made.credentials()
		return u, secret, err
	case in.Password.Password != nil:
		return u, in.Password, s.Settings().Policy.Check(password.Secret(in.Password.Password))
	}
	return u, secret, nil
}
