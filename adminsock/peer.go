package adminsock

import (
	"context"
	"net"
	"os"
	"os/user"
	"strconv"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/peercred"
)

// Peer is who is at the other end of a connection.
type Peer struct {
	peercred.Cred
	err error // why it is not known, if it is not
}

type peerKey struct{}

// identify is http.Server.ConnContext: it asks once for each connection.
func (s *Server) identify(ctx context.Context, c net.Conn) context.Context {
	cred, err := s.Peer(c)
	return context.WithValue(ctx, peerKey{}, Peer{cred, err})
}

func peerOf(ctx context.Context) Peer {
	p, ok := ctx.Value(peerKey{}).(Peer)
	if !ok {
		return Peer{err: peercred.ErrNotUnix}
	}
	return p
}

// may reports whether the peer has a permission: root and the daemon's own user
// have all of them, nobody else has any.
func (p Peer) may(command.Permission) bool {
	return p.err == nil && (p.UID == 0 || p.UID == uint32(os.Geteuid()))
}

// name returns the user's name for the log and the audit.
func (p Peer) name() string {
	if p.err != nil {
		return "unknown"
	}
	uid := strconv.FormatUint(uint64(p.UID), 10)
	u, err := user.LookupId(uid)
	if err != nil {
		return "uid " + uid
	}
	return u.Username
}
