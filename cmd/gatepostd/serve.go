package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/daemon"
	"github.com/gatepost/gatepost/internal/config"
)

// endWithin is how long everything may take from the signal to the end: 3.6 s
// for logins, which other doors do not notice, 0.4 s for those, 1 s for the
// store. Postfix waits 10 s for the next process.
const endWithin = 5 * time.Second

// serve runs the daemon until a signal. dropped says how many lines log has
// dropped.
func serve(c call, log *slog.Logger, dropped func() int64) int {
	syscall.Umask(0o077) // what the database makes has password hashes; sockets are given their modes
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	loaded, err := config.Load(c.config, c.optional)
	if err != nil {
		logMistakes(log, slog.LevelError, "the configuration cannot be used", c.config, err)
		return exitFailed
	}
	d, err := start(signals, daemon.Options{Config: loaded, Version: versionNumber(), Log: log, DroppedLines: dropped})
	switch {
	case errors.Is(err, context.Canceled):
		log.Info("ended while starting")
		return exitDone
	case err != nil:
		logMistakes(log, slog.LevelError, "gatepost cannot start", c.config, err)
		return exitFailed
	}
	log.Info("ready", "version", versionNumber(), "config", c.config)
	code := exitDone
	for ending := false; !ending; {
		select {
		case err := <-d.Failed():
			log.Error("ending by itself", "err", err)
			code, ending = exitFailed, true
		case s := <-signals:
			if ending = s != syscall.SIGHUP; !ending {
				reload(d, c, log)
			}
		}
	}
	return max(code, end(d, signals, log))
}

// start starts the daemon. A signal meanwhile, other than SIGHUP, stops it, and
// the error is context.Canceled.
func start(signals <-chan os.Signal, o daemon.Options) (*daemon.Daemon, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started := make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() {
		for {
			select {
			case <-started:
				return
			case s := <-signals:
				if s != syscall.SIGHUP {
					cancel()
				}
			}
		}
	})
	d, err := daemon.Start(ctx, o)
	close(started)
	listening.Wait()
	if err == nil && ctx.Err() != nil { // the signal came too late to stop the start
		end, cancel := context.WithTimeout(context.Background(), endWithin)
		defer cancel()
		return nil, errors.Join(ctx.Err(), d.Shutdown(end))
	}
	return d, err
}

// reload takes over what the file says by now. A bad one changes nothing.
func reload(d *daemon.Daemon, c call, log *slog.Logger) {
	loaded, err := config.Load(c.config, c.optional)
	if err == nil {
		err = d.Reload(loaded)
	}
	if err != nil {
		log.Error("the configuration stays as it was: the file cannot be used", "config", c.config)
		logMistakes(log, slog.LevelError, "the configuration cannot be used", c.config, err)
	}
}

// end drains the daemon. Another signal ends the process at once, and so does
// endWithin: what was acknowledged is durable.
func end(d *daemon.Daemon, signals <-chan os.Signal, log *slog.Logger) int {
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.Shutdown(ctx) }() // we wait for it, or end the process
	for {
		select {
		case err := <-ended:
			if err != nil {
				log.Error("ended with trouble", "err", err)
				return exitFailed
			}
			log.Info("ended")
			return exitDone
		case <-ctx.Done():
			log.Error("ended at once: it took too long")
			return exitFailed
		case s := <-signals:
			if s != syscall.SIGHUP {
				log.Warn("ended at once by a second signal")
				return exitFailed
			}
		}
	}
}

// logMistakes logs an error: each mistake of a configuration by itself, anything
// else with the message, for it need not be the configuration's fault.
func logMistakes(log *slog.Logger, level slog.Level, message, file string, err error) {
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		log.Log(context.Background(), level, message, "config", file, "err", err)
		return
	}
	for _, m := range mistakes {
		log.Log(context.Background(), level, "mistake in the configuration", "config", file, "line", m.Line, "key", m.Key, "err", m.Text)
	}
}
