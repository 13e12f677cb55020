package directory

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// encode writes a user as a record value.
func (u *UserFields) encode() []byte {
	h := header{kind: KindUser, state: byte(u.State), services: u.Switches.Services, submit: u.Switches.Submit,
		receive: u.Switches.Receive, roles: u.Roles, revision: u.Revision, created: u.CreatedRevision}
	if u.KeepCopy {
		h.flags |= flagKeepCopy
	}
	w := newWriter(h)
	w.limit(u.Quota)
	for _, c := range u.Credentials {
		w.field(tagCredential, string(c.append(nil)))
	}
	w.addresses(tagAddress, u.Addresses)
	w.text(tagLogin, u.LoginName.String())
	w.domains(tagSubmitDomain, u.Switches.SubmitDomains)
	w.addresses(tagForward, u.Forward)
	w.text(tagPlan, u.Plan)
	w.domains(tagRoleDomain, u.RoleDomains)
	w.number(tagCreated, uint64(unixOrZero(u.Created)))
	w.text(tagDisplayName, u.DisplayName)
	w.text(tagLanguage, u.Profile.Language)
	w.text(tagTimezone, u.Profile.Timezone)
	w.text(tagDateFormat, u.Profile.DateFormat)
	w.text(tagRecovery, u.Profile.Recovery)
	return w.bytes()
}

// encode writes an alias as a record value.
func (a *AliasFields) encode() []byte {
	w := newWriter(header{kind: KindAlias, revision: a.Revision, created: a.CreatedRevision})
	w.addresses(tagTarget, a.Targets)
	w.number(tagCreated, uint64(unixOrZero(a.Created)))
	return w.bytes()
}

// encode writes a domain as a record value.
func (d *DomainFields) encode() []byte {
	h := header{kind: KindDomain, state: byte(d.State), revision: d.Revision, created: d.CreatedRevision}
	if d.Permanent {
		h.flags |= flagPermanent
	}
	w := newWriter(h)
	w.limit(d.Quota)
	w.text(tagPlan, d.Plan)
	w.text(tagCatchAll, d.CatchAll.Internal())
	w.number(tagMaxUsers, d.MaxUsers)
	w.number(tagMaxAliases, d.MaxAliases)
	w.number(tagMaxBytes, uint64(d.MaxBytes))
	w.number(tagCreated, uint64(unixOrZero(d.Created)))
	return w.bytes()
}

// encodePointer writes a further address or a login name of owner.
func encodePointer(kind Kind, owner mailaddr.Addr, r Revision) []byte {
	w := newWriter(header{kind: kind, revision: r, created: r})
	w.text(tagOwner, owner.Internal())
	return w.bytes()
}

func encodeTombstone(r Revision) []byte {
	return newWriter(header{kind: KindTombstone, revision: r, created: r}).bytes()
}

func (w *writer) limit(l Limit) {
	if !l.Inherit {
		w.field(tagLimit, string(binary.AppendUvarint(nil, uint64(l.Bytes))))
	}
}

func (w *writer) addresses(t tag, list []mailaddr.Addr) {
	for _, a := range list {
		w.text(t, a.Internal())
	}
}

func (w *writer) domains(t tag, list []mailaddr.Domain) {
	for _, d := range list {
		w.text(t, d.String())
	}
}

// fieldReader reads a checked value's fields one after the other; the first
// error stays.
type fieldReader struct {
	fields []field // in the order of their tags
	err    error
}

type field struct {
	tag     tag
	content []byte
}

// all yields the contents of a field.
func (r *fieldReader) all(t tag) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, f := range r.fields {
			if f.tag == t && !yield(f.content) {
				return
			}
		}
	}
}

// readFields splits a value that must be of the kind.
func readFields(value []byte, kind Kind) (header, *fieldReader, error) {
	if err := checkValue(value); err != nil {
		return header{}, nil, err
	}
	h := header{kind: Kind(value[1]), state: value[2], services: Services(value[3] & 0xf), submit: Submit(value[3] >> 4),
		receive: Receive(value[4] & 0xf), flags: value[4] >> 4, roles: Roles(value[5]),
		revision: getRevision(value[6:]), created: getRevision(value[12:])}
	if h.kind != kind {
		return header{}, nil, fmt.Errorf("%s, not %s", h.kind.phrase(), kind.phrase())
	}
	r := &fieldReader{fields: make([]field, 0, 8)}
	for b := value[headerSize:]; len(b) > 0; {
		t, content, rest, err := nextField(b)
		if err != nil {
			return header{}, nil, err
		}
		r.fields = append(r.fields, field{t, content})
		b = rest
	}
	return h, r, nil
}

