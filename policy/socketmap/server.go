package socketmap

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/serve"
)

// door is the name of this door.
const door = "socketmap"

// Server answers socketmap queries. The exported fields must not change once
// Serve was called.
type Server struct {
	Directory      *directory.Directory
	MaxConns       int           // 0: serve.DefaultMaxConns
	RequestTimeout time.Duration // for the rest of a query; 0: serve.DefaultRequestTimeout
	Hooks          Hooks
	Log            *slog.Logger // nil: no log

	once   sync.Once
	log    *slog.Logger
	server serve.Server
}

// Serve answers the connections of l until Shutdown, as [serve.Server.Serve].
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.once.Do(s.prepare)
	return s.server.Serve(ctx, l)
}

// Shutdown stops accepting, lets queries in progress finish, and closes the
// rest, as [serve.Server.Shutdown].
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(s.prepare)
	return s.server.Shutdown(ctx)
}

func (s *Server) prepare() {
	s.log = slog.New(slog.DiscardHandler)
	if s.Log != nil {
		s.log = s.Log.With("door", door)
	}
	s.server.Name = door
	s.server.Handle = s.handle
	s.server.Prompter = s.prompter
	s.server.MaxConns, s.server.RequestTimeout = s.MaxConns, s.RequestTimeout
	s.server.Hooks = serve.Hooks{Conns: s.Hooks.Conns, Refused: s.Hooks.Refused, Panicked: s.Hooks.Panicked}
	s.server.Log = s.Log
}

// prompter makes what answers for an event loop.
func (s *Server) prompter() serve.Prompter {
	return &exchange.Prompter[*prompted]{
		New:   func() *prompted { return &prompted{session{server: s, log: s.log}} },
		Ahead: (&ahead{server: s}).prefetch,
	}
}

// prompted is a session of no connection in particular. It leaves a map that
// does not exist to one that warns once a connection.
type prompted struct{ session }

func (p *prompted) Answer(b []byte) ([]byte, error) {
	query, _, _ := decode(b)
	if name, _, _ := bytes.Cut(query, []byte(" ")); mapNamed(name) == UnknownMap {
		return nil, nil
	}
	return p.session.Answer(b)
}

// handle serves one connection.
func (s *Server) handle(_ context.Context, c *serve.Conn) {
	log := s.log
	if peer, is := c.Peer(); is {
		log = log.With("peer_uid", peer.UID)
	}
	err := exchange.Run(c, &session{server: s, log: log}, maxRequest)
	if err == nil {
		return
	}
	exchange.Complain(log, err, malformation, s.Hooks.Malformed)
}
