package delegation

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/policy"
)

// door is the name of this door.
const door = "policy"

// Server answers policy requests. The exported fields, but for Modes, must not
// change once Serve was called.
type Server struct {
	Directory      *directory.Directory
	Ledger         *quota.Ledger
	Modes          atomic.Pointer[policy.Modes] // may be replaced at any time; nil: every rule is enforced
	MaxConns       int                          // 0: serve.DefaultMaxConns
	RequestTimeout time.Duration                // for the rest of a request; 0: serve.DefaultRequestTimeout
	Hooks          Hooks
	Log            *slog.Logger // nil: no log

	once      sync.Once
	log       *slog.Logger
	server    serve.Server
	replies   [policy.ReplyCount][]byte // as they are sent
	messages  memory
	questions sync.Pool // of *question
}

// Serve answers the connections of l until Shutdown, as [serve.Server.Serve].
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.once.Do(s.prepare)
	return s.server.Serve(ctx, l)
}

// Shutdown stops accepting, lets requests in progress finish, and closes the
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
	if s.Modes.Load() == nil {
		s.Modes.CompareAndSwap(nil, &policy.Modes{})
	}
	for r := range policy.ReplyCount {
		s.replies[r] = []byte("action=" + r.String() + "\n\n")
	}
	s.messages.seed = maphash.MakeSeed()
	s.questions.New = func() any { return &question{server: s} }
	s.server.Name = door
	s.server.Handle = s.handle
	s.server.Prompter = s.prompter
	s.server.MaxConns, s.server.RequestTimeout = s.MaxConns, s.RequestTimeout
	s.server.Hooks = serve.Hooks{Conns: s.Hooks.Conns, Refused: s.Hooks.Refused, Panicked: s.Hooks.Panicked}
	s.server.Log = s.Log
}

// prompter makes what answers for an event loop. What a session has of its
// connection is the context, which only the log sees.
func (s *Server) prompter() serve.Prompter {
	return &exchange.Prompter[*session]{
		New:   func() *session { return &session{server: s, ctx: context.Background()} },
		Ahead: (&ahead{server: s}).prefetch,
	}
}

// handle serves one connection.
func (s *Server) handle(ctx context.Context, c *serve.Conn) {
	err := exchange.Run(c, &session{server: s, ctx: ctx}, MaxRequest)
	if err == nil {
		return
	}
	log := s.log
	if peer, is := c.Peer(); is {
		log = log.With("peer_uid", peer.UID)
	}
	exchange.Complain(log, err, malformation, s.Hooks.Malformed)
}
