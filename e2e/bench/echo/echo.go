// Package echo is the physical limit that gatepost is compared with: a server
// that reads a request, sees where it ends, and writes a fixed reply, with
// nothing in between. It is written to be hard to beat in Go: a goroutine for
// each connection, one Read and one Write a request, no deadline, no
// allocation, no lock, no shared memory.
package echo

import (
	"bytes"
	"net"
)

// maxRequest is more than any request of a benchmark has.
const maxRequest = 4 << 10

// Server answers whatever ends with End by Reply.
type Server struct{ End, Reply []byte }

// Serve answers the connections of l until it is closed, and then returns its
// error. The connections end with their peers.
func (s *Server) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go s.answer(conn)
	}
}

// answer serves one connection. A request is whole when what was read ends with
// End: a peer that has one request in flight sends nothing behind it.
func (s *Server) answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	buf := make([]byte, maxRequest)
	for n := 0; ; {
		more, err := conn.Read(buf[n:])
		if n += more; err != nil || n == len(buf) {
			return
		}
		if !bytes.HasSuffix(buf[:n], s.End) {
			continue
		}
		if _, err := conn.Write(s.Reply); err != nil {
			return
		}
		n = 0
	}
}
