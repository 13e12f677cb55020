package authsock

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
)

const (
	clientDoor = "auth"

	maxLine          = 16384                   // Dovecot's AUTH_CLIENT_MAX_LINE_LENGTH
	handshakeTimeout = 30 * time.Second        // Dovecot's clients give up after it, too
	drainTime        = 2500 * time.Millisecond // for verifications, from when draining begins: a refusal is held back for 2 s

	// Dovecot 2.3 shows "wrong password" to a mail client whose login was sent to
	// a connection that ends, so a login process that may be about to send one
	// keeps its connection for a while. lingerIdle covers the time from connecting
	// to the mail client's LOGIN.
	lingerIdle = time.Second
	lingerMax  = 1500 * time.Millisecond
)

// Server speaks the client protocol. The exported fields must not change once
// Serve was called; Check and Requests must be set. A Server is used once.
type Server struct {
	// Check decides an attempt, as login.Checker does; it returns soon after
	// ctx ends.
	Check func(ctx context.Context, a login.Attempt) login.Outcome
	// Recall lets in at once who needs no verification, as login.Checker does; its
	// false says nothing. nil: nobody.
	Recall       func(a login.Attempt) (login.Outcome, bool)
	Requests     *Requests     // shared with the Master
	MaxConns     int           // 0: serve.DefaultMaxConns
	WriteTimeout time.Duration // for a reply; 0: serve.DefaultWriteTimeout
	Hooks        serve.Hooks
	Malformed    func(tabline.Malformation) // called when a peer breaks the protocol, from several goroutines; may be nil
	Log          *slog.Logger               // nil: no log

	once   sync.Once
	log    *slog.Logger
	server serve.Server

	waiting atomic.Int64 // exchanges that wait for a CONT, of all connections

	over context.Context // ends when verifications of a drain must end
	end  context.CancelFunc
}

// Serve answers the connections of l until Shutdown, as [serve.Server.Serve].
// It may be called for several listeners.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.once.Do(s.prepare)
	return s.server.Serve(ctx, l)
}

// Shutdown stops accepting, goes on answering those who are about to log in, and
// lets verifications finish, all within two and a half seconds. See
// [serve.Server.Shutdown].
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(s.prepare)
	timer := time.AfterFunc(drainTime, s.end)
	defer timer.Stop()
	return s.server.Shutdown(ctx)
}

func (s *Server) prepare() {
	s.log = doorLog(s.Log, clientDoor)
	s.over, s.end = context.WithCancel(context.Background())
	s.server.Name, s.server.Handle, s.server.Log = clientDoor, s.handle, s.Log
	s.server.MaxConns, s.server.WriteTimeout, s.server.Hooks = s.MaxConns, s.WriteTimeout, s.Hooks
	s.server.LingerIdle, s.server.LingerMax = lingerIdle, lingerMax
}

// handle serves one connection.
func (s *Server) handle(ctx context.Context, sc *serve.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.over, cancel)
	defer stop()
	newConn(ctx, s, sc).serve(cancel)
}

func doorLog(l *slog.Logger, door string) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l.With("door", door)
}
