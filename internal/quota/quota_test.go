package quota

import (
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Unix(1_800_000_000, 0)

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name         string
		used, flight int64
		n, limit     int64
		want         Fit
	}{
		{"no limit", 100, 0, 1, 0, Fits},
		{"exactly full after it", 90, 0, 10, 100, Fits},
		{"one byte too many", 90, 0, 11, 100, Full},
		{"already over", 101, 0, 0, 100, Full},
		{"mail in flight takes the room", 50, 45, 10, 100, FullInFlight},
		{"mail in flight leaves enough", 50, 40, 10, 100, Fits},
		{"a size that would overflow", 50, 0, math.MaxInt64, 100, Full},
		{"a sum that would overflow", 50, 10, math.MaxInt64, math.MaxInt64 - 1, Full},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l Ledger
			m := l.Open()
			l.Report(m, c.used, 1, noon)
			if c.flight > 0 {
				l.Reserve(m, c.flight, math.MaxInt64, noon)
			}
			if got := l.Fit(m, c.n, c.limit, noon); got != c.want {
				t.Errorf("Fit(%d of %d, %d used, %d in flight) = %v, want %v", c.n, c.limit, c.used, c.flight, got, c.want)
			}
		})
	}
}

func TestUnknownUsage(t *testing.T) {
	var l Ledger
	m := l.Open()
	if got := l.Fit(m, 10, 100, noon); got != Unknown {
		t.Errorf("Fit before any report = %v, want Unknown", got)
	}
	if _, got := l.Reserve(m, 10, 100, noon); got != Unknown {
		t.Errorf("Reserve before any report = %v, want Unknown", got)
	}
	if l.Report(m+1, 1, 1, noon) || l.Report(0, 1, 1, noon) {
		t.Error("Report for a number never given out was taken")
	}
}

func TestReportOrder(t *testing.T) {
	var l Ledger
	m := l.Open()
	if !l.Report(m, 10, 1, noon) {
		t.Fatal("first report was dropped")
	}
	if l.Report(m, 99, 9, noon.Add(-time.Second)) {
		t.Error("an older report was taken")
	}
	if l.Report(m, -1, 0, noon.Add(time.Second)) {
		t.Error("a negative report was taken")
	}
	if got, want := l.Usage(m), (Usage{10, 1, noon}); got != want {
		t.Errorf("Usage = %v, want %v", got, want)
	}
}

func TestFlight(t *testing.T) {
	var l Ledger
	m := l.Open()
	l.Report(m, 100, 1, noon)
	r, fit := l.Reserve(m, 50, 200, noon)
	if fit != Fits {
		t.Fatalf("Reserve = %v, want Fits", fit)
	}
	if _, fit := l.Reserve(m, 60, 200, noon); fit != FullInFlight {
		t.Errorf("second Reserve = %v, want FullInFlight", fit)
	}
	r.Release()
	if _, fit := l.Reserve(m, 60, 200, noon); fit != Fits {
		t.Errorf("Reserve after Release = %v, want Fits", fit)
	}
	l.Report(m, 160, 2, noon.Add(time.Second))
	if got := l.Flight(m, noon); got != 0 {
		t.Errorf("Flight after the delivery was reported = %d, want 0", got)
	}
	l.Reserve(m, 40, 200, noon)
	if got := l.Flight(m, noon.Add(FlightTime+time.Second)); got != 0 {
		t.Errorf("Flight after FlightTime = %d, want 0", got)
	}
}

// However many reserve at once, together they never exceed the limit.
func TestReserveConcurrently(t *testing.T) {
	var l Ledger
	m := l.Open()
	l.Report(m, 0, 0, noon)
	var wg sync.WaitGroup
	var mu sync.Mutex
	reserved := 0
	for range 16 {
		wg.Go(func() {
			for range 100 {
				if _, fit := l.Reserve(m, 7, 1000, noon); fit == Fits {
					mu.Lock()
					reserved++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if want := 1000 / 7; reserved != want {
		t.Errorf("%d reservations of 7 bytes fit into 1000, want %d", reserved, want)
	}
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Ledger
		model := map[Mailbox]Usage{}
		for range rapid.IntRange(1, 5000).Draw(t, "mailboxes") {
			model[l.Open()] = Usage{}
		}
		for range 50 {
			m := Mailbox(rapid.Uint32Range(0, uint32(len(model)+2)).Draw(t, "mailbox"))
			at := noon.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "second")) * time.Second)
			bytes := rapid.Int64Range(-1, 1<<40).Draw(t, "bytes")
			known, exists := model[m]
			want := exists && bytes >= 0 && !at.Before(known.Measured)
			if got := l.Report(m, bytes, 3, at); got != want {
				t.Fatalf("Report(%d, %d, %v) = %v, want %v (known %v)", m, bytes, at, got, want, known)
			}
			if want {
				model[m] = Usage{bytes, 3, at}
			}
			if got := l.Usage(m); got != model[m] {
				t.Fatalf("Usage(%d) = %v, want %v", m, got, model[m])
			}
		}
	})
}

func TestReadsAllocateNothing(t *testing.T) {
	var l Ledger
	m := l.Open()
	l.Report(m, 10, 1, noon)
	if n := testing.AllocsPerRun(100, func() {
		r, _ := l.Reserve(m, 1, 100, noon)
		r.Release()
		l.Fit(m, 1, 100, noon)
	}); n != 0 {
		t.Errorf("%v allocations per decision, want 0", n)
	}
}

func TestLastLogin(t *testing.T) {
	var l Ledger
	m := l.Open()
	if got := l.LastLogin(m); !got.IsZero() {
		t.Errorf("LastLogin before any login = %v, want zero", got)
	}
	before := l.Reports()
	l.LoggedIn(m, noon)
	l.LoggedIn(m, noon.Add(-time.Hour))
	if got := l.LastLogin(m); !got.Equal(noon) {
		t.Errorf("LastLogin = %v, want %v", got, noon)
	}
	if got := l.Reports() - before; got != 1 {
		t.Errorf("one login and one older count as %d, want 1", got)
	}
	l.LoggedIn(0, noon)
	if got := l.LastLogin(0); !got.IsZero() {
		t.Errorf("LastLogin of no mailbox = %v, want zero", got)
	}
}

// A mailbox of which nothing is known takes no memory.
func TestNothingKnownTakesNoMemory(t *testing.T) {
	var l Ledger
	for range 10 * chunkSize {
		l.Open()
	}
	last := Mailbox(l.last.Load())
	if l.Usage(last).Known() || l.Fit(last, 1, 100, time.Unix(1, 0)) != Unknown || l.chunks.Load() != nil {
		t.Error("asking about mailboxes made chunks or knew something")
	}
	if !l.Report(last, 5, 1, time.Unix(1, 0)) {
		t.Fatal("the report was dropped")
	}
	made := 0
	for _, chunk := range *l.chunks.Load() {
		if chunk != nil {
			made++
		}
	}
	if got := l.Usage(last).Bytes; made != 1 || got != 5 {
		t.Errorf("%d chunks, %d bytes used, want 1 and 5", made, got)
	}
}
