package bytesize

import (
	"fmt"
	"math/big"
	"strings"
)

// maxText bounds what is parsed: more digits than any size has.
const maxText = 40

// unit returns the bytes of a unit.
func unit(name string) (int64, bool) {
	switch strings.ToLower(name) {
	case "", "b":
		return 1, true
	case "k", "kib":
		return int64(KiB), true
	case "m", "mib":
		return int64(MiB), true
	case "g", "gib":
		return int64(GiB), true
	case "t", "tib":
		return int64(TiB), true
	case "kb":
		return 1e3, true
	case "mb":
		return 1e6, true
	case "gb":
		return 1e9, true
	case "tb":
		return 1e12, true
	}
	return 0, false
}

// Parse reads a size. The error says what is wrong with the text, without an
// operation in front of it.
func Parse(s string) (Size, error) {
	switch strings.ToLower(s) {
	case "0", "none", "unlimited":
		return Unlimited, nil
	case "":
		return 0, fmt.Errorf("size is empty (write none for no limit)")
	}
	if len(s) > maxText {
		return 0, fmt.Errorf("size is longer than %d characters", maxText)
	}
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(s)
	}
	number, name := s[:end], strings.TrimPrefix(s[end:], " ")
	if err := checkNumber(s, number); err != nil {
		return 0, err
	}
	factor, ok := unit(name)
	if !ok || name == "" && end < len(s) {
		return 0, badUnit(s, s[end:])
	}
	return multiply(s, number, factor)
}

// checkNumber wants digits, or digits, a point and digits.
func checkNumber(s, number string) error {
	whole, fraction, point := strings.Cut(number, ".")
	switch {
	case s[0] == '-':
		return fmt.Errorf("size %q is negative", s)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("size %q has blanks around it", s)
	case number == "":
		return fmt.Errorf("size %q does not begin with a digit", s)
	case whole == "" || point && fraction == "" || strings.Contains(fraction, "."):
		return fmt.Errorf("size %q: %q is not a number", s, number)
	}
	return nil
}

func badUnit(s, rest string) error {
	if rest[0] == ',' {
		return fmt.Errorf("size %q has a comma; write the decimals after a point, and no separators between thousands", s)
	}
	return fmt.Errorf("size %q: unknown unit %q; K, M, G and T are binary, KB, MB, GB and TB decimal", s, rest)
}

// multiply is exact: a float64 is not, from 8 PiB on.
func multiply(s, number string, factor int64) (Size, error) {
	exact, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("size %q: %q is not a number", s, number)
	}
	exact.Mul(exact, new(big.Rat).SetInt64(factor))
	bytes := new(big.Int).Quo(exact.Num(), exact.Denom())
	switch {
	case !bytes.IsInt64():
		return 0, fmt.Errorf("size %q is too large", s)
	case bytes.Sign() == 0 && exact.Sign() != 0:
		return 0, fmt.Errorf("size %q is less than a byte, and 0 would mean unlimited", s)
	case !exact.IsInt() && factor == 1:
		return 0, fmt.Errorf("size %q has a fraction of a byte", s)
	}
	return Size(bytes.Int64()), nil
}
