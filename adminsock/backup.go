package adminsock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/snapshot"
)

// Backup is what takes backups; their format is that of package snapshot.
type Backup interface {
	// Backup writes a backup of what is committed and returns its revision.
	Backup(ctx context.Context, w io.Writer) (directory.Revision, error)
	// Reserve returns how many bytes must stay free on the disk of the state
	// directory.
	Reserve() uint64
	// Keep makes sure that a backup of what is committed is in the state
	// directory, and returns its path. settle must be called when it is known
	// whether everything was replaced: it removes what is not needed any more.
	Keep(ctx context.Context) (path string, settle func(replaced bool) error, err error)
}

// ReadBackup calls apply for every record of a backup. Only when it returns nil
// the file was whole; snapshot.ErrDamaged says what is wrong with it.
type ReadBackup func(r io.Reader, apply func(key, value []byte) error) (directory.Revision, error)

// errMoved says that what is there is not what was kept.
var errMoved = errors.New("somebody else changed the directory meanwhile")

func (s *Server) bindBackup() {
	bindFile(s, command.Backup, s.takeBackup)
	bind(s, command.Restore, s.restore)
}

func (s *Server) takeBackup(ctx context.Context, c *Call, _ *command.BackupInput, w io.Writer) error {
	r, err := s.Backup.Backup(ctx, w)
	if err == nil {
		s.log(slog.LevelInfo, "backup taken", c, slog.Uint64("revision", uint64(r)))
	}
	return err
}

// restore checks the whole file, keeps what is there, and replaces it by one
// change.
func (s *Server) restore(ctx context.Context, c *Call, _ *command.RestoreInput) (*command.Restored, error) {
	if !s.restoring.TryLock() {
		return nil, refuse(http.StatusConflict, CodeBusy, "another backup is being restored")
	}
	defer s.restoring.Unlock()
	t := s.desk.begin(c)
	defer s.desk.end(t)
	if err := cmp.Or(s.Directory.Refusing(), s.Status().Refusing); err != nil { // before a file is written where none can be
		return nil, &directory.Error{Code: directory.CodeReadOnly, Detail: "changes are refused for now", Err: err}
	}
	file, err := s.spool(c.Body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	contents, out, err := s.readBackup(file)
	if err != nil {
		return nil, err
	}
	t.is(stageWaiting)
	if err = s.replace(ctx, c, contents, out); errors.Is(err, errMoved) {
		err = s.replaceAlone(ctx, c, contents, out)
	}
	return out, err
}

// readBackup reads a file twice: nothing is kept of it before it is known to be
// whole. What it holds must be what a gatepost has written.
func (s *Server) readBackup(file *os.File) (*directory.Contents, *command.Restored, error) {
	nothing := func(_, _ []byte) error { return nil }
	if _, err := s.ReadBackup(file, nothing); err != nil {
		return nil, nil, backupProblem(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	records := map[string][]byte{}
	taken, err := s.ReadBackup(file, func(key, value []byte) error {
		if _, twice := records[string(key)]; twice {
			return fmt.Errorf("%w: the record %.80q stands there twice", snapshot.ErrDamaged, key)
		}
		records[string(key)] = value
		return nil
	})
	if err != nil {
		return nil, nil, backupProblem(err)
	}
	var contents *directory.Contents
	s.Lane.Run(func() { contents, err = directory.NewContents(records, taken) })
	if err != nil {
		return nil, nil, backupProblem(fmt.Errorf("%w: %w", snapshot.ErrDamaged, err))
	}
	return contents, &command.Restored{Records: uint64(len(records)), Restored: uint64(taken)}, nil
}

func backupProblem(err error) error {
	if errors.Is(err, snapshot.ErrDamaged) {
		return refuse(http.StatusUnprocessableEntity, CodeBackup, err.Error()+"; nothing was changed")
	}
	return err
}

// replace keeps what is there and replaces it, or fails with errMoved when
// something was changed in between. Nobody waits while it is kept.
func (s *Server) replace(ctx context.Context, c *Call, contents *directory.Contents, out *command.Restored) error {
	before := s.Directory.Revision()
	kept, settle, err := s.keep(ctx, c)
	if err != nil {
		return err
	}
	err = s.updateMany(ctx, c, func(tx *directory.Tx) error {
		if s.Directory.Revision() != before {
			return errMoved
		}
		return restoreInto(tx, contents, out)
	})
	s.settle(c, settle, out, err)
	out.Revision = uint64(c.revision)
	if replacedSomething(out) {
		out.Kept = kept
	}
	return err
}

// replaceAlone is replace while all other changes wait, so that none comes in
// between: where others never rest, nothing would ever be restored.
func (s *Server) replaceAlone(ctx context.Context, c *Call, contents *directory.Contents, out *command.Restored) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.serving, cancel)() // a stop waits for nobody's backup
	var kept string
	var settle func(bool) error
	err := s.updateMany(ctx, c, func(tx *directory.Tx) (err error) {
		if kept, settle, err = s.keep(ctx, c); err != nil {
			return err
		}
		return restoreInto(tx, contents, out)
	})
	if settle != nil {
		s.settle(c, settle, out, err)
	}
	out.Revision = uint64(c.revision)
	if replacedSomething(out) {
		out.Kept = kept
	}
	return err
}

// keep saves what is there.
func (s *Server) keep(ctx context.Context, c *Call) (string, func(bool) error, error) {
	kept, settle, err := s.Backup.Keep(ctx)
	if err != nil {
		c.reason = err
		err = refuse(http.StatusServiceUnavailable, string(directory.CodeReadOnly), "nothing was changed, because what is there cannot be saved first: "+err.Error())
	}
	return kept, settle, err
}

func restoreInto(tx *directory.Tx, contents *directory.Contents, out *command.Restored) error {
	done, err := tx.Restore(contents)
	out.Before, out.Created, out.Changed, out.Deleted = uint64(done.Before), done.Created, done.Changed, done.Deleted
	return err
}

// replacedSomething reports whether a restore found anything to change.
func replacedSomething(out *command.Restored) bool { return out.Created+out.Changed+out.Deleted > 0 }

// settle says how a restore ended to what was kept for it. Of an unknown outcome
// everything is left: it may have been the end of what was there.
func (s *Server) settle(c *Call, settle func(replaced bool) error, out *command.Restored, outcome error) {
	if errors.Is(outcome, directory.ErrUnknown) {
		return
	}
	if err := settle(outcome == nil && replacedSomething(out)); err != nil {
		s.log(slog.LevelWarn, "what restores have replaced was not tidied up", c, slog.Any("err", err))
	}
}
