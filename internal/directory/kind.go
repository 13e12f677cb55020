package directory

import (
	"fmt"
	"strings"
)

// Kind says what holds a name.
type Kind uint8

// The kinds. Their numbers are part of the record format.
const (
	KindNone      Kind = iota
	KindDomain         // stands under "@domain"
	KindUser           // a user's address
	KindAddress        // a further address of a user
	KindLogin          // a login name, without '@'
	KindAlias          // leads to targets
	KindGroup          // a distribution list; kept for the commands that will make them
	KindReserved       // a name that only an administrator may give out
	KindTombstone      // a deleted name of a domain whose addresses are permanent
	kindEnd
)

var kindNames = [kindEnd]string{"none", "domain", "user", "further address", "login name", "alias", "group", "reserved name", "deleted name"}

// String returns the kind in an administrator's words.
func (k Kind) String() string { return nameOf(kindNames[:], uint8(k)) }

// phrase returns the kind with its article.
func (k Kind) phrase() string {
	if k == KindAlias {
		return "an alias"
	}
	return "a " + k.String()
}

// Kinds lists every kind that a name can be held by.
func Kinds() []Kind {
	all := make([]Kind, 0, kindEnd-1)
	for k := KindDomain; k < kindEnd; k++ {
		all = append(all, k)
	}
	return all
}

// State overlays a user's switches without erasing them.
type State uint8

// The states. Their numbers are part of the record format.
const (
	Active    State = iota
	Disabled        // no login, no submission, mail refused
	Suspended       // no login, no submission, mail stored
	Frozen          // no login, no submission, mail deferred
	Archived        // as Disabled; the address only waits for restore or delete
	stateEnd
)

var stateNames = [stateEnd]string{"active", "disabled", "suspended", "frozen", "archived"}

// String returns the state as commands and JSON spell it.
func (s State) String() string { return nameOf(stateNames[:], uint8(s)) }

// ParseState is the inverse of String.
func ParseState(text string) (State, error) { return parseName[State](stateNames[:], "state", text) }

// Services is the set of services a user may log in to.
type Services uint8

// The services, by the names Dovecot and Postfix use.
const (
	IMAP Services = 1 << iota
	POP3
	SMTP  // submission
	Sieve // ManageSieve

	NoServices  Services = 0
	AllServices          = IMAP | POP3 | SMTP | Sieve
)

var serviceNames = []string{"imap", "pop3", "smtp", "sieve"}

// Has reports whether every service of want is in s.
func (s Services) Has(want Services) bool { return s&want == want }

// List returns the names of the services in s.
func (s Services) List() []string {
	names := []string{}
	for i, name := range serviceNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the services as a comma-separated list, or "none".
func (s Services) String() string {
	if s == NoServices {
		return "none"
	}
	return strings.Join(s.List(), ",")
}

// ParseServices reads what List gives. An empty list is no service at all.
func ParseServices(names []string) (Services, error) {
	var s Services
	for _, name := range names {
		bit, err := parseName[uint8](serviceNames, "service", name)
		if err != nil {
			return 0, err
		}
		s |= 1 << bit
	}
	return s, nil
}

// Submit says where a user may submit mail to.
type Submit uint8

// The values of Submit. Their numbers are part of the record format.
const (
	SubmitAny    Submit = iota
	SubmitOwn           // only to the user's own domain (local-only)
	SubmitListed        // only to the listed domains
	SubmitNone          // not at all
	submitEnd
)

var submitNames = [submitEnd]string{"any", "own", "listed", "none"}

// String returns the value as commands and JSON spell it.
func (s Submit) String() string { return nameOf(submitNames[:], uint8(s)) }

// Receive says what happens with mail for a user.
type Receive uint8

// The values of Receive. Their numbers are part of the record format.
const (
	ReceiveAccept  Receive = iota
	ReceiveReject          // refused for good
	ReceiveDefer           // refused for now
	ReceiveDiscard         // accepted and thrown away, by the transport map
	receiveEnd
)

var receiveNames = [receiveEnd]string{"accept", "reject", "defer", "discard"}

// String returns the value as commands and JSON spell it.
func (r Receive) String() string { return nameOf(receiveNames[:], uint8(r)) }

// ParseReceive is the inverse of String.
func ParseReceive(text string) (Receive, error) {
	return parseName[Receive](receiveNames[:], "receive", text)
}

// DomainState says whether a domain's mail flows.
type DomainState uint8

// The domain states. Their numbers are part of the record format.
const (
	DomainActive   DomainState = iota
	DomainPending              // being set up: users can be made, mail is deferred
	DomainFrozen               // being moved: mail is deferred
	DomainDisabled             // mail is refused, nobody logs in
	domainStateEnd
)

var domainStateNames = [domainStateEnd]string{"active", "pending", "frozen", "disabled"}

// String returns the state as commands and JSON spell it.
func (s DomainState) String() string { return nameOf(domainStateNames[:], uint8(s)) }

// ParseDomainState is the inverse of String.
func ParseDomainState(text string) (DomainState, error) {
	return parseName[DomainState](domainStateNames[:], "state", text)
}

// Roles is the set of roles a user has towards the administration.
type Roles uint8

// The roles.
const (
	RoleAdmin       Roles = 1 << iota // everything, every domain
	RoleDomainAdmin                   // users and aliases of the role domains
	rolesEnd
)

var roleNames = []string{"admin", "domain-admin"}

// List returns the names of the roles in r.
func (r Roles) List() []string {
	names := []string{}
	for i, name := range roleNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// ParseRole reads one role's name.
func ParseRole(text string) (Roles, error) {
	bit, err := parseName[uint8](roleNames, "role", text)
	return 1 << bit, err
}

func nameOf(names []string, n uint8) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%d", n)
}

func parseName[T ~uint8](names []string, field, text string) (T, error) {
	for i, name := range names {
		if name == text {
			return T(i), nil
		}
	}
	return 0, &Error{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf("%.64q is not one of %s", text, strings.Join(names, ", "))}
}
