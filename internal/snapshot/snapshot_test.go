package snapshot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// whole returns a file that holds the bytes between its head and its sum.
func whole(h Head, records []byte) []byte {
	b := append(h.Append(nil), records...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func verify(pieces ...[]byte) (Summary, error) {
	var v Verifier
	for _, p := range pieces {
		if n, err := v.Write(p); n != len(p) || err != nil {
			return Summary{}, errors.New("Write failed")
		}
	}
	return v.Finish()
}

// However the bytes come, what is whole is found so, and one bit less or more
// is not.
func TestVerifier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Head{rapid.Uint64().Draw(t, "revision"), rapid.Uint64().Draw(t, "records")}
		file := whole(h, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "between"))
		var pieces [][]byte
		for rest := file; len(rest) > 0; {
			n := rapid.IntRange(1, min(len(rest), 90)).Draw(t, "piece")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		got, err := verify(pieces...)
		if err != nil || got.Head != h || got.Bytes != int64(len(file)) || !bytes.Equal(got.Sum[:], file[len(file)-sumSize:]) {
			t.Fatalf("Finish = %+v, %v, want %+v of %d bytes", got, err, h, len(file))
		}
		flipped := bytes.Clone(file)
		flipped[rapid.IntRange(0, len(file)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		cut := file[:rapid.IntRange(0, len(file)-1).Draw(t, "cut")]
		for name, damaged := range map[string][]byte{"flipped": flipped, "cut": cut, "longer": append(bytes.Clone(file), 0)} {
			if got, err := verify(damaged); !errors.Is(err, ErrDamaged) {
				t.Fatalf("%s: Finish = %+v, %v, want ErrDamaged", name, got, err)
			}
		}
	})
}

func TestReasons(t *testing.T) {
	file := whole(Head{7, 1}, []byte("record"))
	for _, row := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, `does not begin with "gatepost snapshot 1"`},
		{"something else", []byte("PK\x03\x04 and more than forty bytes of an archive"), "does not begin"},
		{"a later format", bytes.Replace(file, []byte("snapshot 1"), []byte("snapshot 2"), 1), "does not begin"},
		{"only the head", file[:headSize], "ends at byte 36"},
		{"cut in the records", file[:len(file)-1], "it was cut, or changed"},
	} {
		if _, err := verify(row.file); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: Finish = %v, want %q", row.name, err, row.want)
		}
	}
}

func FuzzVerifier(f *testing.F) {
	f.Add(whole(Head{7, 1}, []byte("record")), 3)
	f.Add([]byte(Magic), 1)
	f.Add([]byte{}, 1)
	f.Fuzz(func(t *testing.T, file []byte, piece int) {
		at := min(max(piece, 0), len(file))
		got, err := verify(file[:at], file[at:])
		if err != nil {
			return
		}
		sum := sha256.Sum256(file[:len(file)-sumSize])
		if !bytes.Equal(file[len(file)-sumSize:], sum[:]) || !bytes.HasPrefix(file, got.Append(nil)) {
			t.Fatalf("Finish(%x) = %+v, which is not what is in it", file, got)
		}
	})
}
