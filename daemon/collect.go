package daemon

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// garbage is how much of it may come together before a collection. Go's default
// is as much as there is live memory, which with a million users is 150 MB; what
// is live is bytes without pointers, so that a collection of it costs next to
// nothing.
//
// A million users that are read from a batch leave 3 GB of garbage, and each
// collection stops everybody for a moment. So there may be more of it while long
// work is being done, as long as all of it together is not more than what such a
// batch needs at its end.
const (
	garbage     = 32 << 20
	garbageBusy = 128 << 20
	heapBusy    = 384 << 20
)

// lookEvery is how often it is looked how much is live. A batch makes a heap ten
// times as large within seconds: at the percentage that was right before it, it
// would grow to the double of that.
const lookEvery = time.Second

// collector says when to collect.
type collector struct {
	mu      sync.Mutex // guards the fields below
	busy    bool       // long work is being done
	release bool       // it has been done: give back what it needed
	percent int        // that is in force; 0: not ours
}

// settle gives back what only the load needed, and says when to collect.
func (c *collector) settle() {
	debug.FreeOSMemory()
	c.look()
}

// working notes whether long work is being done.
func (c *collector) working(busy bool) {
	c.mu.Lock()
	c.busy, c.release = busy, !busy
	c.mu.Unlock()
	c.look()
}

// run says anew when to collect, as what is live changes, until ctx ends.
func (c *collector) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if c.released() {
				debug.FreeOSMemory()
			}
			c.look()
		}
	}
}

// released reports whether long work has ended since it was asked last.
func (c *collector) released() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	released := c.release
	c.release = false
	return released
}

// look says when to collect, if that is not nearly what is in force: it stops
// everybody for a moment.
func (c *collector) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	want := collectAt(liveBytes(), c.busy)
	if want > c.percent*5/4 || want < c.percent*4/5 {
		debug.SetGCPercent(want)
		c.percent = want
	}
}

// liveBytes returns how much was live at the last collection.
func liveBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if v := sample[0].Value; v.Kind() == metrics.KindUint64 {
		return v.Uint64()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// collectAt returns how many percent of the live memory may be garbage.
func collectAt(live uint64, busy bool) int {
	if busy && live < heapBusy {
		return int(max(garbage, min(garbageBusy, heapBusy-live)) * 100 / max(4<<20, live))
	}
	return int(min(100, max(10, garbage*100/max(1, live))))
}
