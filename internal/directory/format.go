package directory

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The record format, version 1.
//
//	offset  bytes
//	0       1      version
//	1       1      Kind
//	2       1      State of a user, DomainState of a domain, else 0
//	3       1      low nibble Services, high nibble Submit (users, else 0)
//	4       1      low nibble Receive, high nibble flags
//	5       1      Roles (users, else 0)
//	6       6      revision, little endian
//	12      6      revision that created the record
//	18      4      length of the hot fields
//	22      …      hot fields, then cold fields to the end
//
// A field is one tag byte, the length as a minimal uvarint, and that many
// bytes; tags ascend, repeated ones stand together, hot tags are below 0x80 and
// cold ones above. Numbers inside a field are minimal uvarints. A tag that is
// not known for the kind makes the record unreadable: nothing is skipped.
const (
	formatVersion = 1
	headerSize    = 22
	maxRevision   = 1<<48 - 1

	// MaxValue is the most bytes a record may have, well below what one store
	// transaction holds.
	MaxValue = 512 << 10
)

// Flags, in the high nibble of byte 4.
const (
	flagKeepCopy  = 1 << iota // users: a copy of forwarded mail stays
	flagPermanent             // domains: deleted addresses stay taken
	flagsEnd
)

type tag byte

// Field tags. Their numbers are part of the record format.
const (
	tagLimit        tag = 0x01 // users, domains: own quota limit; absent: inherited
	tagCredential   tag = 0x02 // users, repeated: see appendCredential
	tagAddress      tag = 0x03 // users, repeated: further address
	tagLogin        tag = 0x04 // users: login name
	tagSubmitDomain tag = 0x05 // users, repeated
	tagForward      tag = 0x06 // users, repeated
	tagPlan         tag = 0x07 // users, domains
	tagRoleDomain   tag = 0x08 // users, repeated
	tagTarget       tag = 0x10 // aliases, repeated; reserved names: where mail goes
	tagCatchAll     tag = 0x11 // domains
	tagMaxUsers     tag = 0x12 // domains
	tagMaxAliases   tag = 0x13 // domains
	tagMaxBytes     tag = 0x14 // domains
	tagOwner        tag = 0x18 // further addresses, login names: the user's address
	tagCold         tag = 0x80 // the first cold tag
	tagCreated      tag = 0x80 // Unix seconds
	tagDisplayName  tag = 0x81
	tagLanguage     tag = 0x82
	tagTimezone     tag = 0x83
	tagDateFormat   tag = 0x84
	tagRecovery     tag = 0x85
)

// tagsOf says which tags a kind may carry; true: repeated.
var tagsOf = [kindEnd]map[tag]bool{
	KindDomain: {tagLimit: false, tagPlan: false, tagCatchAll: false, tagMaxUsers: false, tagMaxAliases: false,
		tagMaxBytes: false, tagCreated: false},
	KindUser: {tagLimit: false, tagCredential: true, tagAddress: true, tagLogin: false, tagSubmitDomain: true,
		tagForward: true, tagPlan: false, tagRoleDomain: true, tagCreated: false, tagDisplayName: false,
		tagLanguage: false, tagTimezone: false, tagDateFormat: false, tagRecovery: false},
	KindAddress:   {tagOwner: false, tagCreated: false},
	KindLogin:     {tagOwner: false, tagCreated: false},
	KindAlias:     {tagTarget: true, tagCreated: false},
	KindGroup:     {tagTarget: true, tagCreated: false},
	KindReserved:  {tagTarget: true, tagCreated: false},
	KindTombstone: {tagCreated: false},
}

type header struct {
	kind              Kind
	state             byte
	services          Services
	submit            Submit
	receive           Receive
	flags             byte
	roles             Roles
	revision, created Revision
}

// writer builds a record value. Fields must be added in the order of their tags.
type writer struct {
	b    []byte
	cold bool
}

func newWriter(h header) *writer {
	b := make([]byte, headerSize, 192)
	b[0], b[1], b[2] = formatVersion, byte(h.kind), h.state
	b[3] = byte(h.services) | byte(h.submit)<<4
	b[4] = byte(h.receive) | h.flags<<4
	b[5] = byte(h.roles)
	putRevision(b[6:], h.revision)
	putRevision(b[12:], h.created)
	return &writer{b: b}
}

func (w *writer) field(t tag, content string) {
	if t >= tagCold && !w.cold {
		w.endHot()
	}
	w.b = append(w.b, byte(t))
	w.b = binary.AppendUvarint(w.b, uint64(len(content)))
	w.b = append(w.b, content...)
}

func (w *writer) text(t tag, content string) {
	if content != "" {
		w.field(t, content)
	}
}

