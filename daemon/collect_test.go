package daemon

import "testing"

// What long work needed is given back once, after it.
func TestCollectorReleases(t *testing.T) {
	var c collector
	c.settle()
	quiet := c.percent
	c.working(true)
	if c.released() {
		t.Error("memory is given back while work is being done")
	}
	if c.percent < quiet {
		t.Errorf("%d %% may be garbage while work is being done, %d %% before", c.percent, quiet)
	}
	c.working(false)
	if !c.released() || c.released() {
		t.Error("memory is not given back once")
	}
	if c.percent != quiet {
		t.Errorf("%d %% may be garbage afterwards, %d %% before", c.percent, quiet)
	}
}

func TestCollectAtBusy(t *testing.T) {
	for live, want := range map[uint64]int{0: 3200, 32 << 20: 400, 128 << 20: 100, 256 << 20: 50, 320 << 20: 20, 368 << 20: 8, 512 << 20: 10} {
		if got := collectAt(live, true); got != want {
			t.Errorf("collectAt(%d MB) = %d %%, want %d %%", live>>20, got, want)
		}
	}
}

func TestCollectAt(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 5 << 20: 100, 32 << 20: 100, 64 << 20: 50, 160 << 20: 20, 1 << 30: 10} {
		if got := collectAt(live, false); got != want {
			t.Errorf("collectAt(%d MB) = %d %%, want %d %%", live>>20, got, want)
		}
	}
}
