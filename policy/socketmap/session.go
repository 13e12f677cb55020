package socketmap

import (
	"bytes"
	"log/slog"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// What a connection keeps room for from one query to the next.
const (
	keptReply = 4 << 10 // bytes
	keptNames = 64      // targets and owners
)

// session is one connection.
type session struct {
	server *Server
	log    *slog.Logger
	warned bool // of a map that does not exist

	key         [mailaddr.MaxKey]byte
	targets     []directory.Target
	owners      []directory.User
	reply       writer
	unprintable bool // an address of the list has no written form
}

// Decode finds the end of the query at the start of b.
func (s *session) Decode(b []byte) (int, error) {
	_, n, err := decode(b)
	return n, err
}

// Answer looks a query up. It has no error: a panic is the server's to catch.
func (s *session) Answer(b []byte) ([]byte, error) {
	start := time.Now()
	s.makeRoom()
	query, _, _ := decode(b)
	name, key, _ := bytes.Cut(query, []byte(" "))
	m := mapNamed(name)
	if m == UnknownMap {
		s.warn(name)
	}
	result := s.answer(m, key)
	s.forget()
	if h := s.server.Hooks.Query; h != nil {
		h(m, result, time.Since(start))
	}
	return s.reply.end(), nil
}

// makeRoom gives back what the reply before this one needed, if that was much.
func (s *session) makeRoom() {
	if cap(s.reply.b) > keptReply {
		s.reply.b = nil
	}
}

// forget drops the records, which would keep parts of the directory alive that
// nothing else needs.
func (s *session) forget() {
	clear(s.targets)
	clear(s.owners)
	s.targets, s.owners = s.targets[:0], s.owners[:0]
	if cap(s.targets) > keptNames {
		s.targets = nil
	}
	if cap(s.owners) > keptNames {
		s.owners = nil
	}
}

// warn tells once a connection of a name that is wrong in Postfix's
// configuration.
func (s *session) warn(name []byte) {
	if !s.warned {
		s.warned = true
		s.log.Warn("Postfix asks for a map that does not exist", "map", string(name[:min(len(name), 64)]))
	}
}

// failed answers that gatepost is in trouble.
func (s *session) failed(err error) Result {
	s.log.Warn("query failed", "err", err)
	return s.trouble("alias expansion failed")
}
