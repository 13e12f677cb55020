package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/peer"
	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// Requests a second of the open loops, and of the comparison with echo.
const steadyRate = 40_000

// activeUsers are asked about when not all are.
const activeUsers = 10_000

// loginUsers log in: each costs a real verification first.
const loginUsers = 200

// asking lets every server answer, in turns.
func (b *benchmark) asking(ctx context.Context) (err error) {
	servers, err := b.startAll(ctx)
	defer func() { err = errors.Join(err, servers.stop()) }()
	if err != nil {
		return err
	}
	if err := b.rounds(ctx, b.policySubjects(servers)); err != nil {
		return err
	}
	if err := b.warmLogins(ctx, servers.million); err != nil {
		return err
	}
	if err := b.rounds(ctx, b.doorSubjects(servers)); err != nil {
		return err
	}
	return b.crowd(ctx, servers.million)
}

// fleet is every server that is asked.
type fleet struct {
	echo, echoLoop     *server
	few, many, million *server
	policy, auth       []*peerServer
}

// peerServer is a running peer.
type peerServer struct {
	*server
	peer *peer.Peer
}

func (f *fleet) stop() error {
	errs := []error{stopAll(f.echo, f.echoLoop, f.few, f.many, f.million)}
	for _, p := range append(f.policy, f.auth...) {
		errs = append(errs, stopAll(p.server))
	}
	return errors.Join(errs...)
}

func (b *benchmark) startAll(ctx context.Context) (*fleet, error) {
	f := &fleet{}
	var err error
	if f.echo, err = b.startEcho(ctx, report.Echo, "\n\n", traffic.Dunno); err != nil {
		return f, err
	}
	if f.echoLoop, err = b.startEcho(ctx, report.EchoLoop, "\n\n", traffic.Dunno); err != nil {
		return f, err
	}
	for _, g := range []struct {
		server **server
		name   string
		users  traffic.Users
	}{{&f.few, report.Smallest, few}, {&f.many, report.Middle, many}, {&f.million, report.Largest, million}} {
		if *g.server, err = b.startGatepost(ctx, g.name, g.users, false); err != nil {
			return f, err
		}
		if err := (*g.server).rest(); err != nil {
			return f, err
		}
	}
	if f.policy, err = b.startPeers(ctx, peer.Policy()); err != nil {
		return f, err
	}
	f.auth, err = b.startPeers(ctx, peer.Auth())
	return f, err
}

// startPeers starts those that are installed.
func (b *benchmark) startPeers(ctx context.Context, kinds []peer.Kind) (running []*peerServer, err error) {
	for _, kind := range kinds {
		dir, err := os.MkdirTemp(b.dir, "peer")
		if err == nil {
			err = os.Chmod(dir, 0o755)
		}
		if err != nil {
			return running, err
		}
		p, err := kind.Start(ctx, dir)
		if errors.Is(err, peer.ErrAbsent) {
			b.results.Absent = append(b.results.Absent, fmt.Sprintf("%s: %v.", kind.Name, err))
			continue
		}
		if err != nil {
			return running, fmt.Errorf("%s: %w", kind.Name, err)
		}
		running = append(running, &peerServer{&server{name: kind.Name, dir: dir, process: p.Server, users: kind.Users}, p})
	}
	return running, nil
}

// ask makes a subject of one of gatepost's doors.
func (s *server) ask(door, what string, conns int, d func(conn int) load.Dialogue) *subject {
	return &subject{server: s, network: "unix", address: s.socket(door), dialogue: d,
		run: &report.Run{Server: s.name, Door: door, Load: what, Conns: conns, Pinned: conns == 1}}
}

// askPolicy makes a subject of the policy door.
func (s *server) askPolicy(what string, users traffic.Users, conns int) *subject {
	return s.ask("policy", what, conns, func(i int) load.Dialogue {
		return traffic.NewPolicy(users, what == report.Whole, i)
	})
}

func (s *peerServer) ask(door, what string, conns int) *subject {
	return &subject{server: s.server, network: s.peer.Network, address: s.peer.Address, dialogue: s.peer.Dialogue,
		run: &report.Run{Server: s.name, Door: door, Load: what, Conns: conns}}
}

// at makes it an open loop.
func (s *subject) at(rate float64) *subject {
	s.run.Rate = rate
	return s
}

func (b *benchmark) policySubjects(f *fleet) []*subject {
	conns := []int{1, 8, 64, 1000}
	if b.options.quick {
		conns = []int{64, 1000}
	}
	active := traffic.Users{Count: million.Count, Active: activeUsers}
	var list []*subject
	for _, n := range conns {
		list = append(list, f.echo.askPolicy(report.Uniform, few, n))
		if n >= 64 { // the loads of the targets
			list = append(list, f.echoLoop.askPolicy(report.Uniform, few, n))
		}
		list = append(list,
			f.million.askPolicy(report.Uniform, million, n),
			f.million.askPolicy(report.Active, active, n),
			f.few.askPolicy(report.Uniform, few, n),
			f.many.askPolicy(report.Uniform, many, n))
	}
	list = append(list, f.million.askPolicy(report.Whole, million, 64))
	for _, open := range []struct {
		conns int
		rate  float64
	}{{64, report.OpenRate}, {64, steadyRate}, {1000, report.OpenRate}} {
		list = append(list,
			f.echo.askPolicy(report.Uniform, few, open.conns).at(open.rate),
			f.million.askPolicy(report.Uniform, million, open.conns).at(open.rate))
	}
	for _, p := range f.policy {
		list = append(list, p.ask("policy", report.Uniform, 64))
	}
	return list
}

func (b *benchmark) doorSubjects(f *fleet) []*subject {
	m := f.million
	logins := traffic.Users{Count: million.Count, Active: loginUsers}
	var list []*subject
	for _, n := range []int{8, 64} {
		list = append(list,
			m.ask("socketmap", report.Maps, n, func(i int) load.Dialogue { return traffic.NewSocketmap(million, i) }),
			m.ask("auth-master", report.Userdb, n, func(i int) load.Dialogue { return traffic.NewUserdb(million, i) }),
			m.ask("auth", report.Logins, n, func(i int) load.Dialogue { return traffic.NewAuth(logins, i) }))
		for _, p := range f.auth {
			list = append(list, p.ask("auth", report.Logins, n))
		}
	}
	return list
}

// warmLogins lets everybody log in once, who is to log in again.
func (b *benchmark) warmLogins(ctx context.Context, s *server) error {
	if err := s.resume(); err != nil {
		return err
	}
	logins := traffic.Users{Count: million.Count, Active: loginUsers}
	_, err := load.Run(ctx, load.Plan{Network: "unix", Address: s.socket("auth"), Conns: 4, Duration: 10 * time.Second,
		Dialogue: func(i int) load.Dialogue { return traffic.NewAuth(logins, i) }})
	return err
}
