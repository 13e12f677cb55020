package delegation

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newMemory() *memory { return &memory{seed: maphash.MakeSeed()} }

// held returns what is remembered, with "partial" when that is not all.
func (m *memory) held(instance string, now time.Time) string {
	var all []string
	recalled, whole := m.recall(nil, []byte(instance), now)
	for len(recalled) > 0 {
		var r []byte
		r, recalled = cutRecipient(recalled)
		all = append(all, string(r))
	}
	if !whole {
		all = append(all, "partial")
	}
	return strings.Join(all, " ")
}

func (m *memory) add(instance, recipient string, now time.Time) {
	m.remember([]byte(instance), []byte(recipient), now)
}

func TestMemory(t *testing.T) {
	m := newMemory()
	expect := func(instance, want string) {
		t.Helper()
		if got := m.held(instance, start); got != want {
			t.Errorf("%s: recalled %q, want %q", instance, got, want)
		}
	}
	expect("a", "partial")
	m.add("a", "x", start)
	m.add("a", "y", start)
	m.add("a", "x", start)
	m.add("b", "z", start)
	expect("a", "x y")
	expect("b", "z")
	m.forget([]byte("a"))
	m.forget([]byte("a"))
	expect("a", "partial")
	expect("b", "z")
	m.add("a", "new", start)
	expect("a", "new")
}

// An hour after its last recipient a message is forgotten.
func TestMemoryExpires(t *testing.T) {
	m := newMemory()
	m.add("a", "x", start)
	m.add("a", "y", start.Add(30*time.Minute))
	if got := m.held("a", start.Add(90*time.Minute)); got != "x y" {
		t.Errorf("after an hour: %q", got)
	}
	if got := m.held("a", start.Add(90*time.Minute+1)); got != "partial" {
		t.Errorf("after more than an hour: %q", got)
	}
	if n, bytes := m.size(); n != 0 || bytes != 0 {
		t.Errorf("%d messages of %d bytes stay", n, bytes)
	}
}

// size counts what is really there, and checks the books.
func (m *memory) size() (messages, bytes int) {
	for i := range m.shards {
		s := &m.shards[i]
		if s.messages == nil {
			continue
		}
		ring, blocks, indexed := 0, 0, 0
		for e := s.messages[none].next; e != none; e = s.messages[e].next {
			ring++
			bytes += int(s.messages[e].size)
			for b := s.messages[e].first; b != none; b = s.blocks[b].next {
				blocks++
			}
		}
		for b := s.freeBlock; b != none; b = s.blocks[b].next {
			blocks++
		}
		for slot := range s.index.Load() {
			if s.index.Load()[slot].Load() != 0 {
				indexed++
			}
		}
		if ring != s.held || indexed != s.held || blocks != len(s.blocks)-1 {
			panic(fmt.Sprintf("books say %d messages and %d blocks; there are %d, %d in the index, and %d", s.held, len(s.blocks)-1, ring, indexed, blocks))
		}
		messages += ring
	}
	return messages, bytes
}

// A message fills two cache lines, and a block as well.
func TestMessageSize(t *testing.T) {
	if m, b := unsafe.Sizeof(message{}), unsafe.Sizeof(block{}); m != messageBytes || b != blockBytes {
		t.Errorf("a message has %d bytes and a block %d, want %d and %d", m, b, messageBytes, blockBytes)
	}
}

// More messages than are allowed push the oldest out.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	const messages = 120_000
	for i := range messages {
		m.add(fmt.Sprint(i), "someone@example.test", start.Add(time.Duration(i)))
	}
	if n, _ := m.size(); n > 100_000 || n < 90_000 {
		t.Errorf("%d messages are held", n)
	}
	if got := m.held(fmt.Sprint(messages-1), start); got != "someone@example.test" {
		t.Errorf("newest: %q", got)
	}
	if got := m.held("0", start); got != "partial" {
		t.Errorf("oldest: %q", got)
	}
}

func TestMemoryBytesAreBounded(t *testing.T) {
	m := newMemory()
	long := strings.Repeat("x", MaxLine-10)
	for i := range 300 * shards {
		m.add(fmt.Sprint(i), long, start)
	}
	if n, bytes := m.size(); bytes > 64<<20 || n < 100*shards {
		t.Errorf("%d messages of %d bytes are held", n, bytes)
	}
	for i := range 40 {
		m.add("one", fmt.Sprint(i, long), start)
	}
	if got := m.held("one", start); !strings.HasSuffix(got, " partial") || len(got) > maxMessage {
		t.Errorf("one message holds %d bytes", len(got))
	}
}

