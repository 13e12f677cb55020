// Demo runs a whole mail server for a moment and shows what gatepost does in it:
// it starts gatepostd, a real Postfix and a real Dovecot beside the system's
// own, plays demo.txt, and prints what was typed and what the servers answered.
// A reply that is not the expected one ends it with status 1, the dialogue and
// the logs. At its end nothing is left, unless the environment has KEEP=1.
//
// It is run by "make demo", in the folder of the source.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/rig"
	"github.com/gatepost/gatepost/e2e/scenario"
)

//go:embed demo.txt
var script string

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	out := newTranscript(os.Stdout)
	if err := demo(ctx, out, os.Getenv("KEEP") == "1"); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, out *transcript, keep bool) error {
	play, err := scenario.Parse("demo", script)
	if err != nil {
		return err
	}
	source, err := sourceFolder()
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := rig.Start(ctx, rig.Options{Bin: filepath.Join(source, "bin"), Docs: filepath.Join(source, "README.md")})
	if err != nil {
		return err
	}
	out.title(play.Title, r.Dir)
	if err := play.Run(ctx, r, out); err != nil {
		if ctx.Err() != nil {
			return errors.Join(errors.New("interrupted"), r.Stop())
		}
		tails := r.LogTails(20, nil)
		return errors.Join(fmt.Errorf("FAILED: %w\n\n%s", err, tails), r.Stop())
	}
	out.done(time.Since(began))
	if keep {
		out.kept(r)
		return r.Keep()
	}
	return r.Stop()
}

// sourceFolder is the closest one upwards with a go.mod.
func sourceFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return dir, err
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not started in the folder of gatepost's source")
		}
		dir = filepath.Dir(dir)
	}
}
