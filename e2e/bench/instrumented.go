package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/gatepost/gatepost/daemon"
	"github.com/gatepost/gatepost/internal/config"
)

// collectEvery is how often a garbage collection is forced.
const collectEvery = 200 * time.Millisecond

// serveInstrumented: CONFIG PROFILE. It is gatepostd, in a process that signals
// can ask for a collection and a profile.
func serveInstrumented(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("gatepostd: %d arguments", len(args))
	}
	c, err := config.Load(args[0], false)
	if err != nil {
		return err
	}
	ended := instrument(args[1], collectEvery)
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	d, err := daemon.Start(context.Background(), daemon.Options{Config: c, Version: "bench", Log: log})
	if err != nil {
		return err
	}
	fmt.Println(readyWord)
	select {
	case <-ended:
	case err = <-d.Failed():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, d.Shutdown(ctx))
}