func TestMemoryRecipientsAreBounded(t *testing.T) {
	m := newMemory()
	for i := range maxRecipients {
		m.add("a", fmt.Sprint(i), start)
	}
	if got := m.held("a", start); strings.HasSuffix(got, "partial") || strings.Count(got, " ") != maxRecipients-1 {
		t.Errorf("%d recipients: partial", maxRecipients)
	}
	m.add("a", "7", start)
	m.add("a", "one more", start)
	if got := m.held("a", start); strings.Count(got, " ") != maxRecipients || !strings.HasSuffix(got, " partial") {
		t.Errorf("%d recipients: not partial", maxRecipients+1)
	}
}

// Two instances with one hash do not share recipients.
func TestMemoryCollision(t *testing.T) {
	s := &shard{}
	first := s.begin(7, []byte("a"), start)
	s.touch(first, start)
	s.add(first, []byte("x"))
	if got := s.find(7, []byte("b"), start); got != none {
		t.Errorf("found %q under another instance", s.bytes(&s.messages[got], 1))
	}
	if s.held != 0 || s.used != 0 {
		t.Errorf("%d messages of %d blocks stay", s.held, s.used)
	}
}

// Whatever is remembered, forgotten and too old, the memory holds what a plain
// map holds.
func TestMemoryAgainstModel(t *testing.T) {
	type held struct {
		recipients []string
		touched    time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		m, model, now := newMemory(), map[string]*held{}, start
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			instance := strings.Repeat("i", rapid.SampledFrom([]int{0, 1, 120, 124, 125, 300}).Draw(t, "length")) + fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "instance"))
			if have := model[instance]; have != nil && now.Sub(have.touched) > rememberFor {
				delete(model, instance)
			}
			switch rapid.IntRange(0, 5).Draw(t, "op") {
			case 0:
				m.forget([]byte(instance))
				delete(model, instance)
			case 1:
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(rememberFor)).Draw(t, "pause")))
			default:
				r := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "recipient"), strings.Repeat("x", rapid.IntRange(0, 300).Draw(t, "length")))
				if model[instance] == nil {
					model[instance] = &held{}
				}
				model[instance].touched = now
				if !slices.Contains(model[instance].recipients, r) {
					model[instance].recipients = append(model[instance].recipients, r)
				}
				m.add(instance, r, now)
			}
		}
		for instance, want := range model {
			expected := strings.Join(want.recipients, " ")
			if now.Sub(want.touched) > rememberFor {
				expected = "partial"
			}
			if got := m.held(instance, now); got != expected {
				t.Fatalf("%s: recalled %q, want %q", instance, got, expected)
			}
		}
		m.size()
	})
}

// Several event loops and handlers use the memory at once, and what they look up
// ahead they do without a lock.
func TestMemoryConcurrent(t *testing.T) {
	m := newMemory()
	var users sync.WaitGroup
	for u := range 4 {
		users.Go(func() {
			for i := range 2000 {
				own, shared := fmt.Sprint(u, ".", i%50), fmt.Sprint("shared", i%7)
				m.prefetch([][]byte{[]byte(own), []byte(shared), nil})
				m.add(own, "x", start)
				m.add(shared, "y", start)
				if got := m.held(own, start); got != "x" {
					t.Errorf("%s: recalled %q", own, got)
				}
				m.forget([]byte(own))
				m.forget([]byte(shared))
			}
		})
	}
	users.Wait()
	m.size()
}

func TestMemoryDoesNotAllocate(t *testing.T) {
	m := newMemory()
	instances := make([][]byte, 4096)
	for i := range instances {
		instances[i] = fmt.Appendf(nil, "67d0.6b026979.6142f.%d", i)
	}
	recipients := [][]byte{[]byte("alice@example.test"), []byte("bob@example.test")}
	buf := make([]byte, 0, 1<<10)
	i := 0
	message := func() {
		instance := instances[i%len(instances)]
		i++
		for _, r := range recipients {
			m.remember(instance, r, start)
		}
		if got, all := m.recall(buf, instance, start); !all || !slices.Contains(got, '@') {
			t.Fatalf("recalled %q, %v", got, all)
		}
		m.forget(instance)
	}
	for range len(instances) {
		message()
	}
	if allocs := testing.AllocsPerRun(10_000, message); allocs != 0 {
		t.Errorf("%v allocations a message, want 0", allocs)
	}
}

// BenchmarkRemember is a recipient of a message that nobody has seen, when there
// are as many as are remembered.
func BenchmarkRemember(b *testing.B) {
	m := newMemory()
	instance, recipient, now := []byte("00000000.6b02697b.00000000.0"), []byte("u0000000@dom000.test"), time.Now()
	n := 0
	next := func() {
		n++
		binary.LittleEndian.PutUint64(instance, uint64(n))
		m.remember(instance, recipient, now)
	}
	for range shards * shardMessages {
		next()
	}
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}
