package directory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Users are many users on their way into the directory: each checked by itself
// and encoded, in bytes without pointers, so that a million of them cost a
// garbage collection nothing and a command little. They belong to the command
// that creates them, from then on. The zero Users is ready.
type Users struct {
	Created time.Time // set before the first Add

	chunks [][]byte // for each user its key and its value, each behind its length
	at     []uint64 // of each user: which chunk, and the offset there
	order  []uint32 // the users' numbers in the order of their keys, when sorted
	linked []uint32 // the users with more names than their address, or forwards
	size   int      // bytes of keys and values
}

// UserError says which of the users cannot be created, counted from 0.
type UserError struct {
	User int
	Err  error
}

func (e *UserError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *UserError) Unwrap() error { return e.Err }

// Len returns how many users there are.
func (u *Users) Len() int { return len(u.at) }

// Size returns how many bytes they take.
func (u *Users) Size() int { return u.size }

// Add adds a user, or says what is wrong with it alone.
func (u *Users) Add(f UserFields) error {
	if err := f.normalise(); err != nil {
		return err
	}
	f.Created, f.Revision, f.CreatedRevision = u.Created, 0, 0
	if len(f.Addresses) > 0 || len(f.Forward) > 0 || f.LoginName.String() != "" {
		u.linked = append(u.linked, uint32(len(u.at)))
	}
	at, err := u.keep(f.Address.Internal(), f.encode())
	u.at = append(u.at, at)
	return err
}

// SetCredentials gives user i its credentials.
func (u *Users) SetCredentials(i int, credentials []Credential) error {
	key, value := u.user(i)
	f, err := decodeUser(string(key), value)
	if err != nil {
		return err
	}
	f.Credentials = credentials
	if err := f.normalise(); err != nil {
		return err
	}
	u.size -= len(key) + len(value)
	u.at[i], err = u.keep(string(key), f.encode())
	return err
}

// usersChunk is how large a chunk is.
const usersChunk = 1 << 20

// keep stores a record and returns where.
func (u *Users) keep(key string, value []byte) (uint64, error) {
	if err := checkRecord([]byte(key), value); err != nil {
		return 0, &Error{Code: CodeInvalid, Detail: "this cannot be stored", Err: err}
	}
	need := 2*binary.MaxVarintLen32 + len(key) + len(value)
	last := len(u.chunks) - 1
	if last < 0 || cap(u.chunks[last])-len(u.chunks[last]) < need {
		u.chunks = append(u.chunks, make([]byte, 0, max(need, usersChunk)))
		last++
	}
	b := u.chunks[last]
	at := uint64(last)<<32 | uint64(len(b))
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	u.chunks[last] = append(binary.AppendUvarint(b, uint64(len(value))), value...)
	u.size += len(key) + len(value)
	return at, nil
}

// user returns the key and the value of user i.
func (u *Users) user(i int) (key, value []byte) {
	b := u.chunks[u.at[i]>>32][uint32(u.at[i]):]
	key, b = cutCounted(b)
	value, _ = cutCounted(b)
	return key, value
}

// cutCounted cuts bytes behind their length off b.
func cutCounted(b []byte) (content, rest []byte) {
	n, size := binary.Uvarint(b)
	end := size + int(n)
	return b[size:end:end], b[end:]
}

func (u *Users) key(i uint32) []byte {
	key, _ := u.user(int(i))
	return key
}

// Sort brings the users into the order of their names. It must be called after
// the last Add, and takes long where there are many. A *UserError names the
// second user of the same address.
func (u *Users) Sort() error {
	u.order = make([]uint32, len(u.at))
	for i := range u.order {
		u.order[i] = uint32(i)
	}
	slices.SortFunc(u.order, func(a, b uint32) int { return bytes.Compare(u.key(a), u.key(b)) })
	twice := -1
	for n := 1; n < len(u.order); n++ {
		if a, b := u.order[n-1], u.order[n]; bytes.Equal(u.key(a), u.key(b)) {
			if second := int(max(a, b)); twice < 0 || second < twice {
				twice = second
			}
		}
	}
	if twice < 0 {
		return nil
	}
	return u.failed(twice, func(a mailaddr.Addr) error {
		return &Error{Code: CodeExists, Field: "address", Detail: a.Unicode() + " stands here twice"}
	})
}

// failed makes the error of user i.
func (u *Users) failed(i int, reason func(mailaddr.Addr) error) error {
	key, _ := u.user(i)
	a, err := mailaddr.FromInternal(string(key))
	if err == nil {
		err = reason(a)
	}
	return &UserError{i, err}
}

// find returns the number of the user with a key, if there is one.
func (u *Users) find(key []byte) (int, bool) {
	n, ok := slices.BinarySearchFunc(u.order, key, func(i uint32, key []byte) int { return bytes.Compare(u.key(i), key) })
	if !ok {
		return 0, false
	}
	return int(u.order[n]), true
}

// record returns user i as a record that no mailbox belongs to yet.
func (u *Users) record(i int) Record {
	key, value := u.user(i)
	return Record{appendRecord(nil, 0, key, value)}
}

// stamp says which command creates the users.
func (u *Users) stamp(r Revision) {
	for i := range u.at {
		_, value := u.user(i)
		putRevision(value[6:], r)
		putRevision(value[12:], r)
	}
}

// CreateUsers makes them all, each as CreateUser would; they must be sorted. A
// *UserError names the first that cannot be made.
func (tx *Tx) CreateUsers(u *Users) error {
	if u.order == nil && u.Len() > 0 {
		return fmt.Errorf("%d users are not sorted", u.Len())
	}
	u.stamp(tx.revision)
	for i := range u.at {
		if err := tx.admit(u, i); err != nil {
			return err
		}
	}
	tx.own.add(u)
	for _, i := range u.linked {
		if err := tx.link(u, int(i)); err != nil {
			return &UserError{int(i), err}
		}
	}
	return nil
}

// blame says which of the users made together an error is about, if it is one.
func (l *layer) blame(name string, err error) error {
	for _, u := range l.users {
		if i, ok := u.find([]byte(name)); ok {
			return &UserError{i, err}
		}
	}
	return err
}

// admit checks a user against everything but the others of its kind.
func (tx *Tx) admit(u *Users, i int) error {
	key, value := u.user(i)
	if r := tx.lookupBytes(key); r.Exists() {
		return u.failed(i, func(a mailaddr.Addr) error { return held("address", a.Unicode(), r) })
	}
	domain := domainPart(key)
	if tx.lookupBytes(domain).Kind() != KindDomain {
		return u.failed(i, func(a mailaddr.Addr) error { return tx.hosted("address", a) })
	}
	limit := limitOf(value)
	tx.own.tally.addLimit(domain, limit)
	if tx.overwrites(key) { // it was deleted before: what was said last counts
		tx.own.records[string(key)] = pending{value: value, record: u.record(i)}
	}
	if err := tx.checkDomainLimits(string(domain), limit, true); err != nil {
		return &UserError{i, err}
	}
	return nil
}

// limitOf returns the limit in a user's value; its tag is the first.
func limitOf(value []byte) Limit {
	if t, content, _, err := nextField(value[headerSize:]); err == nil && t == tagLimit {
		n, _ := binary.Uvarint(content)
		return Limit{Bytes: bytesize.Size(n)}
	}
	return InheritLimit
}

// link writes what leads to user i.
func (tx *Tx) link(u *Users, i int) error {
	key, value := u.user(i)
	f, err := decodeUser(string(key), value)
	if err != nil {
		return err
	}
	return tx.putLinks(UserFields{}, f)
}
