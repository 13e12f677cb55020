package daemon

import "testing"

func TestCollectAt(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 5 << 20: 100, 32 << 20: 100, 64 << 20: 50, 160 << 20: 20, 1 << 30: 10} {
		if got := collectAt(live); got != want {
			t.Errorf("collectAt(%d MB) = %d %%, want %d %%", live>>20, got, want)
		}
	}
}
