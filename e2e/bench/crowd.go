package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/report"
)

// crowdConns are open while a further client asks; every second one has sent
// half a request, and every second of those a large half.
const crowdConns = 10_000

const halfRequest = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ES"

// largeHalf returns half a request of about 16 KiB, of attributes that each keep
// to what gatepostd takes.
func largeHalf() string {
	var b strings.Builder
	b.WriteString("request=smtpd_access_policy\nprotocol_state=RCPT\n")
	for i := range 8 {
		fmt.Fprintf(&b, "attribute%d=%s\n", i, strings.Repeat("x", 2000))
	}
	b.WriteString("protocol_name=ES")
	return b.String()
}

// crowd measures a further client's latency while many connections do nothing.
// Half a request is cut off after some seconds, so each round makes them anew.
func (b *benchmark) crowd(ctx context.Context, s *server) error {
	if err := s.resume(); err != nil {
		return err
	}
	c := &b.results.Crowd
	c.Conns, c.HalfSent, c.Large, c.Users = crowdConns, crowdConns/2, len(largeHalf()), s.users.Count
	further := s.askPolicy("further client", s.users, 1)
	further.run.Pinned = false
	for round := range b.options.rounds {
		conns, err := gather(ctx, s.socket("policy"))
		if err == nil {
			var sample report.Sample
			if sample, err = b.measure(ctx, further, uint64(round)); err == nil {
				c.Samples = append(c.Samples, sample)
				c.Anonymous = max(c.Anonymous, process.Held(s.pids).Anonymous)
			}
		}
		closeAll(conns)
		if err != nil {
			return fmt.Errorf("many connections: %w", err)
		}
	}
	return nil
}

func gather(ctx context.Context, socket string) ([]net.Conn, error) {
	halves := [...]string{halfRequest, largeHalf()}
	var conns []net.Conn
	for i := range crowdConns {
		conn, err := load.Dial(ctx, "unix", socket)
		if err != nil {
			return conns, err
		}
		conns = append(conns, conn)
		if i%2 == 0 {
			continue
		}
		if _, err := io.WriteString(conn, halves[i/2%2]); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}
