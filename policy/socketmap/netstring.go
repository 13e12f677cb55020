package socketmap

import (
	"bytes"

	"github.com/gatepost/gatepost/internal/exchange"
)

// Limits of the protocol.
const (
	MaxQuery = 10_000  // bytes; the limit of Postfix 3.12
	MaxReply = 100_000 // bytes; Postfix refuses more (measured)

	maxDigits  = 6
	maxRequest = maxDigits + len(":") + MaxQuery + len(",")
)

// Malformation says why a query is none. It is an error. Malformations are
// dense: an array of MalformationCount elements has a place for each.
type Malformation uint8

// The malformations.
const (
	BadLength Malformation = iota // not one to six digits without leading zero, and ":"
	TooLong                       // over MaxQuery
	NoComma                       // behind the bytes that were announced
	NoKey                         // no space behind the map's name
	Truncated                     // the connection ended in the middle
	TimedOut                      // the rest did not come
	NoRoom                        // incomplete queries take all the memory they may
	MalformationCount
)

// String returns the malformation as a metric's label has it.
func (m Malformation) String() string {
	return [MalformationCount]string{"bad-length", "too-long", "no-comma", "no-key", "truncated", "timeout", "no-room"}[m]
}

func (m Malformation) Error() string { return m.String() }

// malformation finds the malformation in an error of exchange.Run.
func malformation(err error) (Malformation, bool) {
	return exchange.Malformed(err, TooLong, Truncated, TimedOut, NoRoom)
}

// decode finds the query at the start of b. n is the length of its netstring,
// or 0 when there is more to come.
func decode(b []byte) (query []byte, n int, err error) {
	digits := 0
	length := 0
	for digits < len(b) && '0' <= b[digits] && b[digits] <= '9' {
		length = length*10 + int(b[digits]-'0')
		digits++
		if digits > maxDigits || digits == 2 && b[0] == '0' {
			return nil, 0, BadLength
		}
	}
	switch {
	case digits == len(b):
		return nil, 0, nil
	case digits == 0 || b[digits] != ':':
		return nil, 0, BadLength
	case length > MaxQuery:
		return nil, 0, TooLong
	}
	start, end := digits+1, digits+1+length
	switch {
	case len(b) <= end:
		return nil, 0, nil
	case b[end] != ',':
		return nil, 0, NoComma
	case bytes.IndexByte(b[start:end], ' ') < 0:
		return nil, 0, NoKey
	}
	return b[start:end], end + 1, nil
}

// writer builds one reply: the payload behind room for its length.
type writer struct{ b []byte }

const prefix = maxDigits + len(":")

// begin starts a reply with its status.
func (w *writer) begin(status string) {
	w.b = append(w.b[:0], "000000:"...)
	w.b = append(w.b, status...)
}

// size returns the bytes of the payload.
func (w *writer) size() int { return len(w.b) - prefix }

// end returns the netstring.
func (w *writer) end() []byte {
	n := w.size()
	w.b = append(w.b, ',')
	at := maxDigits
	for {
		at--
		w.b[at] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return w.b[at:]
		}
	}
}
