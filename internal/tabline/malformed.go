package tabline

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gatepost/gatepost/internal/peercred"
	"github.com/gatepost/gatepost/internal/serve"
)

// Errors of [Reader.Next] that say what a peer did in the middle of a line.
var (
	ErrTruncated = errors.New("connection ended in the middle of a line")
	ErrTimeout   = fmt.Errorf("nothing came in time: %w", os.ErrDeadlineExceeded)
)

// Violation is an error that ends a connection: what a line has that its
// protocol does not. It holds nothing of what was sent.
type Violation string

func (v Violation) Error() string { return string(v) }

// Malformation says of which kind the error is that ended a connection.
// Malformations are dense: an array of MalformationCount elements has a place
// for each.
type Malformation uint8

// The malformations.
const (
	Violated  Malformation = iota // a Violation
	TooLong                       // a line without end
	Truncated                     // the peer left in the middle of a line
	Timeout                       // the peer fell silent in the middle of a line or before its handshake
	NoRoom                        // unfinished lines take all the memory they may
	MalformationCount
)

// String returns the name, which is also the metric's label.
func (m Malformation) String() string {
	return [MalformationCount]string{"violation", "too-long", "truncated", "timeout", "no-room"}[m]
}

// Malformed says what a peer did wrong, if err is about that.
func Malformed(err error) (m Malformation, is bool) {
	var v Violation
	switch {
	case errors.As(err, &v):
		return Violated, true
	case errors.Is(err, ErrTooLong):
		return TooLong, true
	case errors.Is(err, ErrTruncated):
		return Truncated, true
	case errors.Is(err, ErrTimeout):
		return Timeout, true
	case errors.Is(err, serve.ErrNoRoom):
		return NoRoom, true
	}
	return 0, false
}

// Peer is who a door talks to; *serve.Conn is one.
type Peer interface {
	Peer() (peercred.Cred, bool)
	Draining() bool
}

// Complain tells the log, and count if it is not nil, why a connection ends, if
// anybody should know: what the peer did, and that it fell silent in the middle
// of a line or does not read.
func Complain(l *slog.Logger, count func(Malformation), p Peer, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) && p.Draining() {
		return
	}
	if cred, ok := p.Peer(); ok {
		l = l.With("peer_uid", cred.UID, "peer_pid", cred.PID)
	}
	m, is := Malformed(err)
	switch {
	case is:
		l.Warn("malformed line, connection closed", "reason", m.String(), "err", err)
		if count != nil {
			count(m)
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.Warn("a peer does not read its replies, connection closed", "err", err)
	}
}
