package exchange

import (
	"errors"
	"log/slog"
	"os"

	"github.com/gatepost/gatepost/internal/serve"
)

// Malformed finds in an error of Run why the peer's request was none: one of
// the door's own reasons, or what the door calls Run's. It reports false for an
// error of another kind.
func Malformed[M error](err error, tooLarge, truncated, timedOut, noRoom M) (reason M, is bool) {
	switch {
	case errors.As(err, &reason):
		return reason, true
	case errors.Is(err, ErrTooLarge):
		return tooLarge, true
	case errors.Is(err, ErrTruncated):
		return truncated, true
	case errors.Is(err, ErrTimeout):
		return timedOut, true
	case errors.Is(err, serve.ErrNoRoom):
		return noRoom, true
	}
	return reason, false
}

// Complain tells the log, and count if it is not nil, why Run ended a connection:
// the peer's request was none, which malformation finds in an error, or it does not
// read. What is nobody's fault is told at level debug.
func Complain[M error](l *slog.Logger, err error, malformation func(error) (M, bool), count func(M)) {
	reason, is := malformation(err)
	switch {
	case is:
		l.Warn("malformed request, connection closed", "reason", reason.Error(), "err", err)
		if count != nil {
			count(reason)
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.Warn("a peer does not read its replies, connection closed", "err", err)
	default:
		l.Debug("connection ended", "err", err)
	}
}
