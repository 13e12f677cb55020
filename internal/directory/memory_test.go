package directory

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/internal/quota"
)

func userValue(revision Revision, padding int) []byte {
	w := newWriter(header{kind: KindUser, services: AllServices, revision: revision, created: 1})
	w.text(tagForward, string(make([]byte, padding)))
	return w.bytes()
}

// box numbers a record's mailbox.
func box(n quota.Mailbox) func(Record) quota.Mailbox { return func(Record) quota.Mailbox { return n } }

// Whatever is put and deleted, memory holds what a plain map holds.
func TestMemoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		model := map[string]Revision{}
		for step := range rapid.IntRange(1, 2000).Draw(t, "steps") {
			key := fmt.Sprintf("u%d@example.test", rapid.IntRange(0, 300).Draw(t, "key"))
			if rapid.IntRange(0, 3).Draw(t, "op") == 0 {
				if got, want := m.delete([]byte(key)).Exists(), model[key] != 0; got != want {
					t.Fatalf("delete(%s) found %v, want %v", key, got, want)
				}
				delete(model, key)
				continue
			}
			if rapid.IntRange(0, 100).Draw(t, "settle") == 0 {
				m.settle()
			}
			r := Revision(step + 1)
			m.put([]byte(key), userValue(r, rapid.IntRange(0, 3000).Draw(t, "padding")), box(quota.Mailbox(step)))
			model[key] = r
		}
		seen := 0
		for r := range m.all() {
			seen++
			if model[string(r.Key())] != r.Revision() {
				t.Fatalf("%s at revision %d, want %d", r.Key(), r.Revision(), model[string(r.Key())])
			}
		}
		if seen != len(model) || m.counts[KindUser].Load() != int64(len(model)) {
			t.Fatalf("all yields %d, count says %d, want %d", seen, m.counts[KindUser].Load(), len(model))
		}
		for key, r := range model {
			if got := m.get([]byte(key)); got.Revision() != r {
				t.Fatalf("get(%s) at revision %d, want %d", key, got.Revision(), r)
			}
		}
	})
}

// Among very many names, some of which look alike in the index, each is found and no
// other is.
func TestMemoryTellsNamesApart(t *testing.T) {
	m := newMemory()
	key := func(i int) []byte { return fmt.Appendf(nil, "u%d@example.test", i) }
	const users = 100_000
	for i := range users {
		m.put(key(i), userValue(Revision(i+1), 0), box(1))
	}
	for i := range 2 * users {
		r := m.get(key(i))
		if i < users && r.Revision() != Revision(i+1) || i >= users && r.Exists() {
			t.Fatalf("get(%s) = %q at revision %d", key(i), r.Key(), r.Revision())
		}
	}
}

// Records that readers hold stay what they were while the writer replaces,
// deletes, grows and compacts; keys that are never deleted are always found.
func TestMemoryReadersDuringWrites(t *testing.T) {
	m := newMemory()
	key := func(i int) []byte { return fmt.Appendf(nil, "u%d@example.test", i) }
	for i := range 500 {
		m.put(key(i), userValue(1, i), box(1))
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := rand.IntN(500)
				m.prefetch([][]byte{key(i), key(i + 500), []byte("@example.test"), {}, nil})
				r := m.get(key(i))
				if !r.Exists() || string(r.Key()) != string(key(i)) || r.User().CreatedRevision() != 1 {
					t.Errorf("get(%s) = %q at %d", key(i), r.Key(), r.Revision())
					return
				}
				held := string(r.b)
				for other := range m.all() {
					if other.Kind() != KindUser {
						t.Errorf("all yields %q of kind %v", other.Key(), other.Kind())
						return
					}
				}
				if held != string(r.b) {
					t.Errorf("record of %s changed while it was held", key(i))
					return
				}
			}
		})
	}
	for step := range 20_000 {
		m.put(key(rand.IntN(500)), userValue(Revision(step+2), rand.IntN(200)), box(1))
		m.put(key(500+step%300), userValue(Revision(step+2), 10), box(1))
		m.delete(key(500 + (step+150)%300))
	}
	close(stop)
	readers.Wait()
}

// Names are prepared whatever they are and however many, without an allocation.
func TestMemoryPrefetch(t *testing.T) {
	m := newMemory()
	names := [][]byte{nil, {}, []byte("@"), {0xff, 0}}
	for i := range 3 * prefetched {
		names = append(names, fmt.Appendf(nil, "u%d@example.test", i))
		if i%2 == 0 {
			m.put(names[i+4], userValue(1, i%100), box(1)) // short ones and long ones
		}
	}
	m.delete(names[4])
	for n := range names {
		if allocs := testing.AllocsPerRun(1, func() { m.prefetch(names[:n]) }); allocs != 0 {
			t.Errorf("%v allocations for %d names", allocs, n)
		}
	}
	empty := m.get(names[5])
	if r := m.get(names[6]); !r.Exists() || empty.Exists() {
		t.Errorf("after that get(%s) = %q and get(%s) = %q", names[6], r.Key(), names[5], empty.Key())
	}
}

