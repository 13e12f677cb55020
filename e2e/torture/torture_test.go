package main

import (
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	os.Exit(m.Run())
}

// A little of every case; `go run ./e2e/torture` does all of it.
func TestTorture(t *testing.T) {
	little := &torture{Dir: t.TempDir(), Seed: uint64(time.Now().Unix()), Rounds: 4, Cuts: 3, Flips: 6, Removals: 5, Steps: 3, Fills: 1, Full: 2 * time.Second, Batches: 3, Crowd: 12_000}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := c.run(t.Context(), little)
			if !r.ok() {
				t.Errorf("%s: %d changes acknowledged in %d rounds, %d lost: %s", r.name, r.acknowledged, r.rounds, r.lost, r.failure)
			}
			t.Log(r.rounds, "rounds,", r.acknowledged, "acknowledged changes,", r.lost, "lost", r.notes)
		})
	}
}
