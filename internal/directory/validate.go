package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Limits of a user's fields.
const (
	maxText        = 256 // bytes of a display name
	maxShortText   = 64  // bytes of a language, time zone, date format, label
	maxHash        = 512 // bytes of a password hash
	maxList        = 200 // further addresses, forwards, domains of a user
	maxCredentials = 100
)

// normalise brings a user's fields into the form that is kept, or says which
// one cannot be.
func (u *UserFields) normalise() error {
	u.Addresses, u.Forward = unique(u.Addresses), unique(u.Forward)
	u.Switches.SubmitDomains, u.RoleDomains = unique(u.Switches.SubmitDomains), unique(u.RoleDomains)
	for _, check := range []func() error{u.checkNames, u.checkTexts, u.checkSwitches, u.checkRoles, u.checkCredentials} {
		if err := check(); err != nil {
			return err
		}
	}
	return checkLimit(u.Quota)
}

func (u *UserFields) checkNames() error {
	if u.Address.IsZero() {
		return invalid("address", "a user needs an address")
	}
	if err := checkMailbox("address", u.Address); err != nil {
		return err
	}
	for _, a := range u.Addresses {
		if err := checkMailbox("addresses", a); err != nil {
			return err
		}
	}
	switch {
	case slices.Contains(u.Addresses, u.Address):
		return invalid("addresses", u.Address.Unicode()+" is the user's address already")
	case len(u.Addresses) > maxList:
		return invalid("addresses", fmt.Sprintf("%d are too many; %d are allowed", len(u.Addresses), maxList))
	case len(u.Forward) > maxList:
		return invalid("forward", fmt.Sprintf("%d are too many; %d are allowed", len(u.Forward), maxList))
	case u.KeepCopy && len(u.Forward) == 0:
		u.KeepCopy = false
	}
	return nil
}

func checkMailbox(field string, a mailaddr.Addr) error {
	if _, err := mailaddr.ParseMailbox(a.String()); err != nil {
		return &Error{Code: CodeInvalid, Field: field, Err: err, Detail: "not an address for a mailbox"}
	}
	return nil
}

func (u *UserFields) checkTexts() error {
	if u.Plan != "" {
		return invalid("plan", fmt.Sprintf("there is no plan %.64q", u.Plan))
	}
	for _, t := range []struct {
		field, text string
		limit       int
	}{
		{"display_name", u.DisplayName, maxText},
		{"language", u.Profile.Language, maxShortText},
		{"timezone", u.Profile.Timezone, maxShortText},
		{"date_format", u.Profile.DateFormat, maxShortText},
	} {
		if err := checkText(t.field, t.text, t.limit); err != nil {
			return err
		}
	}
	if u.Profile.Recovery == "" {
		return nil
	}
	a, err := mailaddr.Parse(u.Profile.Recovery)
	if err != nil {
		return &Error{Code: CodeInvalid, Field: "recovery", Detail: "not an address", Err: err}
	}
	u.Profile.Recovery = a.String()
	return nil
}

// checkText refuses what would disturb a line of output: control characters,
// line ends, broken UTF-8.
func checkText(field, text string, limit int) error {
	switch {
	case len(text) > limit:
		return invalid(field, fmt.Sprintf("%d bytes are too long; %d are allowed", len(text), limit))
	case !utf8.ValidString(text):
		return invalid(field, "not valid UTF-8")
	}
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		return invalid(field, fmt.Sprintf("control character at byte %d", i))
	}
	return nil
}

func (u *UserFields) checkSwitches() error {
	s := &u.Switches
	switch {
	case u.State >= stateEnd || s.Submit >= submitEnd || s.Receive >= receiveEnd || s.Services > AllServices:
		return invalid("switches", "unknown value")
	case s.Submit == SubmitListed && len(s.SubmitDomains) == 0:
		return invalid("submit", "listed needs the domains that are allowed")
	case len(s.SubmitDomains) > maxList:
		return invalid("submit", fmt.Sprintf("%d domains are too many; %d are allowed", len(s.SubmitDomains), maxList))
	case s.Submit != SubmitListed:
		s.SubmitDomains = nil
	}
	return nil
}

func (u *UserFields) checkRoles() error {
	if u.Roles >= rolesEnd {
		return invalid("roles", "unknown role")
	}
	if u.Roles&RoleDomainAdmin == 0 {
		u.RoleDomains = nil
	}
	if len(u.RoleDomains) > maxList {
		return invalid("roles", fmt.Sprintf("%d domains are too many; %d are allowed", len(u.RoleDomains), maxList))
	}
	return nil
}

func (u *UserFields) checkCredentials() error {
	if len(u.Credentials) > maxCredentials {
		return invalid("credentials", fmt.Sprintf("%d are too many; %d are allowed", len(u.Credentials), maxCredentials))
	}
	labels := map[string]bool{}
	for _, c := range u.Credentials {
		if err := checkText("label", c.Label, maxShortText); err != nil {
			return err
		}
		id := fmt.Sprint(c.Kind, "/", c.Label)
		switch {
		case c.Kind >= credentialKindEnd || c.Services > AllServices:
			return invalid("credentials", "unknown kind or service")
		case c.Hash == "" || len(c.Hash) > maxHash || c.Hash[0] != '{':
			return invalid("credentials", "not a {SCHEME} hash")
		case labels[id]:
			return &Error{Code: CodeExists, Field: "label", Detail: fmt.Sprintf("%s already has one called %q", u.Address.Unicode(), c.Label)}
		}
		labels[id] = true
	}
	slices.SortStableFunc(u.Credentials, func(a, b Credential) int { return int(a.Kind) - int(b.Kind) })
	return nil
}

func checkLimit(l Limit) error {
	if l.Bytes < 0 {
		return invalid("quota", "a limit cannot be negative")
	}
	return nil
}

func (d *DomainFields) validate() error {
	switch {
	case d.Domain.IsZero():
		return invalid("domain", "a domain needs a name")
	case d.State >= domainStateEnd:
		return invalid("state", "unknown value")
	case d.Plan != "":
		return invalid("plan", fmt.Sprintf("there is no plan %.64q", d.Plan))
	case d.MaxBytes < 0:
		return invalid("max_bytes", "a limit cannot be negative")
	}
	return checkLimit(d.Quota)
}

// checkRecord reports why a name and a value do not make a record.
func checkRecord(key, value []byte) error {
	if err := checkValue(value); err != nil {
		return err
	}
	if len(key) == 0 || len(key) > mailaddr.MaxKey {
		return fmt.Errorf("a name of %d bytes", len(key))
	}
	at := bytes.LastIndexByte(key, '@')
	kind := Kind(value[1])
	switch {
	case (kind == KindDomain) != (at == 0):
		return fmt.Errorf("%s under this name", kind.phrase())
	case (kind == KindLogin) != (at < 0):
		return fmt.Errorf("%s under this name", kind.phrase())
	case at == len(key)-1:
		return errors.New("a name that ends in @")
	}
	return nil
}
