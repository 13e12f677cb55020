package traffic

import (
	"bytes"
	"net"

	"github.com/gatepost/gatepost/e2e/bench/load"
)

// Unchecked sends the requests of a dialogue to a server that knows neither its
// handshake nor its replies, and takes what ends with End.
type Unchecked struct {
	load.Dialogue
	End []byte
}

// Open has nothing to do.
func (Unchecked) Open(net.Conn) error { return nil }

// Reply wants the right end.
func (u Unchecked) Reply(got []byte) (bool, error) { return bytes.HasSuffix(got, u.End), nil }
