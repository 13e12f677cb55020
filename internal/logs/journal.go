package logs

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// journalHandler sends records to journald. The text is made by slog's own text
// handler, so that a line reads the same everywhere.
type journalHandler struct {
	level  slog.Leveler
	send   func(message string, p journal.Priority, vars map[string]string) error
	stderr io.Writer // gets what journald does not take

	text   func(io.Writer) slog.Handler // with the attributes and groups so far
	fields []field                      // the attributes so far
	prefix string                       // of the open groups
}

type field struct{ name, value string }

// sendToJournald sends one message; a test replaces it.
func sendToJournald(message string, p journal.Priority, vars map[string]string) error {
	return journal.Send(message, p, vars)
}

func newJournal(level slog.Leveler, send func(string, journal.Priority, map[string]string) error, stderr io.Writer) *journalHandler {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: dropHead}
	return &journalHandler{level: level, send: send, stderr: stderr,
		text: func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, o) }}
}

// dropHead leaves out what journald keeps by itself or the message begins with.
func dropHead(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled reports whether a record of the level is sent.
func (h *journalHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle sends the record. When journald does not take it, it goes to standard
// error as text: a log line is not lost because of the log.
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	var attributes bytes.Buffer
	if err := h.text(&attributes).Handle(ctx, r); err != nil {
		return err
	}
	message := strings.TrimSpace(r.Message + " " + attributes.String())
	fields := h.fields[:len(h.fields):len(h.fields)]
	r.Attrs(func(a slog.Attr) bool {
		fields = appendFields(fields, h.prefix, a)
		return true
	})
	vars := make(map[string]string, len(fields))
	for _, f := range fields {
		vars[f.name] = f.value
	}
	if err := h.send(message, priority(r.Level), vars); err != nil {
		_, err = io.WriteString(h.stderr, message+"\n")
		return err
	}
	return nil
}

// WithAttrs returns a handler that adds the attributes to each record.
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c, text := *h, h.text
	c.fields = h.fields[:len(h.fields):len(h.fields)]
	for _, a := range attrs {
		c.fields = appendFields(c.fields, h.prefix, a)
	}
	c.text = func(w io.Writer) slog.Handler { return text(w).WithAttrs(attrs) }
	return &c
}

// WithGroup returns a handler that puts later attributes into a group.
func (h *journalHandler) WithGroup(name string) slog.Handler {
	c, text := *h, h.text
	c.prefix = h.prefix + name + "_"
	c.text = func(w io.Writer) slog.Handler { return text(w).WithGroup(name) }
	return &c
}

// appendFields appends an attribute as journald fields; a group becomes one
// field for each of its attributes.
func appendFields(fields []field, prefix string, a slog.Attr) []field {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		if a.Key == "" {
			return fields
		}
		return append(fields, field{fieldName(prefix + a.Key), v.String()})
	}
	if a.Key != "" {
		prefix += a.Key + "_"
	}
	for _, member := range v.Group() {
		fields = appendFields(fields, prefix, member)
	}
	return fields
}

// fieldName makes a name that journald takes: upper-case letters, digits and
// underscores (systemd.journal-fields(7)).
func fieldName(key string) string {
	return "GATEPOST_" + strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, key)
}

func priority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
