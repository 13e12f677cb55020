package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// changingSocket changes users over the admin socket of gatepostd, and looks
// whether the next policy request obeys.
func (b *benchmark) changingSocket(ctx context.Context) (err error) {
	s, err := b.startGatepost(ctx, report.Smallest, few, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(s)) }()
	if err := s.rest(); err != nil {
		return err
	}
	for range b.options.rounds {
		if err := b.obeying(ctx, s); err != nil {
			return err
		}
		if err := b.crowdOnSocket(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// crowdOnSocket lets many administrators change a user each.
func (b *benchmark) crowdOnSocket(ctx context.Context, s *server) error {
	clients := make([]*http.Client, administrators)
	for i := range clients {
		clients[i] = over(s.socket("admin"))
		defer clients[i].CloseIdleConnections()
	}
	c := &changes{server: s}
	measured, _ := b.options.seconds()
	began := time.Now()
	n, err := together(ctx, measured, func(i int) error { return c.change(clients[i]) })
	w := &b.results.Writes
	w.SocketRate = append(w.SocketRate, float64(n)/time.Since(began).Seconds())
	return err
}

// asker asks the policy door about one recipient, on one connection.
type asker struct {
	conn  net.Conn
	lines *bufio.Reader
}

func (a *asker) ask(recipient string, number int) (string, error) {
	_, err := fmt.Fprintf(a.conn, "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\ninstance=1.%d\nsender=someone@elsewhere.test\nrecipient=%s\n\n", number, recipient)
	if err != nil {
		return "", err
	}
	action, err := a.lines.ReadString('\n')
	if err == nil {
		_, err = a.lines.ReadString('\n')
	}
	return strings.TrimSpace(action), err
}

// obeying disables and enables a user in turns, and asks after each.
func (b *benchmark) obeying(ctx context.Context, s *server) error {
	conn, err := load.Dial(ctx, "unix", s.socket("policy"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	policy := &asker{conn, bufio.NewReader(conn)}
	admin := over(s.socket("admin"))
	defer admin.CloseIdleConnections()
	address := traffic.Users{Count: few.Count}.Address(0)
	measured, _ := b.options.seconds()
	w := &b.results.Writes
	var took []time.Duration
	for began := time.Now(); time.Since(began) < measured || len(took)%2 > 0; { // enabled at the end
		disabled := len(took)%2 == 0
		sent := time.Now()
		if err := patch(admin, address, fmt.Sprintf(`{"disabled": %v}`, disabled)); err != nil {
			return err
		}
		took = append(took, time.Since(sent))
		action, err := policy.ask(address, len(took))
		if err != nil {
			return err
		}
		w.Asked++
		if strings.HasPrefix(action, "action=550 ") != disabled {
			w.Disobeyed++
		}
	}
	w.Single = append(w.Single, medianMicros(took))
	return nil
}
