// Package bytesize reads and prints numbers of bytes as administrators and
// Dovecot write them.
//
// A number may have a fraction after a point and a unit:
//
//	0, none, unlimited    no limit
//	500, 500B             bytes
//	500K 500M 0.5G 2T     binary, as in Dovecot's quota rules: 1K is 1024 bytes
//	500KiB 500MiB …       the same, said aloud
//	500KB 500MB …         decimal: 1KB is 1000 bytes
//
// Units ignore case. One blank may stand before the unit, because that is how
// sizes are printed. Whatever else is refused: a limit that was misread is
// worse than an error. Fractions of a byte are cut off.
//
// All functions may be called concurrently.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. As a limit 0 means unlimited.
type Size int64

// Unlimited is the limit that is none.
const Unlimited Size = 0

// The binary units.
const (
	KiB Size = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

var binary = [...]struct {
	size Size
	name string
}{{TiB, "TiB"}, {GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}}

// Add returns s+n, or the nearest Size there is when the sum is out of range:
// a client's announced size must not make a mailbox look empty.
func (s Size) Add(n Size) Size {
	switch {
	case n > 0 && s > math.MaxInt64-n:
		return math.MaxInt64
	case n < 0 && s < math.MinInt64-n:
		return math.MinInt64
	}
	return s + n
}

// String returns a limit for people: "unlimited", "500 MiB", "1.5 GiB". Where
// two decimals are not exact they are rounded. Print an amount, where 0 is
// nothing, with [Size.Amount].
func (s Size) String() string {
	if s == Unlimited {
		return "unlimited"
	}
	return s.Amount()
}

// Amount returns a number of bytes for people, 0 as "0 B".
func (s Size) Amount() string {
	if s < 0 {
		return "-" + Size(0).Add(-max(s, -math.MaxInt64)).Amount()
	}
	for i, unit := range binary {
		if s < unit.size {
			continue
		}
		text := decimal(s, unit.size)
		if text == "1024.00" && i > 0 {
			return "1.00 " + binary[i-1].name // rounded up into the next unit
		}
		return text + " " + unit.name
	}
	return strconv.FormatInt(int64(s), 10) + " B"
}

// decimal divides with at most two decimals: "1.5" when that is exact, "1.50"
// when it is rounded.
func decimal(s, unit Size) string {
	whole, rest := s/unit, s%unit
	hundredths := (rest*100 + unit/2) / unit // rest < 2^40: no overflow
	if rest*100%unit != 0 {
		return fmt.Sprintf("%d.%02d", whole+hundredths/100, hundredths%100)
	}
	text := fmt.Sprintf("%d.%02d", whole, hundredths)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// MarshalText returns the size so that Parse gives exactly the same one:
// "unlimited", "500MiB", or plain bytes.
func (s Size) MarshalText() ([]byte, error) {
	if s == Unlimited {
		return []byte("unlimited"), nil
	}
	for _, unit := range binary {
		if s > 0 && s%unit.size == 0 {
			return []byte(strconv.FormatInt(int64(s/unit.size), 10) + unit.name), nil
		}
	}
	return strconv.AppendInt(nil, int64(s), 10), nil
}

// UnmarshalText is Parse.
func (s *Size) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}
