package adminsock

import (
	"context"
	"iter"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

func (s *Server) bindDomains() {
	bind(s, command.DomainAdd, s.domainAdd)
	bindList(s, command.DomainList, s.domainList)
	bind(s, command.DomainShow, s.domainShow)
	bind(s, command.DomainSet, s.domainSet)
	bind(s, command.DomainDelete, s.domainDelete)
}

func (s *Server) domainAdd(ctx context.Context, c *Call, in *command.DomainAddInput) (*command.Domain, error) {
	name := in.Body.Domain
	switch {
	case name != "" && in.Body.Name != "":
		return nil, wrong("name", "is another name of domain; give one of them")
	case name == "":
		name = in.Body.Name
	}
	c.object = name
	domain, err := parseDomain("domain", name)
	if err != nil {
		return nil, err
	}
	edits, err := parseDomainFields(in.Body.DomainFields)
	if err != nil {
		return nil, err
	}
	d := directory.DomainFields{Domain: domain, Quota: directory.InheritLimit}
	if err := edits.apply(&d); err != nil {
		return nil, err
	}
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		if err = tx.CreateDomain(d); err == nil {
			d, err = tx.Domain(domain)
		}
		return err
	})
	return s.domain(d), err
}

func (s *Server) domainList(ctx context.Context, _ *Call, in *command.DomainListInput) (iter.Seq2[command.Domain, error], error) {
	keys := s.names(directory.KindDomain, filter{match: in.Match, limit: in.Limit})
	return reading(ctx, keys, func(key string) (command.Domain, error) {
		name, err := parseDomain("domain", key[1:])
		if err != nil {
			return command.Domain{}, err
		}
		d, err := s.Directory.ReadDomain(ctx, name)
		return *s.domain(d), err
	}), nil
}

func (s *Server) domainShow(ctx context.Context, _ *Call, in *command.DomainInput) (*command.Domain, error) {
	name, err := parseDomain("domain", in.Domain)
	if err != nil {
		return nil, err
	}
	d, err := s.Directory.ReadDomain(ctx, name)
	return s.domain(d), err
}

func (s *Server) domainSet(ctx context.Context, c *Call, in *command.DomainSetInput) (*command.Domain, error) {
	name, err := parseDomain("domain", in.Domain)
	if err != nil {
		return nil, err
	}
	edits, err := parseDomainFields(in.Body.DomainFields)
	if err != nil {
		return nil, err
	}
	c.match.expect(in.Body.Revision)
	var d directory.DomainFields
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		if err = tx.ChangeDomain(name, c.match.seen, edits.apply); err == nil {
			d, err = tx.Domain(name)
		}
		return err
	})
	return s.domain(d), err
}

func (s *Server) domainDelete(ctx context.Context, c *Call, in *command.DomainDeleteInput) (*command.Gone, error) {
	name, err := parseDomain("domain", in.Domain)
	if err != nil {
		return nil, err
	}
	c.match.expect(in.Revision)
	err = s.update(ctx, c, func(tx *directory.Tx) error {
		return tx.DeleteDomain(name, c.match.seen)
	})
	return c.gone(name.String()), err
}

// gone is the answer to a deletion.
func (c *Call) gone(name string) *command.Gone {
	return &command.Gone{Deleted: name, Revision: uint64(c.revision)}
}

// domain returns a domain in JSON.
func (s *Server) domain(d directory.DomainFields) *command.Domain {
	view := s.Directory.View()
	sum := s.Directory.Tally(view.Lookup(d.Domain.Key()).Domain())
	return &command.Domain{
		Domain: d.Domain.String(), State: d.State.String(), QuotaBytes: quotaBytes(d.Quota), CatchAll: d.CatchAll.String(),
		Plan: d.Plan, MaxUsers: d.MaxUsers, MaxAliases: d.MaxAliases, MaxBytes: int64(d.MaxBytes), Permanent: d.Permanent,
		Users: sum.Users, Aliases: sum.Aliases, Addresses: sum.Addresses,
		Revision: uint64(d.Revision), Created: d.Created,
	}
}

// quotaBytes returns a limit in JSON: null when inherited.
func quotaBytes(l directory.Limit) *int64 {
	if l.Inherit {
		return nil
	}
	n := int64(l.Bytes)
	return &n
}

type domainFields = directory.DomainFields

// parseDomainFields reads what is to change of a domain.
func parseDomainFields(f command.DomainFields) (edits[domainFields], error) {
	var e edits[domainFields]
	limit, given, err := parseLimit(f.Quota, f.QuotaBytes)
	if err != nil {
		return nil, err
	}
	if given {
		e.set(func(d *domainFields) { d.Quota = limit })
	}
	plainField(&e, f.Plan, func(d *domainFields) *string { return &d.Plan })
	plainField(&e, f.MaxUsers, func(d *domainFields) *uint64 { return &d.MaxUsers })
	plainField(&e, f.MaxAliases, func(d *domainFields) *uint64 { return &d.MaxAliases })
	plainField(&e, f.Permanent, func(d *domainFields) *bool { return &d.Permanent })
	if f.MaxBytes.Set {
		e.set(func(d *domainFields) { d.MaxBytes = bytesize.Size(f.MaxBytes.Value) })
	}
	if err := parsedField(&e, f.CatchAll, named("catch_all", parseOptionalAddress), func(d *domainFields) *mailaddr.Addr { return &d.CatchAll }); err != nil {
		return nil, err
	}
	err = parsedField(&e, f.State, named("state", parseDomainState), func(d *domainFields) *directory.DomainState { return &d.State })
	return e, err
}

func parseDomainState(_, text string) (directory.DomainState, error) {
	if text == "" {
		return directory.DomainActive, nil
	}
	return directory.ParseDomainState(text)
}
