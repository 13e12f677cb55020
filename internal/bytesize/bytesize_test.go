package bytesize

import (
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]Size{
		"0": 0, "none": 0, "unlimited": 0, "None": 0, "UNLIMITED": 0, "0M": 0, "0.0G": 0,
		"1": 1, "500": 500, "500B": 500, "500b": 500, "007": 7,
		"500K": 500 * KiB, "500M": 500 * MiB, "500m": 500 * MiB, "2G": 2 * GiB, "3T": 3 * TiB,
		"500KiB": 500 * KiB, "500mib": 500 * MiB, "1GIB": GiB, "1TiB": TiB,
		"500KB": 500e3, "500MB": 500e6, "1gb": 1e9, "1TB": 1e12,
		"0.5G": GiB / 2, "1.5K": 1536, "1.0000": 1, "0.3K": 307, "1.25MB": 1250000,
		"500 MiB": 500 * MiB, "12 B": 12, "1.5 GiB": 3 * GiB / 2,
		"9223372036854775807": math.MaxInt64, "8388607T": 8388607 * TiB, "9007199254740993": 9007199254740993,
	} {
		if got, err := Parse(given); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v, want %d", given, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ given, want string }{
		"nothing":          {"", "size is empty (write none for no limit)"},
		"blank":            {" ", `size " " has blanks around it`},
		"blank before":     {" 5M", `size " 5M" has blanks around it`},
		"blank after":      {"5M ", `size "5M " has blanks around it`},
		"line end":         {"5M\n", `size "5M\n" has blanks around it`},
		"two blanks":       {"5  M", `size "5  M": unknown unit "  M"; K, M, G and T are binary, KB, MB, GB and TB decimal`},
		"negative":         {"-1", `size "-1" is negative`},
		"negative zero":    {"-0", `size "-0" is negative`},
		"plus":             {"+1", `size "+1" does not begin with a digit`},
		"no number":        {"M", `size "M" does not begin with a digit`},
		"NaN":              {"NaN", `size "NaN" does not begin with a digit`},
		"infinite":         {"Inf", `size "Inf" does not begin with a digit`},
		"exponent":         {"1e3", `size "1e3": unknown unit "e3"; K, M, G and T are binary, KB, MB, GB and TB decimal`},
		"hexadecimal":      {"0x10", `size "0x10": unknown unit "x10"; K, M, G and T are binary, KB, MB, GB and TB decimal`},
		"unit":             {"5X", `size "5X": unknown unit "X"; K, M, G and T are binary, KB, MB, GB and TB decimal`},
		"percent":          {"5%", `size "5%": unknown unit "%"; K, M, G and T are binary, KB, MB, GB and TB decimal`},
		"comma":            {"1,5G", `size "1,5G" has a comma; write the decimals after a point, and no separators between thousands`},
		"thousands":        {"1,000", `size "1,000" has a comma; write the decimals after a point, and no separators between thousands`},
		"two points":       {"1.5.5G", `size "1.5.5G": "1.5.5" is not a number`},
		"point first":      {".5G", `size ".5G": ".5" is not a number`},
		"point last":       {"5.G", `size "5.G": "5." is not a number`},
		"point":            {".", `size ".": "." is not a number`},
		"fraction of byte": {"1.5", `size "1.5" has a fraction of a byte`},
		"less than a byte": {"0.0001K", `size "0.0001K" is less than a byte, and 0 would mean unlimited`},
		"too large":        {"9223372036854775808", `size "9223372036854775808" is too large`},
		"too many T":       {"8388608T", `size "8388608T" is too large`},
		"endless":          {strings.Repeat("9", 1000), "size is longer than 40 characters"},
		"other digits":     {"５M", `size "５M" does not begin with a digit`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(test.given); err == nil || err.Error() != test.want || got != 0 {
				t.Errorf("Parse(%q) = %d, %v, want %s", test.given, got, err, test.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for size, want := range map[Size]string{
		0: "unlimited", 1: "1 B", 1000: "1000 B", 1023: "1023 B", KiB: "1 KiB", 1536: "1.5 KiB", 1025: "1.00 KiB", 1280: "1.25 KiB",
		500 * MiB: "500 MiB", 500e6: "476.84 MiB", 3 * GiB / 2: "1.5 GiB", GiB - 1: "1.00 GiB", MiB - 1: "1.00 MiB", 2048 * TiB: "2048 TiB", TiB - 1: "1.00 TiB",
		1100 * TiB / 1024: "1.07 TiB", math.MaxInt64: "8388608.00 TiB", -5: "-5 B", -3 * KiB: "-3 KiB", math.MinInt64: "-8388608.00 TiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("Size(%d).String() = %q, want %q", int64(size), got, want)
		}
	}
	if got := Size(0).Amount(); got != "0 B" {
		t.Errorf("Size(0).Amount() = %q, want 0 B", got)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for size, want := range map[Size]string{0: "unlimited", 500 * MiB: "500MiB", 1025: "1025", 500e6: "500000000", 1024 * GiB: "1TiB"} {
		text, err := size.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("Size(%d).MarshalText() = %q, %v, want %q", int64(size), text, err, want)
		}
	}
	kept := Size(7)
	if err := kept.UnmarshalText([]byte("5X")); err == nil || kept != 7 {
		t.Errorf("UnmarshalText(5X) = %v and %d, want an error and the old value", err, kept)
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ a, b, want Size }{
		"plain":           {1, 2, 3},
		"down":            {1, -2, -1},
		"to the top":      {math.MaxInt64 - 1, 1, math.MaxInt64},
		"over the top":    {math.MaxInt64, 1, math.MaxInt64},
		"both huge":       {math.MaxInt64, math.MaxInt64, math.MaxInt64},
		"to the bottom":   {math.MinInt64 + 1, -1, math.MinInt64},
		"over the bottom": {math.MinInt64, math.MinInt64, math.MinInt64},
		"opposites":       {math.MaxInt64, math.MinInt64, -1},
	} {
		if got := test.a.Add(test.b); got != test.want || test.b.Add(test.a) != test.want {
			t.Errorf("%s: %d + %d = %d, want %d", name, int64(test.a), int64(test.b), int64(got), int64(test.want))
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "none", "500M", "0.5G", "500MB", "500 MiB", "1,5", "-1", "9223372036854775807", "8388608T", "0.0001K", "1e3", ".", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		size, err := Parse(s)
		if err != nil {
			return
		}
		if size < 0 {
			t.Fatalf("Parse(%q) = %d", s, int64(size))
		}
		var again Size
		text, _ := size.MarshalText()
		if err := again.UnmarshalText(text); err != nil || again != size {
			t.Fatalf("Parse(%q) = %d, marshalled %q, read back %d, %v", s, int64(size), text, int64(again), err)
		}
		// What is printed for people can be typed again, up to its rounding.
		shown, err := Parse(size.String())
		if off := math.Abs(float64(shown - size)); err == nil && off > float64(size)*0.005+1 {
			t.Fatalf("Size(%d) is shown as %s, which is %d", int64(size), size, int64(shown))
		} else if err != nil && size < 8388607*TiB {
			t.Fatalf("Size(%d) is shown as %s, which is refused: %v", int64(size), size, err)
		}
	})
}
