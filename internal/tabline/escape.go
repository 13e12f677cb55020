package tabline

import "bytes"

const escape = 0x01

// letters maps a byte that must not stand in a value to what follows SOH for
// it, and back.
const (
	raw     = "\x00\x01\t\r\n"
	letters = "01trn"
)

// AppendEscaped appends a value so that it can stand in a line.
func AppendEscaped[T []byte | string](dst []byte, value T) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case 0, escape, '\t', '\r', '\n':
			dst = append(dst, escape, letters[indexByte(raw, c)])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// Unescape undoes AppendEscaped in place and returns the value. SOH before any
// other byte stands for that byte, and alone at the end for nothing.
func Unescape(value []byte) []byte {
	first := bytes.IndexByte(value, escape)
	if first < 0 {
		return value
	}
	out := value[:first]
	for i := first; i < len(value); i++ {
		c := value[i]
		if c == escape {
			if i++; i == len(value) {
				break
			}
			c = value[i]
			if at := indexByte(letters, c); at >= 0 {
				c = raw[at]
			}
		}
		out = append(out, c)
	}
	return out
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// Cut returns the first field of a line and what follows its TAB. more is false
// and rest nil when there is no TAB.
func Cut(line []byte) (field, rest []byte, more bool) {
	return bytes.Cut(line, []byte{'\t'})
}

// CutPair splits a field into a name and its unescaped value. A field without
// "=" is a name alone.
func CutPair(field []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(Unescape(field), []byte{'='})
	return name, value
}

// ParseID reads the decimal number by which a request and its reply are joined.
func ParseID(text []byte) (id uint32, ok bool) {
	if len(text) == 0 || len(text) > 10 {
		return 0, false
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return uint32(n), n <= 1<<32-1
}
