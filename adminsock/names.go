package adminsock

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// filter says which names a list is about.
type filter struct {
	domain mailaddr.Domain // zero: all
	match  string          // pattern with * and ?; empty: all
	limit  int             // 0: all
}

// names returns the names of a kind in internal form, ordered by domain and
// local part.
func (s *Server) names(kind directory.Kind, f filter) []string {
	var names []string
	suffix := ""
	if !f.domain.IsZero() {
		suffix = f.domain.Internal()
	}
	for r := range s.Directory.View().All(kind) {
		name := string(r.Key())
		if strings.HasSuffix(name, suffix) && f.matches(name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, byDomain)
	if f.limit > 0 && len(names) > f.limit {
		names = names[:f.limit]
	}
	return names
}

// byDomain compares addresses by domain, then by local part.
func byDomain(a, b string) int {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if c := strings.Compare(a[i+1:], b[j+1:]); c != 0 {
		return c
	}
	return strings.Compare(a[:i], b[:j])
}

// matches reports whether a name is as the pattern wants it: in its internal
// form, or with the domain in U-labels. The "@" before a domain is not part of
// its name.
func (f filter) matches(name string) bool {
	if f.match == "" {
		return true
	}
	pattern := strings.ToLower(f.match)
	name = strings.TrimPrefix(name, "@")
	if glob(pattern, name) {
		return true
	}
	at := strings.LastIndexByte(name, '@') + 1
	if !strings.Contains(name[at:], "xn--") {
		return false
	}
	d, err := mailaddr.ParseDomain(name[at:])
	return err == nil && glob(pattern, name[:at]+d.Unicode())
}

// glob reports whether text matches a pattern, where * stands for any
// characters and ? for one. It takes time in the product of the lengths.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, resume := -1, 0 // the last * and where its match ends
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, resume = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// reading reads the object behind each name. What was deleted meanwhile is left
// out.
func reading[O any](ctx context.Context, names []string, read func(name string) (O, error)) iter.Seq2[O, error] {
	return func(yield func(O, error) bool) {
		for _, name := range names {
			o, err := read(name)
			if errors.Is(err, directory.ErrNotFound) {
				continue
			}
			if err == nil {
				err = ctx.Err()
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// listed makes a filter of what a list was asked for.
func (s *Server) listed(in *command.ListInput) (filter, error) {
	f := filter{match: in.Match, limit: in.Limit}
	if in.Domain == "" {
		return f, nil
	}
	d, err := parseDomain("domain", in.Domain)
	if err != nil {
		return f, err
	}
	if !s.Directory.View().Lookup(d.Key()).Domain().Exists() {
		return f, &directory.Error{Code: directory.CodeNotFound, Field: "domain", Detail: "there is no domain " + d.Unicode()}
	}
	f.domain = d
	return f, nil
}
