package directory

import (
	"encoding/binary"
	"iter"

	"github.com/gatepost/gatepost/internal/quota"
)

// Record is what is kept in memory under one name: immutable bytes. Keep it for
// one request only: it is what was true when it was looked up. The zero Record
// means that there is no such name.
//
// Slices that its methods return are part of it and must not be changed.
type Record struct {
	b []byte // mailbox number (4), length of the key (2), key, hot part of the value
}

// The hot part of a value is its header from the kind to the creating revision,
// and its hot fields: the version and the fields' length say nothing in memory.
const (
	frameSize = 6
	hotHeader = 17
)

// appendRecord appends a record's bytes: its frame, key, and the hot part of
// its value, which must have passed checkValue.
func appendRecord(dst []byte, m quota.Mailbox, key, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(m))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(key)))
	dst = append(dst, key...)
	dst = append(dst, value[1:1+hotHeader]...)
	return append(dst, value[headerSize:headerSize+hotFields(value)]...)
}

// recordSize is how many bytes appendRecord appends.
func recordSize(key, value []byte) int { return frameSize + len(key) + hotHeader + hotFields(value) }

// hotFields is the length of a value's hot fields.
func hotFields(value []byte) int { return int(binary.LittleEndian.Uint32(value[18:])) }

// Exists reports whether there is such a name.
func (r Record) Exists() bool { return r.b != nil }

// Key returns the name: an address in mailaddr's internal form, a login name,
// or "@" and a domain.
func (r Record) Key() []byte {
	if r.b == nil {
		return nil
	}
	return r.b[frameSize : frameSize+r.keyLen()]
}

func (r Record) keyLen() int { return int(binary.LittleEndian.Uint16(r.b[4:])) }

func (r Record) hot() []byte { return r.b[frameSize+r.keyLen():] }

// Kind returns what holds the name; KindNone for the zero Record.
func (r Record) Kind() Kind {
	if r.b == nil {
		return KindNone
	}
	return Kind(r.hot()[0])
}

// Revision returns the revision of the command that wrote the record last.
func (r Record) Revision() Revision { return getRevision(r.hot()[5:]) }

// CreatedRevision returns the revision that made the record: it tells the
// present owner of a name from an earlier one.
func (r Record) CreatedRevision() Revision { return getRevision(r.hot()[11:]) }

// User returns the record as a user; the zero User when it is something else.
func (r Record) User() User {
	if r.Kind() != KindUser {
		return User{}
	}
	return User{r}
}

// Domain returns the record as a domain; the zero Domain when it is something
// else.
func (r Record) Domain() Domain {
	if r.Kind() != KindDomain {
		return Domain{}
	}
	return Domain{r}
}

// Targets returns where an alias or a reserved name leads, in internal form.
func (r Record) Targets() iter.Seq[[]byte] { return r.all(tagTarget) }

// Owner returns the address of the user whose further address or login name
// this is; nil for other kinds.
func (r Record) Owner() []byte { return r.one(tagOwner) }

// one returns the content of a field, or nil.
func (r Record) one(want tag) []byte {
	if r.b == nil {
		return nil
	}
	for b := r.hot()[hotHeader:]; len(b) > 0; {
		t, content, rest, err := nextField(b)
		if err != nil || t > want {
			return nil
		}
		if t == want {
			return content
		}
		b = rest
	}
	return nil
}

// all yields the contents of a repeated field.
func (r Record) all(want tag) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if r.b == nil {
			return
		}
		for b := r.hot()[hotHeader:]; len(b) > 0; {
			t, content, rest, err := nextField(b)
			if err != nil || t > want || t == want && !yield(content) {
				return
			}
			b = rest
		}
	}
}

// User is a user's record.
type User struct{ Record }

// Mailbox returns the number of the user's mailbox in the quota ledger.
func (u User) Mailbox() quota.Mailbox { return quota.Mailbox(binary.LittleEndian.Uint32(u.b)) }

// Address returns the user's address in internal form.
func (u User) Address() []byte { return u.Key() }

// State returns the overlay over the switches.
func (u User) State() State { return State(u.hot()[1]) }

// Services returns the services the user may log in to now: none unless active.
func (u User) Services() Services {
	if u.State() != Active {
		return NoServices
	}
	return Services(u.hot()[2] & 0xf)
}

// Submit returns where the user may submit mail to now: nowhere unless active.
func (u User) Submit() Submit {
	if u.State() != Active {
		return SubmitNone
	}
	return Submit(u.hot()[2] >> 4)
}

// Receive returns what happens with mail for the user now.
func (u User) Receive() Receive {
	switch u.State() {
	case Disabled, Archived:
		return ReceiveReject
	case Frozen:
		return ReceiveDefer
	}
	return Receive(u.hot()[3] & 0xf)
}

// SendOnly reports whether an active user is one that only sends: mail for it
// is refused.
func (u User) SendOnly() bool { return u.State() == Active && u.Receive() == ReceiveReject }

// KeepCopy reports whether forwarded mail stays in the mailbox too.
func (u User) KeepCopy() bool { return u.hot()[3]>>4&flagKeepCopy != 0 }

// Forward yields the addresses that the user's mail is sent on to.
func (u User) Forward() iter.Seq[[]byte] { return u.all(tagForward) }

// Addresses yields the user's further addresses.
func (u User) Addresses() iter.Seq[[]byte] { return u.all(tagAddress) }

// LoginName returns the login name, or nil.
func (u User) LoginName() []byte { return u.one(tagLogin) }

// SubmitsTo reports whether domain (without "@") is one of the listed domains
// of SubmitListed.
func (u User) SubmitsTo(domain []byte) bool {
	for d := range u.all(tagSubmitDomain) {
		if string(d) == string(domain) {
			return true
		}
	}
	return false
}

// ownLimit returns the limit that stands in the record itself.
func (r Record) ownLimit() (bytes int64, own bool) {
	content := r.one(tagLimit)
	if content == nil {
		return 0, false
	}
	n, _ := binary.Uvarint(content)
	return int64(n), true
}

// Limit returns the limit that the record itself sets; see [View.Limit] for the
// one that counts.
func (u User) Limit() (bytes int64, inherit bool) {
	n, own := u.ownLimit()
	return n, !own
}

// Credentials yields the user's credentials, the main password first.
func (u User) Credentials() iter.Seq[Credential] {
	return func(yield func(Credential) bool) {
		for content := range u.all(tagCredential) {
			c, err := parseCredential(content)
			if err != nil || !yield(c) {
				return
			}
		}
	}
}

// Domain is a domain's record.
type Domain struct{ Record }

// Name returns the domain's name as A-labels.
func (d Domain) Name() []byte { return d.Key()[1:] }

// State says whether the domain's mail flows.
func (d Domain) State() DomainState { return DomainState(d.hot()[1]) }

// CatchAll returns the address that gets mail for unknown names, or nil.
func (d Domain) CatchAll() []byte { return d.one(tagCatchAll) }

// Permanent reports whether deleted addresses stay taken.
func (d Domain) Permanent() bool { return d.hot()[3]>>4&flagPermanent != 0 }
