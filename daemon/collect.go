package daemon

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// garbage is how much of it may come together before a collection. Go's default
// is as much as there is live memory, which with a million users is 150 MB; what
// is live is bytes without pointers, so that a collection of it costs next to
// nothing.
const garbage = 32 << 20

// settle gives back what only the load needed, and says when to collect.
func settle() {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(collectAt(m.HeapAlloc))
}

// lookEvery is how often it is looked how much is live. A batch makes a heap ten
// times as large within seconds: at the percentage that was right before it, it
// would grow to the double of that.
const lookEvery = time.Second

// keepCollecting says anew when to collect, as what is live changes, until ctx
// ends.
func keepCollecting(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}} // at the last collection
	for now := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			metrics.Read(live)
			if want := collectAt(live[0].Value.Uint64()); want > now*5/4 || want < now*4/5 {
				debug.SetGCPercent(want) // stops the world for a moment
				now = want
			}
		}
	}
}

// collectAt returns how many percent of the live memory may be garbage.
func collectAt(live uint64) int { return int(min(100, max(10, garbage*100/max(1, live)))) }
