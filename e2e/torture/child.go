package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
)

// childVariable tells a process of this program that it is a child, and what
// to do, in JSON.
const childVariable = "GATEPOST_TORTURE_CHILD"

// orders are what a child has to do.
type orders struct {
	Mode    string // "write" or "look"
	Dir     string // the state directory
	Seed    uint64
	Writers []uint64      // for each writer, its next command
	Pause   time.Duration // of a writer after each command
	Now     time.Time     // where its clock begins; zero: it stands at noon
	Quiet   time.Duration // for which it only serves
	Full    bool          // there is no room on the disk
	Hold    time.Duration // after which no sync of the journal ends any more; 0: never
}

// clock returns the clock that a child goes by: one that is set goes a day in
// some milliseconds, until the child has had its days.
func (o orders) clock() func() time.Time {
	if o.Now.IsZero() {
		return noon
	}
	began := time.Now()
	return func() time.Time { return o.Now.Add(min(time.Since(began)*time.Duration(day/daily), lifespan)) }
}

// child carries out the orders, if this process is a child, and says whether it
// is.
func child() bool {
	text := os.Getenv(childVariable)
	if text == "" {
		return false
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	run := map[string]func(context.Context, orders, io.Writer) error{"write": write, "look": look}[o.Mode]
	if err := run(ctx, o, os.NewFile(3, "answers")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// write gives commands until it is killed, and tells what became of each: "a
// writer command revision" of an acknowledged one, "r writer command" of a refused
// one, "u" of one whose outcome is unknown, "x writer command reason" of one that
// the store did not take. It tells what can be seen ([state.tellServed], watch),
// "o" when all of what it found is served, "h reason" when syncs are held, or why
// they are not, and "t reason" of other trouble.
func write(ctx context.Context, o orders, answers io.Writer) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	now := o.clock()
	s, err := openState(ctx, o.Dir, log, now)
	if err != nil {
		return err
	}
	seen, err := s.tellServed(ctx, len(o.Writers), answers)
	if err != nil {
		return errors.Join(err, s.close())
	}
	fmt.Fprintln(answers, "o")
	var all sync.WaitGroup
	for number, next := range o.Writers {
		next = max(next, seen[number]+1) // a command may have been durable when its writer died
		all.Go(func() { give(ctx, s, o, writer{o.Seed, number}, next, answers) })
	}
	all.Go(func() { watch(ctx, s, seen, answers) })
	if !o.Full {
		all.Go(func() { telemetry(ctx, s, now, answers) })
	}
	if o.Hold > 0 {
		pause(ctx, o.Hold)
		reason := ""
		if err := holdSyncs(); err != nil {
			reason = err.Error()
		}
		fmt.Fprintf(answers, "h %q\n", reason)
	}
	all.Wait()
	return s.close()
}

// give gives one writer's commands, one after the other.
func give(ctx context.Context, s *state, o orders, w writer, k uint64, answers io.Writer) {
	for pause(ctx, o.Quiet); ctx.Err() == nil; k++ {
		cause := directory.Cause{Actor: "torture", Command: "torture", Request: name(w.number, k)}
		revision, err := s.directory.Update(ctx, cause, w.command(k))
		switch {
		case err == nil:
			fmt.Fprintf(answers, "a %d %d %d\n", w.number, k, revision) // one write, so lines are whole
		case ctx.Err() != nil:
		case refused(err):
			fmt.Fprintf(answers, "r %d %d\n", w.number, k)
		case errors.Is(err, directory.ErrUnknown):
			fmt.Fprintf(answers, "u %d %d\n", w.number, k)
		default:
			fmt.Fprintf(answers, "x %d %d %.300q\n", w.number, k, err)
			pause(ctx, 20*time.Millisecond)
		}
		pause(ctx, o.Pause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// telemetry is what else goes on in a daemon: usage and snapshots are written, and
// the journal is pruned.
func telemetry(ctx context.Context, s *state, now func() time.Time, answers io.Writer) {
	for ctx.Err() == nil {
		pause(ctx, 30*time.Millisecond)
		err := errors.Join(s.store.SaveUsage(usage(rand.IntN(50))), s.store.Snapshot(ctx))
		_, pruneErr := s.store.Prune(ctx, retention, now())
		if err = errors.Join(err, pruneErr); err != nil && ctx.Err() == nil {
			fmt.Fprintf(answers, "t %.300q\n", err)
		}
	}
}

// usage makes up the usage of some mailboxes.
func usage(n int) []store.Usage {
	var list []store.Usage
	for i := range n {
		list = append(list, store.Usage{Address: fmt.Sprintf("u%d@w0.test", i), Created: 1,
			Usage: quota.Usage{Bytes: int64(i) << 20, Messages: uint32(i), Measured: epoch}})
	}
	return list
}
