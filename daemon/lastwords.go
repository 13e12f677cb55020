package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
)

// maxWords is how much of a crash is kept: the first goroutines are those that
// matter. The blocks are there before: a full disk is a reason to crash.
const maxWords = 64 << 10

// lastWords are what a process says when a panic, a fault, or a library that
// leaves the process (log.Fatal) ends it: the runtime writes its stack to the file
// "crash" in the state directory, besides the standard error. The next start reads
// it, so that who crashed is known even where no journal is kept, and a database
// that ends every process is not opened for ever. A kill leaves no words.
type lastWords struct {
	file *os.File
	said string    // by the process before
	out  io.Writer // where log wrote to before
}

// hearLastWords reads what the process before said, and listens to this one. An
// error says that nothing will be kept; what was said before is known all the
// same.
func hearLastWords(dir string, to *slog.Logger) (*lastWords, error) {
	path := filepath.Join(dir, "crash")
	w := &lastWords{out: log.Writer()}
	said, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, err
	}
	if w.said = string(bytes.TrimRight(said, "\x00")); w.said != "" {
		first, _, _ := strings.Cut(w.said, "\n")
		to.Error("the process before crashed", "err", first, "file", path+".last")
		if err := os.Rename(path, path+".last"); err != nil {
			return w, err
		}
	}
	if w.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600); err != nil {
		return w, err
	}
	const keepSize = 1                                             // FALLOC_FL_KEEP_SIZE
	_ = syscall.Fallocate(int(w.file.Fd()), keepSize, 0, maxWords) // where it cannot be, a crash on a full disk leaves no words
	if err := debug.SetCrashOutput(w.file, debug.CrashOptions{}); err != nil {
		return w, fmt.Errorf("keep a crash's words: %w", err)
	}
	log.SetOutput(w)
	return w, nil
}

// before returns what the process before said.
func (w *lastWords) before() string { return w.said }

// Write takes what a library writes to the standard logger. Only what it says on
// its way out is kept.
func (w *lastWords) Write(line []byte) (int, error) {
	if stack := debug.Stack(); bytes.Contains(stack, []byte("log.Fatal")) {
		_, _ = w.file.Write(append(line[:len(line):len(line)], stack...))
	}
	return w.out.Write(line)
}

// end says that the process ends as it should.
func (w *lastWords) end() {
	if w == nil || w.file == nil {
		return
	}
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	log.SetOutput(w.out)
	_ = errors.Join(w.file.Close(), os.Remove(w.file.Name())) // what stays is empty
}
