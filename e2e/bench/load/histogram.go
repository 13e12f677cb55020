package load

import (
	"math/bits"
	"time"
)

const (
	subBits = 7 // a bucket is at most 1/128 wide
	buckets = (64 - subBits) << subBits
)

// Histogram counts durations in buckets that are at most 0.8 % wide. The zero
// Histogram is ready.
type Histogram struct {
	counts [buckets]uint32
	total  uint64
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucketOf(uint64(max(d, 0)))]++
	h.total++
}

// Total returns how many were counted.
func (h *Histogram) Total() uint64 { return h.total }

// Quantile returns the duration that a share q of the counted ones do not
// exceed; 0 when there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total-1))
	for i, n := range h.counts {
		if rank < uint64(n) {
			return time.Duration(middleOf(i))
		}
		rank -= uint64(n)
	}
	return time.Duration(middleOf(buckets - 1))
}

// bucketOf: values below 2^subBits have a bucket each; above, every power of
// two is divided into 2^subBits buckets.
func bucketOf(n uint64) int {
	exponent := max(bits.Len64(n)-subBits-1, 0)
	return exponent<<subBits + int(n>>exponent)
}

// middleOf is the middle of a bucket.
func middleOf(i int) uint64 {
	exponent := max(i>>subBits-1, 0)
	low := uint64(i-exponent<<subBits) << exponent
	return low + 1<<exponent/2
}