// A directory that is rewritten for ever does not grow for ever.
func TestMemoryReclaims(t *testing.T) {
	m := newMemory()
	for step := range 100_000 {
		m.put(fmt.Appendf(nil, "u%d@example.test", step%100), userValue(Revision(step+1), 50), box(1))
	}
	total := 0
	for i := range m.shards {
		for _, chunk := range *m.shards[i].gen.Load().chunks.Load() {
			total += len(chunk)
		}
	}
	if limit := len(m.shards) * 4 * minChunk; total > limit {
		t.Errorf("100 users rewritten 1000 times take %d bytes, want at most %d", total, limit)
	}
}

// Nor does what was deleted stay, though nothing is written afterwards.
func TestMemoryReclaimsDeleted(t *testing.T) {
	m := newMemory()
	const users = 20_000
	for i := range users {
		m.put(fmt.Appendf(nil, "u%d@example.test", i), userValue(1, 50), box(1))
	}
	for i := range users {
		m.delete(fmt.Appendf(nil, "u%d@example.test", i))
	}
	total := 0
	for i := range m.shards {
		g := m.shards[i].gen.Load()
		total += len(g.slots) * 8
		for _, chunk := range *g.chunks.Load() {
			total += len(chunk)
		}
	}
	if limit := len(m.shards) * 4 * minChunk; total > limit {
		t.Errorf("%d users who were deleted take %d bytes, want at most %d", users, total, limit)
	}
}

// However many of the users were changed, their records take at most twice as much as
// before, and what the last chunks leave free.
func TestMemoryBytesOfChanged(t *testing.T) {
	m := newMemory()
	const users = 20_000
	put := func(i int) { m.put(fmt.Appendf(nil, "u%05d@example.test", i), userValue(1, 100), box(1)) }
	size := func() (bytes int) {
		for i := range m.shards {
			for _, chunk := range *m.shards[i].gen.Load().chunks.Load() {
				bytes += len(chunk)
			}
		}
		return bytes
	}
	for i := range users {
		put(i)
	}
	fresh, most := size(), 0
	for i := range 3 * users {
		if put(i % users); i%500 == 0 {
			most = max(most, size())
		}
	}
	if most > fresh*21/10 {
		t.Errorf("records of changed users take up to %d bytes, of fresh ones %d", most, fresh)
	}
}

func TestMemoryBytesPerUser(t *testing.T) {
	for _, row := range []struct {
		name, hash string
		limit      float64 // bytes beyond the address and the hash's text
	}{
		{"a hash that gatepost makes", "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyEhIQ$dGhpcnR5LXR3byBieXRlcyBvZiBhIGtleSwgbm90IG8", 8},
		{"another hash", "$6$rounds=5000$saltsaltsaltsalt$" + strings.Repeat("x", 86), 58},
	} {
		scheme := map[bool]string{true: "{ARGON2ID}", false: "{SHA512-CRYPT}"}[strings.HasPrefix(row.hash, "$argon")]
		if per := bytesPerUser(scheme+row.hash) - float64(len(row.hash)); per > row.limit {
			t.Errorf("%s: %.1f bytes a user beyond address and hash, want at most %v", row.name, per, row.limit)
		} else {
			t.Logf("%s: %.1f bytes a user beyond address and hash", row.name, per)
		}
	}
}

// bytesPerUser returns how much memory a user takes beyond the address.
func bytesPerUser(hash string) float64 {
	m := newMemory()
	const users = 100_000
	total := 0
	for i := range users {
		w := newWriter(header{kind: KindUser, revision: Revision(i), created: Revision(i)})
		w.field(tagCredential, string(Credential{Services: AllServices, Hash: hash}.append(nil)))
		key := fmt.Appendf(nil, "user%06d@example.test", i)
		total -= len(key)
		m.put(key, w.bytes(), box(1))
	}
	m.settle()
	for i := range m.shards {
		g := m.shards[i].gen.Load()
		total += len(g.slots) * 8
		for _, chunk := range *g.chunks.Load() {
			total += len(chunk)
		}
	}
	return float64(total) / users
}

func BenchmarkGet(b *testing.B) {
	for _, users := range []int{1_000, 100_000, 1_000_000} {
		m := newMemory()
		keys := make([][]byte, users)
		for i := range keys {
			keys[i] = fmt.Appendf(nil, "user%07d@example.test", i)
			m.put(keys[i], userValue(1, 100), box(1))
		}
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			b.ReportAllocs()
			rng := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				if !m.get(keys[rng.IntN(users)]).Exists() {
					b.Fatal("not found")
				}
			}
		})
	}
}
