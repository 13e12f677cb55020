package adminsock

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
)

// line is one user of a batch.
type line struct {
	number int
	user   directory.UserFields
	secret command.Password // until it is hashed
}

// errRehearsed ends a rehearsal, which changes nothing.
var errRehearsed = errors.New("rehearsed")

// userBatch adds the users of a stream, all of them or none. Hashing passwords
// takes long, so it comes last, when everything else is known to be right.
func (s *Server) userBatch(ctx context.Context, c *Call, _ *command.UserBatchInput) (*command.Created, error) {
	lines, err := s.readBatch(c.Body)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, refuse(http.StatusUnprocessableEntity, CodeInvalid, "there is no user in the batch")
	}
	if err := s.hashBatch(ctx, c, lines); err != nil {
		return nil, err
	}
	if err := s.update(ctx, c, func(tx *directory.Tx) error { return addAll(tx, lines) }); err != nil {
		return nil, err
	}
	return &command.Created{Created: len(lines), Revision: uint64(c.revision)}, nil
}

// hashBatch hashes the passwords in clear, after a rehearsal.
func (s *Server) hashBatch(ctx context.Context, c *Call, lines []line) error {
	if !slices.ContainsFunc(lines, func(l line) bool { return l.secret.Password != nil }) {
		return nil
	}
	err := s.update(ctx, c, func(tx *directory.Tx) error {
		if err := addAll(tx, lines); err != nil {
			return err
		}
		return errRehearsed
	})
	if !errors.Is(err, errRehearsed) {
		return err
	}
	return s.hashAll(ctx, lines)
}

func addAll(tx *directory.Tx, lines []line) error {
	for _, l := range lines {
		if err := tx.CreateUser(l.user); err != nil {
			return &lineError{l.number, err}
		}
	}
	return nil
}

// readBatch reads and checks every line.
func (s *Server) readBatch(r io.Reader) ([]line, error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 4096), MaxLine)
	var lines []line
	number := 0
	for scanner.Scan() {
		number++
		text := bytes.TrimSpace(scanner.Bytes())
		if len(text) == 0 {
			continue
		}
		if len(lines) == MaxLines {
			return nil, refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("more than %d users", MaxLines))
		}
		l, err := s.readLine(text)
		if err != nil {
			return nil, &lineError{number, err}
		}
		l.number = number
		lines = append(lines, l)
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, &lineError{number + 1, refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("longer than %d bytes", MaxLine))}
	case err != nil:
		return nil, readProblem(err)
	}
	return lines, nil
}

// readLine reads one user, by the same schema as a single one.
func (s *Server) readLine(text []byte) (line, error) {
	if p := checkJSON(text); p != nil {
		return line{}, p
	}
	var loose any
	var in command.UserAddBody
	if err := json.Unmarshal(text, &loose); err != nil {
		return line{}, malformed(0, "not an object")
	}
	registry := s.api.OpenAPI().Components.Schemas
	schema := registry.Schema(reflect.TypeFor[command.UserAddBody](), false, "UserAddBody")
	path, found := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	path.Push("body")
	huma.Validate(registry, schema, path, huma.ModeWriteToServer, loose, found)
	if len(found.Errors) > 0 {
		return line{}, ofErrors(http.StatusUnprocessableEntity, found.Errors)
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return line{}, refuse(http.StatusUnprocessableEntity, CodeInvalid, "not a user")
	}
	return s.newLine(in)
}

func (s *Server) newLine(in command.UserAddBody) (line, error) {
	if in.Random {
		return line{}, wrong("random", "is for one user at a time: nobody would read the passwords")
	}
	if err := onlyOne(in.Password); err != nil {
		return line{}, err
	}
	u, err := newUserFields(in)
	if err != nil {
		return line{}, err
	}
	l := line{user: u}
	switch {
	case in.PasswordHash != nil:
		made, err := parseHash(in.PasswordHash)
		l.user.Credentials = made.credentials()
		return l, err
	case in.Password.Password != nil:
		l.secret = in.Password
		return l, s.Settings().Policy.Check(password.Secret(in.Password.Password))
	}
	return l, nil
}

// hashAll hashes the passwords in clear, as many at a time as there are
// processors: the verifier would let no more run, and others want to log in.
func (s *Server) hashAll(ctx context.Context, lines []line) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan *line)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for l := range work {
				if err := s.hashLine(ctx, l); err != nil {
					cancel(&lineError{l.number, err})
				}
			}
		})
	}
	for i := range lines {
		if lines[i].secret.Password != nil && ctx.Err() == nil {
			work <- &lines[i]
		}
	}
	close(work)
	workers.Wait()
	return context.Cause(ctx)
}

func (s *Server) hashLine(ctx context.Context, l *line) error {
	if ctx.Err() != nil {
		return nil // another line failed
	}
	made, err := s.makePassword(ctx, l.secret)
	l.user.Credentials, l.secret = made.credentials(), command.Password{}
	return err
}