func (w *writer) number(t tag, n uint64) {
	if n != 0 {
		w.field(t, string(binary.AppendUvarint(nil, n)))
	}
}

func (w *writer) endHot() {
	w.cold = true
	binary.LittleEndian.PutUint32(w.b[18:], uint32(len(w.b)-headerSize))
}

func (w *writer) bytes() []byte {
	if !w.cold {
		w.endHot()
	}
	return w.b
}

func putRevision(b []byte, r Revision) {
	binary.LittleEndian.PutUint32(b, uint32(r))
	binary.LittleEndian.PutUint16(b[4:], uint16(r>>32))
}

func getRevision(b []byte) Revision {
	return Revision(binary.LittleEndian.Uint32(b)) | Revision(binary.LittleEndian.Uint16(b[4:]))<<32
}

var errTruncated = errors.New("ends in the middle of a field")

// nextField cuts the first field off b.
func nextField(b []byte) (t tag, content, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errTruncated
	}
	n, size := minimalUvarint(b[1:])
	if size <= 0 || n > uint64(len(b)-1-size) {
		return 0, nil, nil, errTruncated
	}
	start := 1 + size
	return tag(b[0]), b[start : start+int(n)], b[start+int(n):], nil
}

// minimalUvarint is binary.Uvarint that refuses needless bytes, so that a value
// has one encoding only.
func minimalUvarint(b []byte) (uint64, int) {
	n, size := binary.Uvarint(b)
	if size > 1 && b[size-1] == 0 {
		return 0, 0
	}
	return n, size
}

// checkValue reports why a value is not a well-formed record. It is what makes
// the accessors of Record safe, so every value passes it before it is kept.
func checkValue(v []byte) error {
	if err := checkHeader(v); err != nil {
		return err
	}
	hot := uint64(binary.LittleEndian.Uint32(v[18:]))
	if hot > uint64(len(v)-headerSize) {
		return fmt.Errorf("hot fields of %d bytes in a record of %d", hot, len(v))
	}
	kind, last := Kind(v[1]), tag(0)
	for b := v[headerSize:]; len(b) > 0; {
		offset := len(v) - len(b)
		t, content, rest, err := nextField(b)
		if err != nil {
			return fmt.Errorf("byte %d: %w", offset, err)
		}
		repeated, known := tagsOf[kind][t]
		switch {
		case !known:
			return fmt.Errorf("byte %d: field %#02x is not one of %s", offset, byte(t), kind.phrase())
		case t < last || t == last && !repeated:
			return fmt.Errorf("byte %d: field %#02x stands again or too late", offset, byte(t))
		case (t >= tagCold) != (offset >= headerSize+int(hot)):
			return fmt.Errorf("byte %d: field %#02x on the wrong side of the hot fields' end", offset, byte(t))
		}
		if err := checkContent(t, content); err != nil {
			return fmt.Errorf("byte %d: field %#02x: %w", offset, byte(t), err)
		}
		last, b = t, rest
	}
	return nil
}

func checkHeader(v []byte) error {
	switch {
	case len(v) < headerSize:
		return fmt.Errorf("%d bytes are too few for a record", len(v))
	case len(v) > MaxValue:
		return fmt.Errorf("%d bytes are too many for a record", len(v))
	case v[0] != formatVersion:
		return fmt.Errorf("record format %d; this version of gatepost reads format %d", v[0], formatVersion)
	case v[1] == 0 || Kind(v[1]) >= kindEnd:
		return fmt.Errorf("unknown kind %d", v[1])
	}
	states := byte(1)
	switch Kind(v[1]) {
	case KindUser:
		states = byte(stateEnd)
	case KindDomain:
		states = byte(domainStateEnd)
	}
	switch {
	case v[2] >= states:
		return fmt.Errorf("unknown state %d", v[2])
	case Submit(v[3]>>4) >= submitEnd || Receive(v[4]&0xf) >= receiveEnd || v[4]>>4 >= flagsEnd || Roles(v[5]) >= rolesEnd:
		return fmt.Errorf("unknown switch in % x", v[3:6])
	case Kind(v[1]) != KindUser && (v[3] != 0 || v[4]&0xf != 0 || v[5] != 0):
		return fmt.Errorf("switches % x in %s", v[3:6], Kind(v[1]).phrase())
	}
	return nil
}

func checkContent(t tag, content []byte) error {
	switch t {
	case tagLimit, tagMaxUsers, tagMaxAliases, tagMaxBytes, tagCreated:
		n, size := minimalUvarint(content)
		if size != len(content) || n > 1<<63-1 {
			return errors.New("not a number")
		}
	case tagCredential:
		return checkCredential(content)
	default:
		if len(content) == 0 {
			return errors.New("empty")
		}
	}
	return nil
}
