package adminsock

import (
	"slices"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

type userFields = directory.UserFields

// newUserFields reads a user to be added, without its password. What is said of
// a field wins over the presets.
func newUserFields(in command.UserAddBody) (userFields, error) {
	address, err := mailaddr.ParseMailbox(in.Address)
	if err != nil {
		return userFields{}, wrong("address", "%v", err)
	}
	u := userFields{Address: address, Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit}
	if in.SendOnly {
		u.Switches.Services, u.Switches.Receive = directory.SMTP, directory.ReceiveReject
	}
	if in.LocalOnly {
		u.Switches.Submit = directory.SubmitOwn
	}
	e, err := parseUserFields(in.UserFields)
	if err != nil {
		return userFields{}, err
	}
	return u, e.apply(&u)
}

// parseUserFields reads what is to change of a user.
func parseUserFields(f command.UserFields) (edits[userFields], error) {
	var e edits[userFields]
	for _, read := range []func(*edits[userFields], command.UserFields) error{
		readQuota, readNames, readForward, readRoles, readSwitches, readState,
	} {
		if err := read(&e, f); err != nil {
			return nil, err
		}
	}
	plainField(&e, f.Plan, func(u *userFields) *string { return &u.Plan })
	plainField(&e, f.Language, func(u *userFields) *string { return &u.Profile.Language })
	plainField(&e, f.Timezone, func(u *userFields) *string { return &u.Profile.Timezone })
	plainField(&e, f.DateFormat, func(u *userFields) *string { return &u.Profile.DateFormat })
	plainField(&e, f.Recovery, func(u *userFields) *string { return &u.Profile.Recovery })
	return e, nil
}

func readQuota(e *edits[userFields], f command.UserFields) error {
	limit, given, err := parseLimit(f.Quota, f.QuotaBytes)
	if given && err == nil {
		e.set(func(u *userFields) { u.Quota = limit })
	}
	return err
}

func readNames(e *edits[userFields], f command.UserFields) error {
	if f.Name.Set && f.DisplayName.Set {
		return wrong("name", "is another name of display_name; give one of them")
	}
	displayName := func(u *userFields) *string { return &u.DisplayName }
	plainField(e, f.Name, displayName)
	plainField(e, f.DisplayName, displayName)
	err := parsedField(e, f.LoginName, named("login_name", parseLoginName), func(u *userFields) *mailaddr.LoginName { return &u.LoginName })
	if err != nil {
		return err
	}
	return parsedField(e, f.Addresses, named("addresses", parseAddresses), func(u *userFields) *[]mailaddr.Addr { return &u.Addresses })
}

// parseLoginName takes nothing for no login name.
func parseLoginName(field, text string) (mailaddr.LoginName, error) {
	if text == "" {
		return mailaddr.LoginName{}, nil
	}
	name, err := mailaddr.ParseLoginName(text)
	if err != nil {
		return name, wrong(field, "%v", err)
	}
	return name, nil
}

func readForward(e *edits[userFields], f command.UserFields) error {
	err := parsedField(e, f.Forward, named("forward", parseAddresses), func(u *userFields) *[]mailaddr.Addr { return &u.Forward })
	if err != nil || !f.KeepCopy.Set {
		return err
	}
	keep := f.KeepCopy.Value
	*e = append(*e, func(u *userFields) error {
		if keep && len(u.Forward) == 0 {
			return wrong("keep_copy", "the user's mail is not forwarded, so it stays anyway")
		}
		u.KeepCopy = keep
		return nil
	})
	return nil
}

func readRoles(e *edits[userFields], f command.UserFields) error {
	switch {
	case f.Role.Set && f.Roles.Set:
		return wrong("role", "is another name of roles; give one of them")
	case f.Role.Set:
		roles, domains, err := parseRole("role", f.Role.Value)
		if err != nil {
			return err
		}
		if domains != nil && f.Domains.Set {
			return wrong("domains", "the role names its domains already; give one of them")
		}
		e.set(func(u *userFields) { u.Roles, u.RoleDomains = roles, domains })
	case f.Roles.Set:
		roles, err := parseRoles("roles", f.Roles.Value)
		if err != nil {
			return err
		}
		e.set(func(u *userFields) { u.Roles = roles })
	}
	return readRoleDomains(e, f.Domains)
}

// readRoleDomains refuses domains that would mean nothing.
func readRoleDomains(e *edits[userFields], f command.Optional[[]string]) error {
	if !f.Set {
		return nil
	}
	domains, err := parseDomains("domains", f.Value)
	if err != nil {
		return err
	}
	*e = append(*e, func(u *userFields) error {
		if len(domains) > 0 && u.Roles&directory.RoleDomainAdmin == 0 {
			return wrong("domains", "are those of the role domain-admin, which the user does not have; where mail may be submitted to is submit_domains, or submit=listed:DOMAIN,...")
		}
		u.RoleDomains = domains
		return nil
	})
	return nil
}

func readSwitches(e *edits[userFields], f command.UserFields) error {
	if nested := f.Switches.Value; f.Switches.Set {
		if f.Services.Set && nested.Services.Set || f.Submit.Set && nested.Submit.Set || f.Receive.Set && nested.Receive.Set {
			return wrong("switches", "holds a switch that is given beside it too; give one of them")
		}
		f.Services, f.Submit, f.Receive = either(f.Services, nested.Services), either(f.Submit, nested.Submit), either(f.Receive, nested.Receive)
	}
	services := func(u *userFields) *directory.Services { return &u.Switches.Services }
	if err := parsedField(e, f.Services, named("services", parseServices), services); err != nil {
		return err
	}
	if err := parsedField(e, f.Receive, named("receive", parseReceive), func(u *userFields) *directory.Receive { return &u.Switches.Receive }); err != nil {
		return err
	}
	return readSubmit(e, f)
}

func either[T any](a, b command.Optional[T]) command.Optional[T] {
	if a.Set {
		return a
	}
	return b
}

func parseReceive(field, text string) (directory.Receive, error) {
	r, err := directory.ParseReceive(text)
	if err != nil {
		return 0, wrong(field, "not one of accept, reject, defer, discard")
	}
	return r, nil
}

func readSubmit(e *edits[userFields], f command.UserFields) error {
	if f.Submit.Set {
		submit, domains, err := parseSubmit("submit", f.Submit.Value)
		if err != nil {
			return err
		}
		if domains != nil && f.SubmitDomains.Set {
			return wrong("submit_domains", "submit names its domains already; give one of them")
		}
		e.set(func(u *userFields) {
			u.Switches.Submit = submit
			if domains != nil {
				u.Switches.SubmitDomains = domains
			}
		})
	}
	if !f.SubmitDomains.Set {
		return nil
	}
	domains, err := parseDomains("submit_domains", f.SubmitDomains.Value)
	if err != nil {
		return err
	}
	*e = append(*e, func(u *userFields) error {
		if len(domains) > 0 && u.Switches.Submit != directory.SubmitListed {
			return wrong("submit_domains", "mean nothing unless submit is listed")
		}
		u.Switches.SubmitDomains = domains
		return nil
	})
	return nil
}

func readState(e *edits[userFields], f command.UserFields) error {
	if f.State.Set && f.Disabled.Set {
		return wrong("disabled", "state says it already; give one of them")
	}
	if f.State.Set {
		state, err := directory.ParseState(f.State.Value)
		if err != nil {
			return wrong("state", "not one of active, disabled, suspended, frozen, archived")
		}
		e.set(func(u *userFields) { u.State = state })
	}
	if f.Disabled.Set {
		disabled := f.Disabled.Value
		*e = append(*e, func(u *userFields) error { return setDisabled(u, disabled) })
	}
	return nil
}

// setDisabled changes nothing for a user who is so already: archived is a kind
// of disabled, suspended and frozen are not.
func setDisabled(u *userFields, disabled bool) error {
	if disabled == isDisabled(u.State) {
		return nil
	}
	if disabled {
		return setState(u, directory.Disabled)
	}
	return setState(u, directory.Active)
}

func isDisabled(s directory.State) bool { return s == directory.Disabled || s == directory.Archived }

// user returns a user in JSON.
func (s *Server) user(u userFields) command.User {
	out := command.User{
		Address: u.Address.String(), LoginName: u.LoginName.String(), DisplayName: u.DisplayName, Addresses: texts(u.Addresses),
		Disabled: isDisabled(u.State), State: u.State.String(),
		Switches: command.Switches{Services: u.Switches.Services.List(), Submit: u.Switches.Submit.String(), Receive: u.Switches.Receive.String()},
		Roles:    u.Roles.List(), Domains: texts(u.RoleDomains), SubmitDomains: texts(u.Switches.SubmitDomains),
		Forward: texts(u.Forward), KeepCopy: u.KeepCopy, Plan: u.Plan,
		Language: u.Profile.Language, Timezone: u.Profile.Timezone, DateFormat: u.Profile.DateFormat, Recovery: u.Profile.Recovery,
		HasPassword: slices.ContainsFunc(u.Credentials, isMain),
		QuotaBytes:  quotaBytes(u.Quota),
		Revision:    uint64(u.Revision), Created: u.Created,
	}
	view := s.Directory.View()
	if record := view.User(mailaddr.KeyOf(u.Address)); record.Exists() {
		out.LimitBytes = view.Limit(record)
		out.UsedBytes, out.UsedMessages, out.UsedAt = s.used(record)
		out.LastLogin = s.lastLogin(record)
	}
	return out
}

func isMain(c directory.Credential) bool { return c.Kind == directory.MainPassword }

// used returns what Dovecot reported of a mailbox: nulls when it did not.
func (s *Server) used(u directory.User) (bytes *int64, messages *uint32, at *time.Time) {
	usage := s.Ledger.Usage(u.Mailbox())
	if !usage.Known() {
		return nil, nil, nil
	}
	measured := usage.Measured.UTC()
	return &usage.Bytes, &usage.Messages, &measured
}

func (s *Server) lastLogin(u directory.User) *time.Time {
	if s.LastLogin == nil {
		return nil
	}
	t := s.LastLogin(u).UTC()
	if t.IsZero() {
		return nil
	}
	return &t
}
