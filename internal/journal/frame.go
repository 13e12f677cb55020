package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"slices"
)

const (
	magic       = "gatepost journal 1\n\x00"
	segmentHead = 64
	frameHead   = 56

	// MaxPayload is the most bytes that one frame takes.
	MaxPayload = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Chain is a value of the hash chain.
type Chain [sha256.Size]byte

func encodeSegmentHead(first uint64, before Chain) []byte {
	b := append(make([]byte, 0, segmentHead), magic...)
	b = binary.LittleEndian.AppendUint64(b, first)
	b = append(b, before[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeSegmentHead(b []byte) (first uint64, before Chain, err error) {
	if len(b) < segmentHead || string(b[:len(magic)]) != magic {
		return 0, Chain{}, fmt.Errorf("not a gatepost journal of format 1")
	}
	if binary.LittleEndian.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli) {
		return 0, Chain{}, fmt.Errorf("the segment's head is damaged")
	}
	return binary.LittleEndian.Uint64(b[20:]), Chain(b[28:60]), nil
}

// frame is one frame's head.
type frame struct {
	length      uint32
	first, last uint64
	chain       Chain
}

// next returns the chain value of a frame after before.
func (f *frame) next(before Chain, payload []byte) (c Chain) {
	h := f.begin(before)
	for part := range slices.Chunk(payload, piece) {
		h.Write(part)
	}
	h.Sum(c[:0])
	return c
}

// begin returns the hash of what stands before the payload.
func (f *frame) begin(before Chain) hash.Hash {
	var head [20]byte
	f.putNumbers(head[:])
	h := sha256.New()
	h.Write(before[:])
	h.Write(head[:])
	return h
}

func (f *frame) putNumbers(b []byte) {
	binary.LittleEndian.PutUint32(b, f.length)
	binary.LittleEndian.PutUint64(b[4:], f.first)
	binary.LittleEndian.PutUint64(b[12:], f.last)
}

func (f *frame) encode() []byte {
	b := make([]byte, frameHead)
	f.putNumbers(b)
	copy(b[20:], f.chain[:])
	binary.LittleEndian.PutUint32(b[52:], crc32.Checksum(b[:52], castagnoli))
	return b
}

// decodeFrame reads a frame's head; false: it is not one.
func decodeFrame(b []byte) (frame, bool) {
	if len(b) < frameHead || binary.LittleEndian.Uint32(b[52:]) != crc32.Checksum(b[:52], castagnoli) {
		return frame{}, false
	}
	f := frame{
		length: binary.LittleEndian.Uint32(b),
		first:  binary.LittleEndian.Uint64(b[4:]),
		last:   binary.LittleEndian.Uint64(b[12:]),
		chain:  Chain(b[20:52]),
	}
	return f, f.length <= MaxPayload && f.first <= f.last
}

func (f *frame) size() int64 { return frameHead + int64(f.length) }
