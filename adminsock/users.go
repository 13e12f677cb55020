package adminsock

import (
	"context"
	"fmt"
	"iter"
	"net/http"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

func (s *Server) bindUsers() {
	bind(s, command.UserAdd, s.userAdd)
	bind(s, command.UserBatch, s.userBatch)
	bindList(s, command.UserList, s.userList)
	bind(s, command.UserShow, s.userShow)
	bind(s, command.UserSet, s.userSet)
	bind(s, command.UserDelete, s.userDelete)
	s.bindState(command.UserEnable, directory.Active)
	s.bindState(command.UserDisable, directory.Disabled)
	s.bindState(command.UserSuspend, directory.Suspended)
	s.bindState(command.UserFreeze, directory.Frozen)
	s.bindState(command.UserArchive, directory.Archived)
	bind(s, command.UserRestore, s.userRestore)
}

func (s *Server) userAdd(ctx context.Context, c *Call, in *command.UserAddInput) (*command.NewUser, error) {
	c.object = in.Body.Address
	u, err := newUserFields(in.Body)
	if err != nil {
		return nil, err
	}
	if err := s.free(u.Address); err != nil {
		return nil, err
	}
	made, err := s.makePassword(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	u.Credentials = made.credentials()
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		if err = tx.CreateUser(u); err == nil {
			u, err = tx.User(u.Address)
		}
		return err
	})
	return &command.NewUser{User: s.user(u), Password: made.shown}, err
}

// free refuses an address that is taken before a password is hashed in vain;
// the directory has the last word, and better ones.
func (s *Server) free(a mailaddr.Addr) error {
	r := s.Directory.View().Lookup(mailaddr.KeyOf(a))
	if r.Kind() != directory.KindUser {
		return nil
	}
	return &directory.Error{Code: directory.CodeExists, Field: "address", Detail: fmt.Sprintf("%s already exists as a user", a.Unicode())}
}

func (s *Server) userList(ctx context.Context, _ *Call, in *command.ListInput) (iter.Seq2[command.User, error], error) {
	f, err := s.listed(in)
	if err != nil {
		return nil, err
	}
	return reading(ctx, s.names(directory.KindUser, f), func(name string) (command.User, error) {
		address, err := mailaddr.FromInternal(name)
		if err != nil {
			return command.User{}, err
		}
		u, err := s.Directory.ReadUser(ctx, address)
		return s.user(u), err
	}), nil
}

func (s *Server) userShow(ctx context.Context, _ *Call, in *command.UserInput) (*command.User, error) {
	u, err := s.readUser(ctx, in.Address)
	if err != nil {
		return nil, err
	}
	shown := s.user(u)
	return &shown, nil
}

func (s *Server) readUser(ctx context.Context, text string) (directory.UserFields, error) {
	address, err := parseAddress("address", text)
	if err != nil {
		return directory.UserFields{}, err
	}
	return s.Directory.ReadUser(ctx, address)
}

func (s *Server) userSet(ctx context.Context, c *Call, in *command.UserSetInput) (*command.User, error) {
	edits, err := parseUserFields(in.Body.UserFields)
	if err != nil {
		return nil, err
	}
	c.match.expect(in.Body.Revision)
	return s.changeUser(ctx, c, in.Address, edits.apply)
}

// changeUser changes a user, at the revision that the call names.
func (s *Server) changeUser(ctx context.Context, c *Call, text string, fn func(*directory.UserFields) error) (*command.User, error) {
	address, err := parseAddress("address", text)
	if err != nil {
		return nil, err
	}
	var u directory.UserFields
	err = s.update(ctx, c, func(tx *directory.Tx) (err error) {
		if err = tx.ChangeUser(address, c.match.seen, fn); err == nil {
			u, err = tx.User(address)
		}
		return err
	})
	shown := s.user(u)
	return &shown, err
}

func (s *Server) userDelete(ctx context.Context, c *Call, in *command.UserChangeInput) (*command.Gone, error) {
	address, err := parseAddress("address", in.Address)
	if err != nil {
		return nil, err
	}
	c.match.expect(in.Revision)
	err = s.update(ctx, c, func(tx *directory.Tx) error {
		return tx.DeleteUser(address, c.match.seen)
	})
	return c.gone(address.String()), err
}

// bindState binds one of the commands that set a user's state.
func (s *Server) bindState(op command.Op[command.UserChangeInput, command.User], to directory.State) {
	bind(s, op, func(ctx context.Context, c *Call, in *command.UserChangeInput) (*command.User, error) {
		c.match.expect(in.Revision)
		return s.changeUser(ctx, c, in.Address, func(u *directory.UserFields) error { return setState(u, to) })
	})
}

// setState lets an archived user change only by being restored: whoever set it
// aside to be deleted shall not find it receiving mail again by accident.
func setState(u *directory.UserFields, to directory.State) error {
	if u.State == directory.Archived && to != directory.Archived {
		return refuse(http.StatusConflict, CodeArchived, fmt.Sprintf("%s is archived; restore it first", u.Address.Unicode()))
	}
	u.State = to
	return nil
}

func (s *Server) userRestore(ctx context.Context, c *Call, in *command.UserChangeInput) (*command.User, error) {
	c.match.expect(in.Revision)
	return s.changeUser(ctx, c, in.Address, func(u *directory.UserFields) error {
		if u.State != directory.Archived {
			return refuse(http.StatusConflict, CodeNotArchived, fmt.Sprintf("%s is %s, not archived", u.Address.Unicode(), u.State))
		}
		u.State = directory.Active
		return nil
	})
}
