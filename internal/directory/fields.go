package directory

import (
	"time"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// Revision counts commands that changed something. A record carries the
// revision of the command that wrote it last; no two commands share one.
type Revision uint64

// AnyRevision is the match of a change that is right whatever the record holds.
const AnyRevision Revision = 0

// Limit is a quota limit that may be inherited: from the plan, the domain, then
// the configured default.
type Limit struct {
	Inherit bool
	Bytes   bytesize.Size // 0: unlimited; meaningless when inherited
}

// InheritLimit is the limit of a user or domain that does not set its own.
var InheritLimit = Limit{Inherit: true}

// Switches are what an administrator can allow or forbid a user one by one.
type Switches struct {
	Services      Services
	Submit        Submit
	SubmitDomains []mailaddr.Domain // for SubmitListed
	Receive       Receive
}

// DefaultSwitches allow everything.
func DefaultSwitches() Switches { return Switches{Services: AllServices} }

// CredentialKind says what a credential is for.
type CredentialKind uint8

// The kinds of credentials. Their numbers are part of the record format.
const (
	MainPassword CredentialKind = iota
	AppPassword
	OneTimePassword
	credentialKindEnd
)

// Credential is one secret of a user, hashed.
type Credential struct {
	Kind      CredentialKind
	Label     string    // what the user calls it; unique among app passwords; empty for the main password
	Services  Services  // where it is taken, within the user's own services
	SingleUse bool      // gone after the first login
	Expires   time.Time // zero: never; second precision
	Hash      string    // {SCHEME}…
}

// Profile is what gatepost keeps for others and never acts on.
type Profile struct {
	Language, Timezone, DateFormat string
	Recovery                       string // address for password reset mail; never used to log in
}

// UserFields is everything kept about a user.
type UserFields struct {
	Address     mailaddr.Addr
	DisplayName string
	LoginName   mailaddr.LoginName
	Addresses   []mailaddr.Addr // further addresses, same password and mailbox
	State       State
	Switches    Switches
	Roles       Roles
	RoleDomains []mailaddr.Domain // for RoleDomainAdmin; empty: the user's own
	Plan        string
	Quota       Limit
	Forward     []mailaddr.Addr
	KeepCopy    bool // a copy of forwarded mail stays in the mailbox
	Credentials []Credential
	Profile     Profile

	// Set by the directory, ignored on the way in.
	Revision        Revision
	CreatedRevision Revision
	Created         time.Time
}

// AliasFields is everything kept about an alias.
type AliasFields struct {
	Address mailaddr.Addr
	Targets []mailaddr.Addr

	// Set by the directory, ignored on the way in.
	Revision        Revision
	CreatedRevision Revision
	Created         time.Time
}

// DomainFields is everything kept about a domain.
type DomainFields struct {
	Domain     mailaddr.Domain
	State      DomainState
	Quota      Limit // default for its users
	CatchAll   mailaddr.Addr
	Plan       string
	MaxUsers   uint64 // 0: no limit, as below
	MaxAliases uint64
	MaxBytes   bytesize.Size // sum of its users' quota limits
	Permanent  bool          // a deleted address is never given to someone else

	// Set by the directory, ignored on the way in.
	Revision        Revision
	CreatedRevision Revision
	Created         time.Time
}
