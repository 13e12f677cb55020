package quotadict

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
)

const (
	door = "quota"

	maxLine         = 64 << 10 // Dovecot's DICT_CLIENT_MAX_LINE_LENGTH
	maxTransactions = 100      // open, of one connection
	helloTimeout    = 30 * time.Second
)

// Result is what became of a commit. The numbers are dense, for metrics.
type Result uint8

// The results.
const (
	Taken       Result = iota // the ledger has the new values
	Stale                     // the ledger knew newer ones
	UnknownUser               // not in the directory
	Refused                   // not a report of usage
	resultEnd
)

// Results lists every result.
func Results() []Result { return []Result{Taken, Stale, UnknownUser, Refused} }

// String returns the result's name, which is also its metrics label.
func (r Result) String() string {
	return [resultEnd]string{"taken", "stale", "unknown_user", "refused"}[r]
}

// Server takes reports. The exported fields must not change once Serve was
// called; Directory and Ledger must be set. A Server is used once.
type Server struct {
	Directory *directory.Directory
	Ledger    *quota.Ledger
	Now       func() time.Time // when a report came; nil: time.Now
	MaxConns  int              // 0: serve.DefaultMaxConns
	Hooks     serve.Hooks
	Committed func(Result)               // called for each commit; may be nil
	Malformed func(tabline.Malformation) // called when a peer breaks the protocol; may be nil
	Log       *slog.Logger               // nil: no log

	once   sync.Once
	log    *slog.Logger
	server serve.Server
}

// Serve answers the connections of l until Shutdown, as [serve.Server.Serve].
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	s.once.Do(s.prepare)
	return s.server.Serve(ctx, l)
}

// Shutdown stops accepting and answers what has come, as
// [serve.Server.Shutdown].
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(s.prepare)
	return s.server.Shutdown(ctx)
}

func (s *Server) prepare() {
	s.log = slog.New(slog.DiscardHandler)
	if s.Log != nil {
		s.log = s.Log.With("door", door)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	s.server.Name, s.server.Handle, s.server.Log = door, s.handle, s.Log
	s.server.MaxConns, s.server.Hooks = s.MaxConns, s.Hooks
}

// handle serves one connection.
func (s *Server) handle(_ context.Context, sc *serve.Conn) {
	c := conn{server: s, in: tabline.NewReader(sc, maxLine), open: map[uint32]*transaction{}}
	sc.SetIdleTimeout(helloTimeout)
	line, err := c.in.Next()
	if err == nil {
		err = hello(line)
		sc.SetIdleTimeout(0)
	}
	for err == nil {
		if line, err = c.in.Next(); err == nil {
			err = c.serve(sc, line)
		}
	}
	tabline.Complain(s.log, s.Malformed, sc, err)
}
