package delegation

import (
	"bytes"
	"fmt"
	"math"

	"github.com/gatepost/gatepost/internal/exchange"
)

// Limits of a request.
const (
	MaxRequest    = 64 << 10 // bytes
	MaxLine       = 8 << 10  // bytes; Postfix cuts SMTP commands at 2 KiB
	MaxAttributes = 100      // Postfix 3.12 sends 31
)

// Malformation says why a request is none. It is an error. Malformations are
// dense: an array of MalformationCount elements has a place for each.
type Malformation uint8

// The malformations.
const (
	NoAttribute       Malformation = iota // a line that does not begin with a name and "="
	CarriageReturn                        // a line that ends with CR
	NUL                                   // a NUL byte
	LineTooLong                           // over MaxLine
	TooManyAttributes                     // over MaxAttributes
	TooLarge                              // over MaxRequest
	WrongRequest                          // not request=smtpd_access_policy
	Truncated                             // the connection ended in the middle
	TimedOut                              // the rest did not come
	NoRoom                                // incomplete requests take all the memory they may
	MalformationCount
)

// String returns the malformation as a metric's label has it.
func (m Malformation) String() string {
	return [MalformationCount]string{"no-attribute", "carriage-return", "nul", "line-too-long", "too-many-attributes",
		"too-large", "wrong-request", "truncated", "timeout", "no-room"}[m]
}

func (m Malformation) Error() string { return m.String() }

// malformation finds the malformation in an error of exchange.Run.
func malformation(err error) (Malformation, bool) {
	return exchange.Malformed(err, TooLarge, Truncated, TimedOut, NoRoom)
}

// attribute numbers what we read of a request.
type attribute uint8

const (
	attrRequest attribute = iota
	attrState
	attrInstance
	attrSender
	attrRecipient
	attrSize
	attrLogin
	attributeCount
)

// span is where a value lies, counted from the request's first byte.
type span struct{ from, to int }

// decoder reads a request where it lies, once, as it comes. The zero decoder
// awaits a request.
type decoder struct {
	scanned int // bytes of whole lines
	lines   int
	seen    [attributeCount]bool
	at      [attributeCount]span
	whole   bool // the request was found; the next one starts anew
}

// Decode finds the end of the request at the start of b, which may have grown
// since the last call: see [exchange.Peer].
func (d *decoder) Decode(b []byte) (int, error) {
	if d.whole {
		*d = decoder{}
	}
	for {
		n := bytes.IndexByte(b[d.scanned:], '\n')
		switch {
		case n > MaxLine || n < 0 && len(b)-d.scanned > MaxLine:
			return 0, d.malformed(LineTooLong)
		case n < 0:
			return 0, nil
		case n == 0:
			return d.end(b)
		}
		if err := d.line(b[d.scanned : d.scanned+n]); err != nil {
			return 0, err
		}
		d.scanned += n + 1
	}
}

func (d *decoder) malformed(m Malformation) error {
	return fmt.Errorf("line %d: %w", d.lines+1, m)
}

// line takes an attribute.
func (d *decoder) line(line []byte) error {
	eq := bytes.IndexByte(line, '=')
	switch {
	case line[len(line)-1] == '\r':
		return d.malformed(CarriageReturn)
	case eq <= 0 || !isLetter(line[0]):
		return d.malformed(NoAttribute)
	case d.lines == MaxAttributes:
		return d.malformed(TooManyAttributes)
	}
	d.lines++
	if a, ours := known(line[:eq]); ours && !d.seen[a] {
		d.seen[a] = true
		d.at[a] = span{d.scanned + eq + 1, d.scanned + len(line)}
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func known(name []byte) (attribute, bool) {
	switch string(name) {
	case "request":
		return attrRequest, true
	case "protocol_state":
		return attrState, true
	case "instance":
		return attrInstance, true
	case "sender":
		return attrSender, true
	case "recipient":
		return attrRecipient, true
	case "size":
		return attrSize, true
	case "sasl_username":
		return attrLogin, true
	}
	return 0, false
}

// end takes the empty line.
func (d *decoder) end(b []byte) (int, error) {
	n := d.scanned + 1
	switch {
	case bytes.IndexByte(b[:n], 0) >= 0:
		return 0, d.malformed(NUL)
	case n > MaxRequest:
		return 0, d.malformed(TooLarge)
	case string(d.value(b, attrRequest)) != "smtpd_access_policy":
		return 0, d.malformed(WrongRequest)
	}
	d.whole = true
	return n, nil
}

// value returns the value of an attribute in the request b, empty when it is
// not there.
func (d *decoder) value(b []byte, a attribute) []byte {
	at := d.at[a]
	return b[at.from:at.to]
}

// parseSize reads an unsigned decimal number. What is none counts as 0, not
// announced; what is too large is as large as can be.
func parseSize(b []byte) int64 {
	n := int64(0)
	for _, c := range b {
		if c < '0' || '9' < c {
			return 0
		}
		digit := int64(c - '0')
		if n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + digit
	}
	return n
}
