package adminsock

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/peercred"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/policy"
)

// The limits of the door.
const (
	DefaultMaxConns     = 256
	DefaultBodyTimeout  = 10 * time.Second // for a body, and between two reads of a batch
	DefaultWriteTimeout = 30 * time.Second // for each piece of an answer
	MaxHeader           = 16 << 10         // bytes of request line and headers
	MaxBody             = 1 << 20          // bytes of a body that is not a batch
	HeaderTimeout       = 2 * time.Second  // for the request line and headers
	IdleTimeout         = 2 * time.Minute  // between two requests
)

// Hooks are called as the server works. A nil field is skipped.
type Hooks struct {
	Conns   func(open int)                                       // a connection was opened or closed
	Command func(name string, result Result, took time.Duration) // a command was answered; name is from the table
}

// Result says how a command ended.
type Result string

// The results.
const (
	Done    Result = "done"
	Refused Result = "refused" // the request was wrong, or the directory said no
	Denied  Result = "denied"  // not for this caller
	Failed  Result = "failed"  // our own trouble
)

// Results lists every result.
func Results() []Result { return []Result{Done, Refused, Denied, Failed} }

// Settings are configured values that may change while the server runs.
type Settings struct {
	Scheme password.Scheme // of new hashes
	Policy password.Policy // of passwords given in clear
}

// Status is what only the daemon knows about itself.
type Status struct {
	Version    string
	Started    time.Time
	LastCommit time.Time // zero: nothing was stored yet
	Refusing   error     // why no change is taken; nil: they are
	Rebuilt    string    // why the database had to be rebuilt at the start, if it had
	Snapshot   Snapshot  // the newest; zero: there is none
	Trail      Trail
	Doors      []command.Door
}

// Snapshot is a backup that the daemon took for itself.
type Snapshot struct {
	Revision directory.Revision
	Written  time.Time
}

// Trail is how far the audit trail goes back.
type Trail struct {
	First     directory.Revision
	Oldest    time.Time // when that was made; zero: there is none
	Bytes     int64
	Retention time.Duration // for how long changes stay; 0: for ever
}

// Server serves the administration. The exported fields must not change once
// Serve was called. A Server is used once.
type Server struct {
	Directory    *directory.Directory
	Ledger       *quota.Ledger
	Verifier     *password.Verifier             // computes new hashes
	Settings     func() Settings                // asked for each password
	Status       func() Status                  // asked for `status`
	LastLogin    func(directory.User) time.Time // nil, or zero: not known
	Modes        func() *policy.Modes           // asked for each explanation
	RuleCounts   func() RuleCounts              // what the rules have done
	Audit        Auditor
	Backup       Backup
	ReadBackup   ReadBackup
	SpoolDir     string           // where a backup lies while it is restored: the state directory
	Lane         *background.Lane // where large batches are read; nil: beside everything else
	Hooks        Hooks
	Log          *slog.Logger     // nil: no log
	Now          func() time.Time // nil: time.Now
	MaxConns     int              // 0: DefaultMaxConns
	BodyTimeout  time.Duration    // 0: DefaultBodyTimeout
	WriteTimeout time.Duration    // 0: DefaultWriteTimeout

	// Peer tells who connected; nil: peercred.Of.
	Peer func(net.Conn) (peercred.Cred, error)

	once      sync.Once
	serving   context.Context // ends when Shutdown begins
	closing   context.CancelFunc
	desk      desk
	turn      turn // of the one large batch that is in memory
	http      *http.Server
	api       huma.API
	mux       *http.ServeMux
	refusals  limiter
	restoring sync.Mutex // held by the one restore
	denials   limiter

	mu   sync.Mutex // guards open, and the order in which Hooks.Conns is told
	open int        // connections
}

// Serve answers requests from l until Shutdown, then returns nil. It may be
// called for several listeners. When ctx ends, the listener and every
// connection are closed at once and Serve returns the context's error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.once.Do(s.prepare)
	stop := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stop()
	err := s.http.Serve(listener{l, s.Log})
	if errors.Is(err, http.ErrServerClosed) {
		return ctx.Err()
	}
	return err
}

// Shutdown stops accepting, closes idle connections and waits for requests in
// progress, of which it refuses batches that are still being read; when ctx ends
// first it closes what is left and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(s.prepare)
	s.closing()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
	}
	return err
}

// ending reports whether Shutdown has begun.
func (s *Server) ending() bool { return s.serving.Err() != nil }

// prepare makes what the zero values of the options stand for, and the routes.
func (s *Server) prepare() {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Peer == nil {
		s.Peer = peercred.Of
	}
	if s.MaxConns == 0 {
		s.MaxConns = DefaultMaxConns
	}
	if s.BodyTimeout == 0 {
		s.BodyTimeout = DefaultBodyTimeout
	}
	if s.WriteTimeout == 0 {
		s.WriteTimeout = DefaultWriteTimeout
	}
	s.serving, s.closing = context.WithCancel(context.Background())
	s.turn = make(turn, 1)
	s.routes()
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: HeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeader,
		ConnContext:       s.identify,
		ConnState:         s.count,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // it would answer anybody
	}
}

// count keeps the number of connections and closes those above the limit.
func (s *Server) count(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open++
	case http.StateClosed, http.StateHijacked:
		s.open--
	default:
		return
	}
	if s.open > s.MaxConns && state == http.StateNew {
		_ = c.Close() // its goroutine ends at once and reports StateClosed
	}
	if s.Hooks.Conns != nil {
		s.Hooks.Conns(s.open)
	}
}

// routes binds every command of the table.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.api = newAPI(s.mux)
	s.bindDomains()
	s.bindUsers()
	s.bindPasswords()
	s.bindAliases()
	s.bindServer()
	s.bindExplain()
	s.bindAudit()
	s.bindBackup()
	s.bindDocument()
}
