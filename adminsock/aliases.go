package adminsock

import (
	"context"
	"iter"
	"slices"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

func (s *Server) bindAliases() {
	bind(s, command.AliasAdd, s.aliasAdd)
	bindList(s, command.AliasList, s.aliasList)
	bind(s, command.AliasShow, s.aliasShow)
	bind(s, command.AliasSet, s.aliasSet)
	bind(s, command.AliasDelete, s.aliasDelete)
	bind(s, command.AliasTargetAdd, s.aliasTargetAdd)
	bind(s, command.AliasTargetRemove, s.aliasTargetRemove)
}

func (s *Server) aliasAdd(ctx context.Context, c *Call, in *command.AliasAddInput) (*command.Alias, error) {
	c.object = in.Body.Address
	address, err := parseAddress("address", in.Body.Address)
	if err != nil {
		return nil, err
	}
	targets, err := parseAddresses("targets", in.Body.Targets)
	if err != nil {
		return nil, err
	}
	a := directory.AliasFields{Address: address, Targets: targets}
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		if err = tx.CreateAlias(a); err == nil {
			a, err = tx.Alias(address)
		}
		return err
	})
	return alias(a), err
}

func (s *Server) aliasList(ctx context.Context, _ *Call, in *command.ListInput) (iter.Seq2[command.Alias, error], error) {
	f, err := s.listed(in)
	if err != nil {
		return nil, err
	}
	return reading(ctx, s.names(directory.KindAlias, f), func(name string) (command.Alias, error) {
		address, err := mailaddr.FromInternal(name)
		if err != nil {
			return command.Alias{}, err
		}
		a, err := s.Directory.ReadAlias(ctx, address)
		return *alias(a), err
	}), nil
}

func (s *Server) aliasShow(ctx context.Context, _ *Call, in *command.AliasInput) (*command.Alias, error) {
	address, err := parseAddress("address", in.Address)
	if err != nil {
		return nil, err
	}
	a, err := s.Directory.ReadAlias(ctx, address)
	return alias(a), err
}

func (s *Server) aliasSet(ctx context.Context, c *Call, in *command.AliasSetInput) (*command.Alias, error) {
	targets, err := parseAddresses("targets", in.Body.Targets)
	if err != nil {
		return nil, err
	}
	c.match.expect(in.Body.Revision)
	return s.changeAlias(ctx, c, in.Address, func(a *directory.AliasFields) error {
		a.Targets = targets
		return nil
	})
}

func (s *Server) aliasTargetAdd(ctx context.Context, c *Call, in *command.AliasTargetAddInput) (*command.Alias, error) {
	target, err := parseAddress("target", in.Body.Target)
	if err != nil {
		return nil, err
	}
	return s.changeAlias(ctx, c, in.Address, func(a *directory.AliasFields) error {
		a.Targets = append(a.Targets, target)
		return nil
	})
}

func (s *Server) aliasTargetRemove(ctx context.Context, c *Call, in *command.AliasTargetInput) (*command.Alias, error) {
	target, err := parseAddress("target", in.Target)
	if err != nil {
		return nil, err
	}
	return s.changeAlias(ctx, c, in.Address, func(a *directory.AliasFields) error {
		i := slices.Index(a.Targets, target)
		if i < 0 {
			return &directory.Error{Code: directory.CodeNotFound, Field: "target",
				Detail: target.Unicode() + " is not a target of " + a.Address.Unicode()}
		}
		a.Targets = slices.Delete(a.Targets, i, i+1)
		return nil
	})
}

func (s *Server) changeAlias(ctx context.Context, c *Call, text string, fn func(*directory.AliasFields) error) (*command.Alias, error) {
	address, err := parseAddress("address", text)
	if err != nil {
		return nil, err
	}
	var a directory.AliasFields
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		if err = tx.ChangeAlias(address, c.match.seen, fn); err == nil {
			a, err = tx.Alias(address)
		}
		return err
	})
	return alias(a), err
}

func (s *Server) aliasDelete(ctx context.Context, c *Call, in *command.AliasDeleteInput) (*command.Gone, error) {
	address, err := parseAddress("address", in.Address)
	if err != nil {
		return nil, err
	}
	c.match.expect(in.Revision)
	err = s.update(ctx, c, func(tx *directory.Tx) error {
		return tx.DeleteAlias(address, c.match.seen)
	})
	return c.gone(address.String()), err
}

// alias returns an alias in JSON.
func alias(a directory.AliasFields) *command.Alias {
	return &command.Alias{Address: a.Address.String(), Targets: texts(a.Targets), Revision: uint64(a.Revision), Created: a.Created}
}

// texts returns a list in JSON: never null.
func texts[T interface{ String() string }](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}
