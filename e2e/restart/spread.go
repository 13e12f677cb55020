package main

import (
	"fmt"
	"slices"
	"time"
)

// spread is a number of measured times.
type spread struct{ all []time.Duration }

func (s *spread) add(d time.Duration)   { s.all = append(s.all, d) }
func (s *spread) latest() time.Duration { return s.all[len(s.all)-1].Round(time.Millisecond) }

// at returns the time that the part q of all is not above; 0 when there is none.
func (s *spread) at(q float64) time.Duration {
	if len(s.all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.all))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

func (s *spread) String() string {
	round := func(q float64) time.Duration { return s.at(q).Round(time.Millisecond) }
	return fmt.Sprintf("median %v, p99 %v, max %v", round(0.5), round(0.99), round(1))
}
