package daemon

import (
	"runtime"
	"runtime/debug"
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

// collectAt returns how many percent of the live memory may be garbage.
func collectAt(live uint64) int { return int(min(100, max(10, garbage*100/max(1, live)))) }
