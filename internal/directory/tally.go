package directory

import "github.com/gatepost/gatepost/internal/bytesize"

// Tally says how much of a domain's limits is used.
type Tally struct {
	Users, Aliases int64
	Addresses      int64 // further addresses of users
	Bytes          int64 // sum of the users' own quota limits
	Unlimited      int64 // users whose own limit is 0
	Inherit        int64 // users without a limit of their own
}

// tally maps "@domain" to what is in it.
type tally map[string]*Tally

// of returns what is in a domain.
func (t tally) of(domain string) Tally {
	if sum := t[domain]; sum != nil {
		return *sum
	}
	return Tally{}
}

// merge adds another tally.
func (t tally) merge(other tally) {
	for domain, more := range other {
		sum := t.of(domain).plus(*more)
		t[domain] = &sum
	}
}

// add counts a record n times; the zero Record counts nothing.
func (t tally) add(r Record, n int64) {
	kind := r.Kind()
	if kind != KindUser && kind != KindAlias && kind != KindAddress {
		return
	}
	domain := domainPart(r.Key())
	sum := t[string(domain)]
	if sum == nil {
		sum = &Tally{}
		t[string(domain)] = sum
	}
	switch kind {
	case KindAlias:
		sum.Aliases += n
	case KindAddress:
		sum.Addresses += n
	default:
		sum.addUser(r.User(), n)
	}
	if *sum == (Tally{}) {
		delete(t, string(domain))
	}
}

// addLimit counts a new user of a domain with a limit.
func (t tally) addLimit(domain []byte, limit Limit) {
	sum := t[string(domain)]
	if sum == nil {
		sum = &Tally{}
		t[string(domain)] = sum
	}
	sum.addLimit(limit, 1)
}

func (sum *Tally) addUser(u User, n int64) {
	limit, inherit := u.Limit()
	sum.addLimit(Limit{Inherit: inherit, Bytes: bytesize.Size(limit)}, n)
}

func (sum *Tally) addLimit(limit Limit, n int64) {
	sum.Users += n
	switch {
	case limit.Inherit:
		sum.Inherit += n
	case limit.Bytes == 0:
		sum.Unlimited += n
	default:
		sum.Bytes = int64(bytesize.Size(sum.Bytes).Add(bytesize.Size(n) * limit.Bytes))
	}
}

func (sum Tally) plus(other Tally) Tally {
	return Tally{
		Users: sum.Users + other.Users, Aliases: sum.Aliases + other.Aliases,
		Addresses: sum.Addresses + other.Addresses, Bytes: sum.Bytes + other.Bytes,
		Unlimited: sum.Unlimited + other.Unlimited, Inherit: sum.Inherit + other.Inherit,
	}
}

// Tally returns how much of a domain's limits is used.
func (d *Directory) Tally(domain Domain) Tally {
	d.tallyMu.RLock()
	defer d.tallyMu.RUnlock()
	return d.tally.of(string(domain.Key()))
}
