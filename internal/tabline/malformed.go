package tabline

import (
	"errors"
	"fmt"
	"os"
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
	MalformationCount
)

// String returns the name, which is also the metric's label.
func (m Malformation) String() string {
	return [MalformationCount]string{"violation", "too-long", "truncated", "timeout"}[m]
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
	}
	return 0, false
}
