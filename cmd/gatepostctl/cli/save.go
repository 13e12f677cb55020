package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/snapshot"
)

// save writes an answer that is a backup to the file that was named. The file
// has its name only when it is whole and on the disk.
func (l *line) save(ctx context.Context, req *request) error {
	force := l.flags["force"].given() && l.flags["force"].String() == "true"
	if req.target == "-" {
		return l.saveToOutput(ctx, req)
	}
	switch info, err := os.Lstat(req.target); {
	case err == nil && info.IsDir():
		return directoryError(req.target)
	case err == nil && !force:
		return fmt.Errorf("%s is there already; --force replaces it", req.target)
	}
	file, err := newFile(req.target)
	if err != nil {
		return err
	}
	defer file.discard()
	sum, err := l.receive(ctx, req, file)
	if err != nil {
		return fmt.Errorf("%w; %s was not written", err, req.target)
	}
	if err := file.publish(force); err != nil {
		return err
	}
	return l.saved(l.Stdout, req.target, sum)
}

// saveToOutput writes to standard output, where a program waits that knows what
// to do with it.
func (l *line) saveToOutput(ctx context.Context, req *request) error {
	if screen, ok := l.Stdout.(*os.File); ok && term.IsTerminal(int(screen.Fd())) {
		return usage("a backup is nothing for a terminal; name a file, or redirect standard output")
	}
	sum, err := l.receive(ctx, req, l.Stdout)
	if err != nil {
		return fmt.Errorf("%w; what was written is not a backup", err)
	}
	return l.saved(l.Stderr, "standard output", sum)
}

// receive copies the answer to w, and checks that it is a whole backup.
func (l *line) receive(ctx context.Context, req *request, w io.Writer) (snapshot.Summary, error) {
	res, err := l.send(ctx, req)
	if err != nil {
		return snapshot.Summary{}, err
	}
	defer func() { _ = res.Body.Close() }()
	var verifier snapshot.Verifier
	bar, done := l.receiving()
	defer done()
	if _, err := io.Copy(io.MultiWriter(w, &verifier, bar), res.Body); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		return snapshot.Summary{}, fmt.Errorf("save the backup: %w", err)
	}
	return verifier.Finish()
}

// receiving shows on a terminal how much came.
func (l *line) receiving() (io.Writer, func()) {
	screen, ok := l.Stderr.(*os.File)
	if !ok || !term.IsTerminal(int(screen.Fd())) {
		return io.Discard, func() {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(screen), progressbar.OptionSetDescription("receiving"),
		progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish())
	return bar, func() { _ = bar.Finish() }
}

// saved says what was saved, on standard output unless that has the backup.
func (l *line) saved(w io.Writer, name string, sum snapshot.Summary) error {
	s := command.Saved{File: name, Revision: sum.Revision, Records: sum.Records, Bytes: sum.Bytes, SHA256: hex.EncodeToString(sum.Sum[:])}
	if l.json {
		return json.NewEncoder(w).Encode(s)
	}
	return printRecord(w, s)
}

// newFile makes the file that becomes name, beside it, for its owner only.
func newFile(name string) (*unnamed, error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // O_EXCL, mode 0600
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	return &unnamed{file, name}, nil
}

// unnamed is a file that is not what it is to become yet.
type unnamed struct {
	*os.File
	name string
}

// publish makes what was written durable and gives it its name. Unless force is
// set it replaces nothing, not even what was put there meanwhile.
func (f *unnamed) publish(force bool) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	if err := f.rename(force); err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	return syncDir(filepath.Dir(f.name))
}

func (f *unnamed) rename(force bool) error {
	if force {
		return os.Rename(f.Name(), f.name)
	}
	err := os.Link(f.Name(), f.name) // unlike rename it fails when there is something
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, there := os.Lstat(f.name); !errors.Is(there, fs.ErrNotExist) {
		return err
	}
	return os.Rename(f.Name(), f.name) // a file system without links
}

// discard removes the file under its first name.
func (f *unnamed) discard() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
