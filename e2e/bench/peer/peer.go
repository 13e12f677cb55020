// Package peer runs the programs that gatepost is compared with, each as
// favourable to it as can be: no logging, small rule sets, warm caches, no
// delays. They are instances of their own, in a directory of the benchmark, on
// sockets there or loopback ports; nothing of the system's is touched.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// ErrAbsent says that a peer cannot be run here, and why.
var ErrAbsent = errors.New("left out")

const startTime = 20 * time.Second

// Kind is a program that can be run as a peer.
type Kind struct {
	Name  string
	Users traffic.Users // that it knows
	// Start starts it in dir, which is its own. The error is ErrAbsent when it is
	// not installed.
	Start func(ctx context.Context, dir string) (*Peer, error)
}

// Peer is a running peer.
type Peer struct {
	Server           *process.Server
	Network, Address string
	Dialogue         func(conn int) load.Dialogue
}

// Policy lists the peers that answer policy requests.
func Policy() []Kind {
	few := traffic.Users{Count: 100}
	return []Kind{
		{"Dovecot quota-status", few, startQuotaStatus},
		{"postfwd", few, startPostfwd},
	}
}

// Auth lists the peers that answer logins.
func Auth() []Kind {
	users := traffic.Users{Count: authUsers}
	return []Kind{{"Dovecot auth, {PLAIN} in SQLite, auth_cache", users, startAuth}}
}

// installed returns the paths of programs, or ErrAbsent.
func installed(names ...string) ([]string, error) {
	var paths []string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not installed", ErrAbsent, name)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// accepts reports whether somebody accepts connections.
func accepts(network, address string) bool {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// freePort returns a loopback address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func policyPeer(s *process.Server, network, address string, users traffic.Users) *Peer {
	return &Peer{Server: s, Network: network, Address: address,
		Dialogue: func(i int) load.Dialogue { return traffic.NewPolicy(users, false, i) }}
}

// await waits for a server's socket.
func await(s *process.Server, network, address string) (*process.Server, error) {
	if err := s.Await(startTime, func() bool { return accepts(network, address) }); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}
