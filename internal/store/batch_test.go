package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatepost/gatepost/internal/directory"
)

// What a batch says survives the journal, to the byte.
func TestBatchEncoding(t *testing.T) {
	b := &directory.Batch{Entries: []directory.Entry{
		{Revision: 7, Time: time.Unix(1_800_000_000, 42).UTC(), Cause: directory.Cause{UID: 1000, PID: 42, Actor: "alice", Command: "user add", Request: "r1", Reason: "ticket 4711"},
			Changes: []directory.Change{put("a", "one"), {Key: []byte("b"), Previous: 3}}},
		{Revision: 8, Time: time.Unix(1_800_000_001, 0).UTC(), Changes: []directory.Change{{Key: []byte("c"), Value: []byte{}}}},
	}}
	payload := encodeBatch(b)
	got, err := decodeBatch(payload)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("decode(encode(batch)) (-want +got):\n%s", diff)
	}
	if got.Entries[1].Changes[0].Value == nil || got.Entries[0].Changes[1].Value != nil {
		t.Error("an empty value and a deletion are mixed up")
	}
	for n := range payload {
		if _, err := decodeBatch(payload[:n]); err == nil {
			t.Errorf("an entry cut at byte %d is read", n)
		}
	}
}

// An entry of the first format, which had no reason, is read.
func TestBatchOfTheFirstFormat(t *testing.T) {
	payload := []byte("\x01\x01" + // version, one entry
		"\x07" + "\xaa\x80\xd0\x9d\xe9\xce\xb8\xfd\x18" + "\xe8\x07" + "\x2a" + // revision, time, uid, pid
		"\x05alice" + "\x08user add" + "\x02r1" + "\x01" + // actor, command, request, one change
		"\x01a" + "\x03" + "\x01" + "\x03one") // key, previous revision, a value
	want := &directory.Batch{Entries: []directory.Entry{{
		Revision: 7, Time: time.Unix(1_800_000_000, 42).UTC(), Cause: directory.Cause{UID: 1000, PID: 42, Actor: "alice", Command: "user add", Request: "r1"},
		Changes: []directory.Change{{Key: []byte("a"), Previous: 3, Value: []byte("one")}},
	}}}
	got, err := decodeBatch(payload)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("decodeBatch, %v (-want +got):\n%s", err, diff)
	}
	if at, err := beginTime(payload[:entryStart]); err != nil || !at.Equal(want.Entries[0].Time) {
		t.Errorf("beginTime = %v, %v, want %v", at, err, want.Entries[0].Time)
	}
	for n := range 11 {
		if at, err := beginTime(payload[:n]); err == nil {
			t.Errorf("beginTime of %d bytes = %v", n, at)
		}
	}
}

func FuzzBatch(f *testing.F) {
	f.Add(encodeBatch(&directory.Batch{Entries: []directory.Entry{{Revision: 1, Changes: []directory.Change{put("a", "one"), {Key: []byte("b")}}}}}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := decodeBatch(payload)
		if err != nil {
			return
		}
		again, err := decodeBatch(encodeBatch(b))
		if diff := cmp.Diff(b, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("decode(encode(x)), %v:\n%s", err, diff)
		}
	})
}
