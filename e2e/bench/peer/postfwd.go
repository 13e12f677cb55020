package peer

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// postfwdRules are few and cheap, and none of them applies.
const postfwdRules = `id=R1; sender==blocked@dom000.test; action=REJECT blocked
id=R2; recipient==closed@dom000.test; action=REJECT closed
id=R3; sasl_username==disabled@dom000.test; action=REJECT disabled
id=R4; size=100000000; action=REJECT too large
`

func startPostfwd(ctx context.Context, dir string) (*Peer, error) {
	path, err := installed("postfwd1")
	if err != nil {
		return nil, err
	}
	rules := filepath.Join(dir, "rules")
	if err := os.WriteFile(rules, []byte(postfwdRules), 0o644); err != nil {
		return nil, err
	}
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	pid := filepath.Join(dir, "pid")
	s, err := process.Daemon(filepath.Join(dir, "log"), pid, exec.CommandContext(ctx, path[0], "--daemon",
		"--interface", host, "--port", port, "--user", "nobody", "--group", "nogroup", "--pidfile", pid,
		"--file", rules, "--nodns", "--norulelog", "--cache", "0", "--perfmon"))
	if err != nil {
		return nil, err
	}
	if s, err = await(s, "tcp", address); err != nil {
		return nil, err
	}
	return policyPeer(s, "tcp", address, traffic.Users{Count: 100}), nil
}
