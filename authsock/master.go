package authsock

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
)

const (
	masterDoor = "auth-master"

	settleTime = freshGrant // for the REQUESTs of the last logins, when draining

	// listPatience is how long a client may take to read a piece of a LIST:
	// "doveadm -A" works on a user before it reads the next. The door is for
	// root alone.
	listPatience = time.Hour
)

// Master speaks the master protocol. The exported fields, but for Mail, must
// not change once Serve was called; only Log, Hooks, Malformed and numbers may be
// missing.
// A Master is used once.
type Master struct {
	Directory *directory.Directory
	Requests  *Requests // shared with the Server

	// Recheck asks again about somebody who was let in, as login.Checker does.
	Recheck func(v directory.View, g login.Grant) (directory.User, *login.Rule)
	// FlushCache forgets verified secrets and returns how many.
	FlushCache func() int

	Mail         atomic.Pointer[Mail] // may be replaced at any time
	MaxConns     int                  // 0: serve.DefaultMaxConns
	WriteTimeout time.Duration        // for a reply; 0: serve.DefaultWriteTimeout, and an hour for a piece of a LIST
	Hooks        serve.Hooks
	Malformed    func(tabline.Malformation) // called when a peer breaks the protocol, from several goroutines; may be nil
	Log          *slog.Logger               // nil: no log

	once   sync.Once
	log    *slog.Logger
	server serve.Server
}

// Serve answers the connections of l until Shutdown, as [serve.Server.Serve].
func (m *Master) Serve(ctx context.Context, l net.Listener) error {
	m.once.Do(m.prepare)
	return m.server.Serve(ctx, l)
}

// Shutdown goes on for a moment while mail processes ask for logins that were
// granted, then stops accepting and lets requests in progress finish. The
// Server that grants them should have been shut down before. See serve.Server.
func (m *Master) Shutdown(ctx context.Context) error {
	m.once.Do(m.prepare)
	waiting, cancel := context.WithTimeout(ctx, settleTime)
	m.Requests.settle(waiting)
	cancel()
	return m.server.Shutdown(ctx)
}

func (m *Master) prepare() {
	m.log = doorLog(m.Log, masterDoor)
	m.server.Name, m.server.Handle, m.server.Log = masterDoor, m.handle, m.Log
	m.server.MaxConns, m.server.Hooks = m.MaxConns, m.Hooks
	m.server.WriteTimeout = m.WriteTimeout
}

func (m *Master) handle(_ context.Context, sc *serve.Conn) {
	newMasterConn(m, sc).serve()
}
