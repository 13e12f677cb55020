package adminsock

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"sync"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
)

const (
	// MaxLines is how many users a batch may hold.
	MaxLines = 1_000_000

	// MaxLine is how many bytes a line of a batch may have.
	MaxLine = 64 << 10

	// MaxBatch is how many bytes the users of a batch may take as they are kept.
	// A batch is in memory until it is stored, and it is one frame of the journal.
	MaxBatch = 512 << 20

	// smallBatch is how many lines are read at once, beside everything else. A
	// longer batch takes its turn, so that only one is in memory, and is read
	// behind those who ask.
	smallBatch = 1000
)

// batch is many users that are to be added.
type batch struct {
	users   directory.Users
	lines   []uint32 // of each user, where it stands
	secrets []cleartext
}

// cleartext is a password in clear.
type cleartext struct {
	user   int // which it is for
	secret command.Password
}

// errRehearsed ends a rehearsal, which changes nothing.
var errRehearsed = errors.New("rehearsed")

// errClosing refuses what the server's end interrupts: a body that is still being
// read, and work that others have not heard of yet.
var errClosing = refuse(http.StatusServiceUnavailable, string(directory.CodeReadOnly), "gatepost is shutting down; nothing was changed")

// userBatch adds the users of a stream, all of them or none. Hashing passwords
// takes long, so it comes last, when everything else is known to be right.
func (s *Server) userBatch(ctx context.Context, c *Call, _ *command.UserBatchInput) (*command.Created, error) {
	t := s.desk.begin(c)
	defer s.desk.end(t)
	b := &batch{users: directory.Users{Created: s.Now()}}
	release, err := s.readBatch(ctx, t, b)
	defer release()
	if err != nil {
		return nil, err
	}
	if b.users.Len() == 0 {
		return nil, refuse(http.StatusUnprocessableEntity, CodeInvalid, "there is no user in the batch")
	}
	if err := s.hashBatch(ctx, t, b); err != nil {
		return nil, err
	}
	t.is(stageWaiting)
	if err := s.addAll(ctx, c, b, nil); err != nil {
		return nil, err
	}
	return &command.Created{Created: b.users.Len(), Revision: uint64(c.revision)}, nil
}

// addAll adds the users, unless they end with the error given.
func (s *Server) addAll(ctx context.Context, c *Call, b *batch, end error) error {
	update := s.update
	if b.users.Len() > smallBatch {
		update = s.updateMany
	}
	err := update(ctx, c, func(tx *directory.Tx) error {
		if s.ending() {
			return errClosing
		}
		if err := tx.CreateUsers(&b.users); err != nil {
			return err
		}
		return end
	})
	return b.blame(err)
}

// blame says in which line the user stands that an error is about.
func (b *batch) blame(err error) error {
	var at *directory.UserError
	if errors.As(err, &at) {
		return &lineError{int(b.lines[at.User]), at.Err}
	}
	return err
}

// hashBatch hashes the passwords in clear, after a rehearsal.
func (s *Server) hashBatch(ctx context.Context, t *task, b *batch) error {
	if len(b.secrets) == 0 {
		return nil
	}
	t.is(stageHashing)
	if err := s.addAll(ctx, t.call, b, errRehearsed); !errors.Is(err, errRehearsed) {
		return err
	}
	hashed, err := s.hashAll(ctx, b)
	if err != nil {
		return err
	}
	for i, made := range hashed {
		if err := b.users.SetCredentials(b.secrets[i].user, made.credentials()); err != nil {
			return &lineError{int(b.lines[b.secrets[i].user]), err}
		}
	}
	return nil
}

// hashAll hashes the passwords in clear, as many at a time as there are
// processors: the verifier would let no more run, and others want to log in.
func (s *Server) hashAll(ctx context.Context, b *batch) ([]made, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	hashed := make([]made, len(b.secrets))
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range work {
				var err error
				if hashed[i], err = s.hashOne(ctx, b.secrets[i].secret); err != nil {
					cancel(&lineError{int(b.lines[b.secrets[i].user]), err})
				}
			}
		})
	}
	for i := range b.secrets {
		if ctx.Err() != nil {
			break
		}
		work <- i
	}
	close(work)
	workers.Wait()
	return hashed, context.Cause(ctx)
}

func (s *Server) hashOne(ctx context.Context, secret command.Password) (made, error) {
	switch {
	case s.ending():
		return made{}, errClosing
	case ctx.Err() != nil:
		return made{}, nil // another line failed
	}
	return s.makePassword(ctx, secret)
}