func (r *fieldReader) text(t tag) string {
	for content := range r.all(t) {
		return string(content)
	}
	return ""
}

func (r *fieldReader) number(t tag) uint64 {
	n, _ := binary.Uvarint([]byte(r.text(t)))
	return n
}

func (r *fieldReader) limit() Limit {
	if r.text(tagLimit) == "" { // no content is empty
		return InheritLimit
	}
	return Limit{Bytes: bytesize.Size(r.number(tagLimit))}
}

func (r *fieldReader) address(content string) mailaddr.Addr {
	a, err := mailaddr.FromInternal(content)
	r.fail(err)
	return a
}

func (r *fieldReader) addresses(t tag) []mailaddr.Addr {
	var list []mailaddr.Addr
	for content := range r.all(t) {
		list = append(list, r.address(string(content)))
	}
	return list
}

func (r *fieldReader) domains(t tag) []mailaddr.Domain {
	var list []mailaddr.Domain
	for content := range r.all(t) {
		d, err := mailaddr.ParseDomain(string(content))
		r.fail(err)
		list = append(list, d)
	}
	return list
}

func (r *fieldReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// decodeUser reads what UserFields.encode wrote.
func decodeUser(key string, value []byte) (UserFields, error) {
	h, r, err := readFields(value, KindUser)
	if err != nil {
		return UserFields{}, err
	}
	u := UserFields{
		Address:     r.address(key),
		DisplayName: r.text(tagDisplayName),
		Addresses:   r.addresses(tagAddress),
		State:       State(h.state),
		Switches: Switches{Services: h.services, Submit: h.submit, Receive: h.receive,
			SubmitDomains: r.domains(tagSubmitDomain)},
		Roles:       h.roles,
		RoleDomains: r.domains(tagRoleDomain),
		Plan:        r.text(tagPlan),
		Quota:       r.limit(),
		Forward:     r.addresses(tagForward),
		KeepCopy:    h.flags&flagKeepCopy != 0,
		Profile: Profile{Language: r.text(tagLanguage), Timezone: r.text(tagTimezone),
			DateFormat: r.text(tagDateFormat), Recovery: r.text(tagRecovery)},
		Revision:        h.revision,
		CreatedRevision: h.created,
		Created:         timeOrZero(int64(r.number(tagCreated))),
	}
	if name := r.text(tagLogin); name != "" {
		u.LoginName, err = mailaddr.ParseLoginName(name)
		r.fail(err)
	}
	for content := range r.all(tagCredential) {
		c, err := parseCredential(content)
		r.fail(err)
		u.Credentials = append(u.Credentials, c)
	}
	return u, r.err
}

// decodeAlias reads what AliasFields.encode wrote.
func decodeAlias(key string, value []byte) (AliasFields, error) {
	h, r, err := readFields(value, KindAlias)
	if err != nil {
		return AliasFields{}, err
	}
	a := AliasFields{
		Address: r.address(key), Targets: r.addresses(tagTarget),
		Revision: h.revision, CreatedRevision: h.created,
		Created: timeOrZero(int64(r.number(tagCreated))),
	}
	return a, r.err
}

// decodeDomain reads what DomainFields.encode wrote.
func decodeDomain(key string, value []byte) (DomainFields, error) {
	h, r, err := readFields(value, KindDomain)
	if err != nil {
		return DomainFields{}, err
	}
	name, err := mailaddr.ParseDomain(key[1:])
	r.fail(err)
	d := DomainFields{
		Domain: name, State: DomainState(h.state), Quota: r.limit(), Plan: r.text(tagPlan),
		MaxUsers: r.number(tagMaxUsers), MaxAliases: r.number(tagMaxAliases),
		MaxBytes: bytesize.Size(r.number(tagMaxBytes)), Permanent: h.flags&flagPermanent != 0,
		Revision: h.revision, CreatedRevision: h.created,
		Created: timeOrZero(int64(r.number(tagCreated))),
	}
	if to := r.text(tagCatchAll); to != "" {
		d.CatchAll = r.address(to)
	}
	return d, r.err
}
