package password

import (
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestCacheHits(t *testing.T) {
	c := NewCache(CacheSize)
	c.Add([]byte("hash"), Secret("secret"))
	for _, row := range []struct {
		name, hash, secret string
		want               bool
	}{
		{"what was added", "hash", "secret", true},
		{"another secret", "hash", "Secret", false},
		{"another hash", "hasH", "secret", false},
		{"same bytes, split earlier", "has", "hsecret", false},
		{"same bytes, split later", "hashs", "ecret", false},
		{"nothing", "", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := c.Hit([]byte(row.hash), Secret(row.secret)); got != row.want {
				t.Errorf("Hit(%q, %q) = %v, want %v", row.hash, row.secret, got, row.want)
			}
		})
	}
	if NewCache(CacheSize).Hit([]byte("hash"), Secret("secret")) {
		t.Error("another cache knows what this one was told")
	}
}

func TestCacheSwitchedOff(t *testing.T) {
	for name, c := range map[string]*Cache{"size 0": NewCache(0), "negative": NewCache(-1), "nil": nil, "zero": {}} {
		c.Add([]byte("hash"), Secret("secret"))
		if c.Hit([]byte("hash"), Secret("secret")) {
			t.Errorf("%s: a cache that is off remembers", name)
		}
	}
}

func TestCacheForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache(1)
		c.Add([]byte("hash"), Secret("secret"))
		time.Sleep(CacheTTL - time.Nanosecond)
		if !c.Hit([]byte("hash"), Secret("secret")) {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Nanosecond)
		if c.Hit([]byte("hash"), Secret("secret")) {
			t.Error("a hit made it live longer than an hour")
		}
		c.Add([]byte("hash"), Secret("secret"))
		if !c.Hit([]byte("hash"), Secret("secret")) {
			t.Error("not remembered when added again")
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCache(cacheWays) // one bucket
		for i := range 3 * cacheWays {
			time.Sleep(time.Second)
			c.Add(numbered(i), Secret("secret"))
		}
		for i := range 3 * cacheWays {
			if got, want := c.Hit(numbered(i), Secret("secret")), i >= 2*cacheWays; got != want {
				t.Errorf("entry %d of %d: Hit = %v, want %v", i, 3*cacheWays, got, want)
			}
		}
	})
}

func TestCacheHoldsAboutItsSize(t *testing.T) {
	c := NewCache(1024)
	for i := range 512 {
		c.Add(numbered(i), Secret("secret"))
	}
	hits := 0
	for i := range 512 {
		if c.Hit(numbered(i), Secret("secret")) {
			hits++
		}
	}
	if hits < 490 { // a few buckets of eight overflow at half load
		t.Errorf("%d of 512 are remembered by a cache for 1024", hits)
	}
}

func numbered(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }

func TestCacheConcurrently(t *testing.T) {
	c := NewCache(64)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				c.Add(numbered(i), Secret("secret"))
				if c.Hit(numbered(i), Secret("wrong")) {
					t.Error("a wrong secret hit")
				}
			}
		})
	}
	wg.Wait()
}
