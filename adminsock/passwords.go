package adminsock

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
)

// How long one-time and app passwords may be good for.
const (
	defaultOTP = 5 * time.Minute
	maxOTP     = 24 * time.Hour
	maxApp     = 10 * 365 * 24 * time.Hour
)

func (s *Server) bindPasswords() {
	bind(s, command.UserPasswd, s.userPasswd)
	bind(s, command.UserOTP, s.userOTP)
	bind(s, command.AppPasswordAdd, s.appPasswordAdd)
	bindList(s, command.AppPasswordList, s.appPasswordList)
	bind(s, command.AppPasswordRevoke, s.appPasswordRevoke)
}

// made is a password that was made ready to be stored.
type made struct {
	hash  string // empty: none
	shown string // the password itself, when it was made here
}

func (m made) credentials() []directory.Credential {
	if m.hash == "" {
		return nil
	}
	return []directory.Credential{{Kind: directory.MainPassword, Services: directory.AllServices, Hash: m.hash}}
}

// makePassword hashes the password of a request: it takes its time, so it runs
// before the committer does. The request's secrets are overwritten.
func (s *Server) makePassword(ctx context.Context, in command.Password) (made, error) {
	defer clear(in.Password)
	defer clear(in.PasswordHash)
	if err := onlyOne(in); err != nil {
		return made{}, err
	}
	settings := s.Settings()
	switch {
	case in.Random:
		secret := password.Random()
		hash, err := s.Verifier.Hash(ctx, settings.Scheme, secret)
		return made{hash, string(secret)}, err
	case in.PasswordHash != nil:
		return parseHash(in.PasswordHash)
	case in.Password != nil:
		return s.hash(ctx, settings, password.Secret(in.Password))
	}
	return made{}, nil
}

func (s *Server) hash(ctx context.Context, settings Settings, secret password.Secret) (made, error) {
	if err := settings.Policy.Check(secret); err != nil {
		return made{}, err
	}
	hash, err := s.Verifier.Hash(ctx, settings.Scheme, secret)
	return made{hash: hash}, err
}

func parseHash(text []byte) (made, error) {
	hash, err := password.ParseHash(string(text))
	if err != nil {
		return made{}, wrong("password_hash", "%v", err)
	}
	return made{hash: hash}, nil
}

// onlyOne refuses a request that gives its password in two ways.
func onlyOne(in command.Password) error {
	given := 0
	for _, is := range []bool{in.Password != nil, in.PasswordHash != nil, in.Random, in.NoPassword} {
		if is {
			given++
		}
	}
	if given > 1 {
		return wrong("password", "give one of password, password_hash, random and no_password")
	}
	return nil
}

func (s *Server) userPasswd(ctx context.Context, c *Call, in *command.UserPasswdInput) (*command.PasswordSet, error) {
	if p := in.Body; p.Password == nil && p.PasswordHash == nil && !p.Random && !p.NoPassword {
		return nil, wrong("password", "give one of password, password_hash, random and no_password")
	}
	if _, err := s.readUser(ctx, in.Address); err != nil {
		return nil, err
	}
	made, err := s.makePassword(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	u, err := s.changeUser(ctx, c, in.Address, func(u *directory.UserFields) error {
		u.Credentials = append(made.credentials(), slices.DeleteFunc(u.Credentials, isMain)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &command.PasswordSet{Address: u.Address, Revision: uint64(c.revision), Password: made.shown}, nil
}

// addCredential gives a user a secret that is made here and shown once.
func (s *Server) addCredential(ctx context.Context, c *Call, text string, add directory.Credential) (*command.NewCredential, error) {
	secret := password.Random()
	add.Hash = password.HashRandom(secret)
	now := s.Now()
	u, err := s.changeUser(ctx, c, text, func(u *directory.UserFields) error {
		u.Credentials = append(slices.DeleteFunc(u.Credentials, expired(now)), add)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &command.NewCredential{
		Address: u.Address, Label: add.Label, Password: string(secret), Services: add.Services.List(),
		SingleUse: add.SingleUse, Expires: optionalTime(add.Expires), Revision: uint64(c.revision),
	}, nil
}

// expired reports whether a credential is of no more use to anybody.
func expired(now time.Time) func(directory.Credential) bool {
	return func(c directory.Credential) bool {
		return c.Kind == directory.OneTimePassword && !c.Expires.IsZero() && c.Expires.Before(now)
	}
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (s *Server) userOTP(ctx context.Context, c *Call, in *command.UserOTPInput) (*command.NewCredential, error) {
	ttl, err := parseTTL(in.Body.TTL, defaultOTP, maxOTP)
	if err != nil {
		return nil, err
	}
	return s.addCredential(ctx, c, in.Address, directory.Credential{
		Kind: directory.OneTimePassword, Label: c.Request, Services: directory.AllServices,
		SingleUse: in.Body.SingleUse, Expires: s.Now().Add(ttl).Truncate(time.Second),
	})
}

func (s *Server) appPasswordAdd(ctx context.Context, c *Call, in *command.AppPasswordAddInput) (*command.NewCredential, error) {
	ttl, err := parseTTL(in.Body.TTL, 0, maxApp)
	if err != nil {
		return nil, err
	}
	if in.Body.Label == "" {
		return nil, wrong("label", "an app password needs one, to be told from others")
	}
	credential := directory.Credential{Kind: directory.AppPassword, Label: in.Body.Label, Services: directory.AllServices}
	if len(in.Body.Services) > 0 {
		if credential.Services, err = parseServices("services", in.Body.Services); err != nil {
			return nil, err
		}
	}
	if ttl > 0 {
		credential.Expires = s.Now().Add(ttl).Truncate(time.Second)
	}
	return s.addCredential(ctx, c, in.Address, credential)
}

func (s *Server) appPasswordList(ctx context.Context, _ *Call, in *command.UserInput) (iter.Seq2[command.AppPassword, error], error) {
	u, err := s.readUser(ctx, in.Address)
	if err != nil {
		return nil, err
	}
	return func(yield func(command.AppPassword, error) bool) {
		for _, c := range u.Credentials {
			if c.Kind != directory.AppPassword {
				continue
			}
			if !yield(command.AppPassword{Label: c.Label, Services: c.Services.List(), Expires: optionalTime(c.Expires)}, nil) {
				return
			}
		}
	}, nil
}

func (s *Server) appPasswordRevoke(ctx context.Context, c *Call, in *command.AppPasswordInput) (*command.Gone, error) {
	is := func(c directory.Credential) bool { return c.Kind == directory.AppPassword && c.Label == in.Label }
	_, err := s.changeUser(ctx, c, in.Address, func(u *directory.UserFields) error {
		if !slices.ContainsFunc(u.Credentials, is) {
			return &directory.Error{Code: directory.CodeNotFound, Field: "label",
				Detail: fmt.Sprintf("%s has no app password %q", u.Address.Unicode(), printable(in.Label))}
		}
		u.Credentials = slices.DeleteFunc(u.Credentials, is)
		return nil
	})
	return c.gone(in.Label), err
}
