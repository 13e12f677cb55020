package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/population"
	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

const (
	batchTime   = 10 * time.Minute       // that a batch may take
	batchRounds = 5                      // at most: a million users take half a minute
	quietTime   = 5 * time.Second        // that is measured before a batch, and after it
	watchEvery  = 100 * time.Millisecond // memory and status
)

// batches adds many users in one go, with the real gatepostctl, while others ask.
func (b *benchmark) batches(ctx context.Context) error {
	sizes := []int{100_000, 1_000_000}
	if b.options.quick {
		sizes = sizes[:1]
	}
	for _, n := range sizes {
		file := filepath.Join(b.dir, fmt.Sprint("users-", n))
		if err := writeBatch(file, n); err != nil {
			return err
		}
		r := &report.Batch{Users: n, Reported: true}
		b.results.Batches = append(b.results.Batches, r)
		for range min(b.options.rounds, batchRounds) {
			if err := b.batch(ctx, r, file); err != nil {
				return fmt.Errorf("%d users: %w", n, err)
			}
			b.say("%d users in %.1f s", n, r.Took[len(r.Took)-1])
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// writeBatch writes a file for gatepostctl, with users who are not there yet.
func writeBatch(name string, users int) (err error) {
	hash, err := population.Hash()
	if err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(file)
	for i := range users {
		address := "n" + few.Address(i)[1:]
		fmt.Fprintf(out, `{"address":%q,"password_hash":%q,"display_name":"New User %d","quota":"1G"}`+"\n", address, hash, i)
	}
	return out.Flush()
}

// batch adds the users of a file once, to a directory of its own.
func (b *benchmark) batch(ctx context.Context, r *report.Batch, file string) (err error) {
	s, err := b.startFresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(s), os.RemoveAll(filepath.Join(s.dir, "state"))) }()
	if err := s.rest(); err != nil {
		return err
	}
	quiet, err := b.measureFor(ctx, s, quietTime, nil)
	if err != nil {
		return err
	}
	r.Before = append(r.Before, process.Held(s.pids).Anonymous)
	watch := watchServer(s)
	during, err := b.duringBatch(ctx, watch, r, file)
	if err != nil {
		return errors.Join(err, watch.end(r))
	}
	after, err := b.measureFor(ctx, s, quietTime, nil)
	r.Quiet, r.During, r.After = append(r.Quiet, quiet), append(r.During, during), append(r.After, after)
	return errors.Join(err, watch.end(r))
}

// startFresh starts gatepostd on a copy of the smallest directory.
func (b *benchmark) startFresh(ctx context.Context) (*server, error) {
	dir, err := os.MkdirTemp(b.dir, "gp")
	if err != nil {
		return nil, err
	}
	s := &server{name: "gatepost", dir: dir, users: few, gatepost: true}
	state := filepath.Join(dir, "state")
	if out, err := exec.CommandContext(ctx, "cp", "-a", b.state(few), state).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the directory: %w: %s", err, out)
	}
	file, err := s.configure(state)
	if err != nil {
		return nil, err
	}
	return s, s.start(exec.CommandContext(ctx, b.daemon, "--config", file))
}

// measureFor measures the policy door, until stop is closed or for a time.
func (b *benchmark) measureFor(ctx context.Context, s *server, most time.Duration, stop <-chan struct{}) (report.Sample, error) {
	_, warmup := b.options.seconds()
	m := meter{server: s}
	r, err := load.Run(ctx, load.Plan{Network: "unix", Address: s.socket("policy"), Conns: 64, Rate: report.OpenRate,
		Dialogue: func(i int) load.Dialogue { return traffic.NewPolicy(few, false, i) },
		Warmup:   warmup, Duration: most, Stop: stop, Begin: m.begin, End: m.end})
	if err = errors.Join(err, m.err); err != nil {
		return report.Sample{}, err
	}
	return m.sample(r), nil
}

// duringBatch measures the policy door from the start of gatepostctl to its end.
func (b *benchmark) duringBatch(ctx context.Context, w *watch, r *report.Batch, file string) (report.Sample, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, b.ctl, "--socket", w.server.socket("admin"), "user", "add", "--batch", file)
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return report.Sample{}, err
	}
	w.pid.Store(int64(cmd.Process.Pid))
	ended := make(chan struct{})
	var failed error
	go func() { // ends with gatepostctl; measureFor ends after it
		defer close(ended)
		failed = cmd.Wait()
		r.Took = append(r.Took, time.Since(began).Seconds())
	}()
	sample, err := b.measureFor(ctx, w.server, batchTime, ended)
	<-ended
	if failed != nil {
		err = errors.Join(fmt.Errorf("gatepostctl: %w: %s", failed, &said), err)
	}
	return sample, err
}

// watch looks at a server while users are added.
type watch struct {
	server *server
	client *http.Client
	pid    atomic.Int64 // of gatepostctl
	stop   chan struct{}
	done   sync.WaitGroup

	peak, ctlPeak int64 // bytes of the server and of gatepostctl
	worst         time.Duration
	reported      bool // status told of the batch
	err           error
}

func watchServer(s *server) *watch {
	w := &watch{server: s, client: over(s.socket("admin")), stop: make(chan struct{})}
	w.done.Go(w.run)
	return w
}

func (w *watch) run() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for w.err == nil {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.peak = max(w.peak, process.Held(w.server.pids).Anonymous)
			w.ctlPeak = max(w.ctlPeak, process.Held([]int{int(w.pid.Load())}).Resident)
			w.err = w.status()
		}
	}
}

// status asks what the daemon is at.
func (w *watch) status() error {
	began := time.Now()
	r, err := w.client.Get("http://gatepost/v1/status")
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	var said command.Server
	if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
		return err
	}
	w.worst = max(w.worst, time.Since(began))
	for _, work := range said.Work {
		w.reported = w.reported || work.Command == command.UserBatch.Name && work.Users > 0
	}
	return nil
}

// end notes what was seen.
func (w *watch) end(r *report.Batch) error {
	close(w.stop)
	w.done.Wait()
	w.client.CloseIdleConnections()
	r.Peak, r.Client = append(r.Peak, w.peak), append(r.Client, w.ctlPeak)
	r.Status = append(r.Status, float64(w.worst)/1e6)
	r.Reported = r.Reported && w.reported
	return w.err
}
