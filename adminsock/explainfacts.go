package adminsock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/policy"
)

// The functions of this file say in words what is known.

// userFacts says how a user's record and domain stand.
func userFacts(v directory.View, u directory.User) []command.Fact {
	submit := u.Submit().String()
	return []command.Fact{
		{Name: "state", Value: u.State().String()},
		{Name: "domain", Value: domainWords(v.DomainOf(u.Address()))},
		{Name: "services", Value: listed(u.Services().List())},
		{Name: "submit", Value: submit},
		{Name: "receive", Value: u.Receive().String()},
		{Name: "revision", Value: strconv.FormatUint(uint64(u.Revision()), 10)},
	}
}

// usageFacts says how full a mailbox is, and whether the mail fits.
func (s *Server) usageFacts(v directory.View, u directory.User, q *policy.Request) []command.Fact {
	limit := v.Limit(u)
	if limit == 0 {
		return []command.Fact{{Name: "limit", Value: "unlimited"}}
	}
	used := "not known: Dovecot has not reported yet"
	if usage := s.Ledger.Usage(u.Mailbox()); usage.Known() {
		used = fmt.Sprintf("%s, reported %s", exactly(usage.Bytes), usage.Measured.UTC().Format(time.RFC3339))
	}
	fit := map[quota.Fit]string{
		quota.Fits: "yes", quota.Full: "no", quota.FullInFlight: "no, because of mail in flight", quota.Unknown: "not known",
	}[s.Ledger.Fit(u.Mailbox(), max(q.Size, 1), limit, q.Now)]
	return []command.Fact{
		{Name: "limit", Value: exactly(limit)},
		{Name: "used", Value: used},
		{Name: "in flight", Value: exactly(s.Ledger.Flight(u.Mailbox(), q.Now))},
		{Name: exactly(max(q.Size, 1)) + " more would fit", Value: fit},
	}
}

// exactly says a size to people and programs.
func exactly(n int64) string {
	human := bytesize.Size(n).Amount()
	if strings.HasSuffix(human, " B") {
		return human
	}
	return fmt.Sprintf("%s (%d bytes)", human, n)
}

func listed(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// domainWords says how a domain stands.
func domainWords(d directory.Domain) string {
	if !d.Exists() {
		return "not ours"
	}
	return string(d.Name()) + ", " + d.State().String()
}

// whose says what holds an address.
func whose(v directory.View, k mailaddr.Key) string {
	r := v.Resolve(k)
	detail := ""
	if r.Exists() && string(r.Key()) != string(k.Bytes()) {
		detail = ", after its detail was taken off"
	}
	switch r.Kind() {
	case directory.KindNone:
		if d := v.Domain(k); d.Exists() && d.CatchAll() != nil {
			return "nobody's; the domain's catch-all gets it: " + nameOf(d.CatchAll())
		}
		return "nobody's"
	case directory.KindAddress, directory.KindLogin:
		return fmt.Sprintf("%s of %s%s", r.Kind(), nameOf(r.Owner()), detail)
	case directory.KindAlias, directory.KindReserved:
		var to []string
		for target := range r.Targets() {
			if len(to) == maxTargets {
				to = append(to, "…")
				break
			}
			to = append(to, nameOf(target))
		}
		return fmt.Sprintf("%s to %s%s", r.Kind(), strings.Join(to, ", "), detail)
	}
	return r.Kind().String() + " " + nameOf(r.Key()) + detail
}

// owners says who may write in the name of an address.
func owners(v directory.View, sender []byte) string {
	if len(sender) == 0 {
		return "everybody: it is empty"
	}
	key, _, err := mailaddr.AppendKey(nil, sender)
	if err != nil {
		return "nobody: " + err.Error()
	}
	users, err := policy.Owners(nil, v, key)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, u := range users {
		names = append(names, nameOf(u.Address()))
	}
	if len(names) == 0 {
		return "nobody here"
	}
	return strings.Join(names, ", ")
}
