package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	servers "github.com/gatepost/gatepost/e2e/bench/process"
)

// somePassword is everybody's.
const somePassword = "{SHA512-CRYPT}$6$rounds=1000$gatepost$bJ8fBDINg6MAKToV1hgIgp4G4z6zbVIljlqVHVqj41L2r72Qd62CJWvXoRfDBBC28DMw0JD9sP.0/r2S8DJpQ0"

// batches kills the real gatepostd while the real gatepostctl adds a batch of
// users, at a random moment, starts it again, and counts: all of the file must be
// there or none, and gatepostctl must not have said otherwise.
func batches(ctx context.Context, t *torture) *result {
	r := &result{name: "kill -9 in a batch of gatepostctl"}
	dir := filepath.Join(t.Dir, "batch")
	p := &programs{dir: dir, state: filepath.Join(dir, "state"), users: t.Crowd}
	if err := p.rounds(ctx, t, r); err != nil && ctx.Err() == nil {
		r.fail("%v", err)
	}
	if p.server != nil {
		_ = p.server.Stop()
	}
	if r.failure == "" {
		_ = os.RemoveAll(p.dir)
	}
	r.note("%d users each: %d times all of them, %d times none; gatepostctl knew that they were added %d times, that they were not %d times, and that it did not know %d times",
		p.users, p.all, p.none, p.added, p.nothing, p.unknown)
	return r
}

// programs are the real ones, in a directory with everything they need.
type programs struct {
	dir    string
	state  string // the state directory
	users  int
	server *servers.Server
	whole  time.Duration // that a batch takes

	all, none               int // what was there afterwards
	added, nothing, unknown int // what gatepostctl said
}

func (p *programs) rounds(ctx context.Context, t *torture, r *result) error {
	if err := p.build(ctx); err != nil {
		return err
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	for round := range t.Batches + 1 {
		if ctx.Err() != nil {
			return nil
		}
		if err := p.round(ctx, round, round > 0); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		r.rounds++
	}
	r.acknowledged = p.added
	return nil
}

func (p *programs) path(name string) string { return filepath.Join(p.dir, name) }

// build builds both programs and writes the configuration.
func (p *programs) build(ctx context.Context) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", p.dir, "github.com/gatepost/gatepost/cmd/gatepostd", "github.com/gatepost/gatepost/cmd/gatepostctl").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "state_dir = %q\n[mail]\nuid = 5000\ngid = 5000\n", p.state)
	for _, door := range []string{"policy", "socketmap", "auth", "auth-master", "quota", "admin", "metrics"} {
		fmt.Fprintf(&text, "[[listen]]\ndoor = %q\naddress = %q\nmode = \"0600\"\ngroup = %d\n", door, "unix:"+p.path(door), os.Getegid())
	}
	return os.WriteFile(p.path("config"), []byte(text.String()), 0o600)
}

// start starts gatepostd and waits until it is ready.
func (p *programs) start(ctx context.Context) (err error) {
	p.server, err = servers.Start(p.path("log"), exec.CommandContext(ctx, p.path("gatepostd"), "--config", p.path("config"), "--log-format", "text"))
	if err != nil {
		return err
	}
	return p.server.AwaitLog(2*time.Minute, "msg=ready")
}

// ctl returns a command of gatepostctl.
func (p *programs) ctl(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, p.path("gatepostctl"), append([]string{"--socket", p.path("admin")}, args...)...)
}

func (p *programs) run(ctx context.Context, args ...string) (string, error) {
	out, err := p.ctl(ctx, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("gatepostctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// round adds users to a domain of its own, and perhaps kills gatepostd meanwhile.
func (p *programs) round(ctx context.Context, number int, kill bool) error {
	domain := fmt.Sprintf("r%d.test", number)
	if _, err := p.run(ctx, "domain", "add", domain); err != nil {
		return err
	}
	if err := p.write(domain); err != nil {
		return err
	}
	var said bytes.Buffer
	batch := p.ctl(ctx, "user", "add", "--batch", p.path("users"))
	batch.Stdout, batch.Stderr = &said, &said
	began := time.Now()
	if err := batch.Start(); err != nil {
		return err
	}
	if kill {
		if err := p.killSoon(); err != nil {
			return errors.Join(err, batch.Wait())
		}
	}
	failed := batch.Wait()
	if !kill {
		p.whole = time.Since(began)
	} else if err := p.start(ctx); err != nil {
		return err
	}
	return p.compare(ctx, domain, failed, said.String())
}

// write writes the file of a round.
func (p *programs) write(domain string) error {
	var text bytes.Buffer
	for i := range p.users {
		fmt.Fprintf(&text, `{"address":"u%d@%s","display_name":"Number %d","password_hash":%q}`+"\n", i, domain, i, somePassword)
	}
	return os.WriteFile(p.path("users"), text.Bytes(), 0o600)
}

// killSoon kills gatepostd at a random moment of a batch, or a little later.
func (p *programs) killSoon() error {
	time.Sleep(time.Duration(rand.Int64N(int64(p.whole * 5 / 4))))
	if err := p.server.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	return p.server.Stop()
}

// compare counts the users of a round, and compares that with what gatepostctl
// said of them.
func (p *programs) compare(ctx context.Context, domain string, failed error, said string) error {
	list, err := p.run(ctx, "--json", "user", "list", "--domain", domain)
	if err != nil {
		return err
	}
	there := strings.Count(list, `"address":`)
	switch there {
	case p.users:
		p.all++
	case 0:
		p.none++
	default:
		return fmt.Errorf("%d of %d users are there: a part of the batch", there, p.users)
	}
	want := there
	switch {
	case failed == nil:
		p.added++
		want = p.users
	case strings.Contains(said, "nothing was changed"), strings.Contains(said, "connect to "):
		p.nothing++
		want = 0
	case strings.Contains(said, "unknown outcome") && strings.Contains(said, "user show ADDRESS"):
		p.unknown++
	default:
		return fmt.Errorf("gatepostctl does not say what is known: %w: %s", failed, said)
	}
	if there != want {
		return fmt.Errorf("%d users are there, and gatepostctl said: %v %s", there, failed, said)
	}
	return nil
}
