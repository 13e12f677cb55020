package largepages

import (
	"context"
	"encoding/binary"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// Memory that is full is collapsed, where the kernel can, and keeps its bytes
// while it is read and written.
func TestCollapse(t *testing.T) {
	const size = 16 << 20
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range b {
			b[i]++
		}
	}()
	collapsed, err := Collapse()
	if err != nil {
		t.Fatalf("Collapse = %v", err)
	}
	<-done
	for i := range b {
		if b[i] != byte(i*7)+1 {
			t.Fatalf("byte %d is %d", i, b[i])
		}
	}
	if pageSize() > 0 && collapsed == 0 {
		t.Logf("%d bytes were collapsed of %d", collapsed, size) // the kernel may be short of large pages
	}
}

// The list has memory of Go's heap in it.
func TestAnonymous(t *testing.T) {
	b := make([]byte, 1<<20)
	ranges, err := anonymous()
	if err != nil {
		t.Fatal(err)
	}
	at, found := uintptr(unsafe.Pointer(&b[0])), false
	for _, r := range ranges {
		if r.from >= r.to {
			t.Errorf("a range from %x to %x", r.from, r.to)
		}
		found = found || r.from <= at && at < r.to
	}
	if !found {
		t.Errorf("%x is in none of %d ranges", at, len(ranges))
	}
	runtime.KeepAlive(b)
}

func TestResident(t *testing.T) {
	entries := make([]byte, 0, 4*entrySize)
	for _, e := range []uint64{0, entryThere, entryThere | 0x1234, 1 << 62} {
		entries = binary.NativeEndian.AppendUint64(entries, e)
	}
	if got := resident(entries); got != 2 {
		t.Errorf("%d pages are in memory, want 2", got)
	}
}

func TestPageSize(t *testing.T) {
	if size := int(pageSize()); size != 0 && (size%os.Getpagesize() != 0 || size <= os.Getpagesize()) {
		t.Errorf("a large page has %d bytes, a small one %d", size, os.Getpagesize())
	}
}

func TestKeepEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	Keep(ctx, time.Hour)
}
