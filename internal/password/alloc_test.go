//go:build !race

package password

import "testing"

// The race detector makes sync.Pool drop what it is given, so this is not
// asked under it.
func TestCacheHitDoesNotAllocate(t *testing.T) {
	c, hash, s := NewCache(CacheSize), []byte("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"+salt16+"$/"+key32), Secret("s3cret-passphrase-20")
	c.Add(hash, s)
	if n := testing.AllocsPerRun(1000, func() {
		if !c.Hit(hash, s) {
			t.Error("no hit")
		}
	}); n != 0 {
		t.Errorf("a hit allocates %v times, want 0", n)
	}
}
