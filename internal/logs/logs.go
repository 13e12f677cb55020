// Package logs makes the daemon's logger: log/slog to standard error as text or
// JSON, or to journald with each attribute as a field of its own.
//
// journald is detected as systemd documents it (systemd.exec(5), JOURNAL_STREAM:
// the device and inode of the stream that journald reads). There an attribute
// becomes a field GATEPOST_NAME, so that `journalctl GATEPOST_USER=…` finds what
// concerns one user; the message carries the attributes as text too, because
// that is what people read.
//
// A log may take nothing for a while: journald was stopped, nobody reads the pipe.
// The daemon's lines go through a [Queue], so that mail does not wait for them.
// What the runtime says of a crash does not.
//
// A secret has a type whose LogValue prints [redacted]; nothing here looks for
// secrets. Loggers may be used from any goroutine.
package logs

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/journal"
)

// Format says how lines look.
type Format string

// The formats.
const (
	Auto    Format = "auto"    // journald under systemd, else text
	Text    Format = "text"    // key=value, with the time
	JSON    Format = "json"    // one object a line
	Journal Format = "journal" // journald's native protocol
)

// ParseFormat reads a format's name.
func ParseFormat(text string) (Format, error) {
	switch f := Format(text); f {
	case Auto, Text, JSON, Journal:
		return f, nil
	}
	return "", fmt.Errorf("%.32q is not one of auto, text, json, journal", text)
}

// ParseLevel reads a level's name: error, warn, info or debug.
func ParseLevel(text string) (slog.Level, error) {
	switch text {
	case "error":
		return slog.LevelError, nil
	case "warn":
		return slog.LevelWarn, nil
	case "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	}
	return 0, fmt.Errorf("%.32q is not one of error, warn, info, debug", text)
}

// New returns a logger that writes to stderr in the format, and a queue
// between the two, so that nobody who logs waits for the log. level may be changed
// while it is used. Who is done with it closes the queue.
func New(f Format, level slog.Leveler, stderr io.Writer) (*slog.Logger, *Queue) {
	f = found(f, stderr)
	direct := slog.New(newHandler(f, level, stderr, sendToJournald))
	q := newQueue(func(dropped int64) {
		direct.Warn("lines were dropped: the log did not take them", "dropped", dropped)
	})
	send := func(message string, p journal.Priority, vars map[string]string) error {
		q.add(func() {
			if sendToJournald(message, p, vars) != nil {
				_, _ = io.WriteString(stderr, message+"\n")
			}
		})
		return nil
	}
	return slog.New(newHandler(f, level, queuedWriter{q, stderr}, send)), q
}

// found returns the format that Auto stands for.
func found(f Format, stderr io.Writer) Format {
	switch {
	case f != Auto:
		return f
	case journald(os.Getenv("JOURNAL_STREAM"), stderr):
		return Journal
	}
	return Text
}

func newHandler(f Format, level slog.Leveler, w io.Writer, send func(string, journal.Priority, map[string]string) error) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	switch f {
	case JSON:
		return slog.NewJSONHandler(w, o)
	case Journal:
		return newJournal(level, send, w)
	}
	return slog.NewTextHandler(w, o)
}

// journald reports whether w is the stream that JOURNAL_STREAM names.
func journald(stream string, w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && strings.TrimSpace(stream) == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
