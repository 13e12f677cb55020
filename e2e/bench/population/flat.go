package population

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/store"
)

// A flat file holds records one after the other: the lengths of key and value
// in four bytes each, key, value.
const flatHead = 8

// WriteFlat writes every record of the state directory dir to a flat file.
func WriteFlat(ctx context.Context, dir, file string) (err error) {
	s, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var mu sync.Mutex // guards w
	w := bufio.NewWriter(f)
	_, err = s.Load(ctx, func(key, value []byte) error {
		mu.Lock()
		defer mu.Unlock()
		var head [flatHead]byte
		binary.LittleEndian.PutUint32(head[:], uint32(len(key)))
		binary.LittleEndian.PutUint32(head[4:], uint32(len(value)))
		for _, part := range [][]byte{head[:], key, value} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, w.Flush())
}

// flatRecord is what the cheapest reader makes of a record.
type flatRecord struct {
	kind, state, services, receive, roles byte
	revision, created                     uint64
	fields                                []byte
}

// Floor is what reading a flat file took.
type Floor struct {
	Records  int
	Decoded  time.Duration // read, and decoded record by record
	Inserted time.Duration // the same, and put into a map of strings
}

// ReadFlat reads a flat file in one piece, decodes each record and puts it into
// a map: the floor of every start-up.
func ReadFlat(file string) (Floor, error) {
	start := time.Now()
	b, err := os.ReadFile(file)
	if err != nil {
		return Floor{}, err
	}
	f := Floor{}
	if err := eachFlat(b, func(_ []byte, _ flatRecord) { f.Records++ }); err != nil {
		return f, fmt.Errorf("%s: %w", file, err)
	}
	f.Decoded = time.Since(start)
	users := make(map[string]flatRecord, f.Records)
	again := time.Now()
	err = eachFlat(b, func(key []byte, r flatRecord) { users[string(key)] = r })
	f.Inserted = f.Decoded + time.Since(again)
	if len(users) != f.Records {
		err = errors.Join(err, fmt.Errorf("%d names for %d records", len(users), f.Records))
	}
	return f, err
}

func eachFlat(b []byte, take func(key []byte, r flatRecord)) error {
	for len(b) > 0 {
		if len(b) < flatHead {
			return errors.New("ends in the middle of a record")
		}
		n, m := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[flatHead:]
		if len(b) < n+m {
			return errors.New("ends in the middle of a record")
		}
		r, err := decodeFlat(b[n : n+m])
		if err != nil {
			return err
		}
		take(b[:n], r)
		b = b[n+m:]
	}
	return nil
}

// decodeFlat reads a record's header and walks over its fields.
func decodeFlat(v []byte) (flatRecord, error) {
	if len(v) < 22 {
		return flatRecord{}, errors.New("a record without header")
	}
	r := flatRecord{kind: v[1], state: v[2], services: v[3], receive: v[4], roles: v[5],
		revision: uint64(binary.LittleEndian.Uint32(v[6:])), created: uint64(binary.LittleEndian.Uint32(v[12:])),
		fields: v[22:]}
	for f := r.fields; len(f) > 0; {
		n, size := binary.Uvarint(f[1:])
		if size <= 0 || uint64(len(f)-1-size) < n {
			return r, errors.New("a field that ends too early")
		}
		f = f[1+size+int(n):]
	}
	return r, nil
}
