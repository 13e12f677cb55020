package adminsock

import (
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// The functions of this file read what clients write; their errors name the
// field.

func parseAddress(field, text string) (mailaddr.Addr, error) {
	a, err := mailaddr.Parse(text)
	if err != nil {
		return a, wrong(field, "%v", err)
	}
	return a, nil
}

func parseDomain(field, text string) (mailaddr.Domain, error) {
	d, err := mailaddr.ParseDomain(text)
	if err != nil {
		return d, wrong(field, "%v", err)
	}
	return d, nil
}

// each parses every element of a list.
func each[T any](field string, list []string, parse func(field, text string) (T, error)) ([]T, error) {
	parsed := make([]T, 0, len(list))
	for i, text := range list {
		v, err := parse(field+"["+strconv.Itoa(i)+"]", text)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, v)
	}
	return parsed, nil
}

func parseAddresses(field string, list []string) ([]mailaddr.Addr, error) {
	return each(field, list, parseAddress)
}

func parseDomains(field string, list []string) ([]mailaddr.Domain, error) {
	return each(field, list, parseDomain)
}

// parseOptionalAddress takes nothing for no address.
func parseOptionalAddress(field, text string) (mailaddr.Addr, error) {
	if text == "" {
		return mailaddr.Addr{}, nil
	}
	return parseAddress(field, text)
}

// parseQuota reads a limit in words.
func parseQuota(field, text string) (directory.Limit, error) {
	if text == "" || text == "inherit" {
		return directory.InheritLimit, nil
	}
	size, err := bytesize.Parse(text)
	if err != nil {
		return directory.Limit{}, wrong(field, "%v, and inherit takes the limit from above", err)
	}
	return directory.Limit{Bytes: size}, nil
}

// parseQuotaBytes reads a limit as a number: null inherits.
func parseQuotaBytes(field string, n *int64) (directory.Limit, error) {
	switch {
	case n == nil:
		return directory.InheritLimit, nil
	case *n < 0:
		return directory.Limit{}, wrong(field, "a limit cannot be negative")
	}
	return directory.Limit{Bytes: bytesize.Size(*n)}, nil
}

// parseLimit reads whichever of the two was given.
func parseLimit(words command.Optional[string], number command.Optional[*int64]) (limit directory.Limit, given bool, err error) {
	switch {
	case words.Set && number.Set:
		return limit, false, wrong("quota", "is another name of quota_bytes; give one of them")
	case words.Set:
		limit, err = parseQuota("quota", words.Value)
	case number.Set:
		limit, err = parseQuotaBytes("quota_bytes", number.Value)
	}
	return limit, words.Set || number.Set, err
}

// parseServices takes the names of services, or all, or none.
func parseServices(field string, list []string) (directory.Services, error) {
	if len(list) == 1 {
		switch list[0] {
		case "all":
			return directory.AllServices, nil
		case "none":
			return directory.NoServices, nil
		}
	}
	services, err := directory.ParseServices(list)
	if err != nil {
		return 0, wrong(field, "a service is not one of imap, pop3, smtp, sieve; all and none stand alone")
	}
	return services, nil
}

// parseSubmit reads any, own, listed, listed:DOMAIN,... and none. The domains
// are nil when none were named.
func parseSubmit(field, text string) (directory.Submit, []mailaddr.Domain, error) {
	word, list, named := strings.Cut(text, ":")
	for s := directory.SubmitAny; s <= directory.SubmitNone; s++ {
		if s.String() != word || named && s != directory.SubmitListed {
			continue
		}
		if !named {
			return s, nil, nil
		}
		domains, err := parseDomains(field, strings.Split(list, ","))
		return s, domains, err
	}
	return 0, nil, wrong(field, "not one of any, own, listed, listed:DOMAIN,..., none")
}

// parseRole reads none, admin, domain-admin and domain-admin:DOMAIN,...
func parseRole(field, text string) (directory.Roles, []mailaddr.Domain, error) {
	word, list, named := strings.Cut(text, ":")
	switch {
	case text == "" || text == "none":
		return 0, nil, nil
	case word == "domain-admin" && named:
		domains, err := parseDomains(field, strings.Split(list, ","))
		return directory.RoleDomainAdmin, domains, err
	case named:
		return 0, nil, wrong(field, "only domain-admin is for certain domains")
	}
	role, err := directory.ParseRole(word)
	if err != nil {
		return 0, nil, wrong(field, "not one of none, admin, domain-admin, domain-admin:DOMAIN,...")
	}
	return role, nil, nil
}

func parseRoles(field string, list []string) (directory.Roles, error) {
	var roles directory.Roles
	for _, text := range list {
		role, err := directory.ParseRole(text)
		if err != nil {
			return 0, wrong(field, "a role is not one of admin, domain-admin")
		}
		roles |= role
	}
	return roles, nil
}

// parseTTL reads how long something is good for: Go's durations, and days.
func parseTTL(text string, fallback, most time.Duration) (time.Duration, error) {
	if text == "" {
		return fallback, nil
	}
	ttl, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		ttl = time.Duration(n) * 24 * time.Hour
	}
	switch {
	case err != nil:
		return 0, wrong("ttl", "not a time such as 90s, 5m, 12h or 30d")
	case ttl < time.Second || ttl > most:
		return 0, wrong("ttl", "must be between 1s and %s", most)
	}
	return ttl, nil
}
