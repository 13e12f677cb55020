package login

import (
	"slices"

	"github.com/gatepost/gatepost/internal/directory"
)

// Code says in which way a protocol should put a denial.
type Code uint8

// The codes.
const (
	NotAllowed    Code = iota // the account, or this service of it, is closed
	NotAuthorized             // the client may not act as the identity it asked for
)

// Rule forbids a login whose secret was right.
type Rule struct {
	Name string // in logs and explanations
	Code Code
	Text string // what the owner of the password may be told; names no address

	applies func(*facts) bool
}

// facts are what a rule reads.
type facts struct {
	service  Service
	user     directory.User
	domain   directory.Domain
	stranger bool // the client asked to act as somebody else
}

// table: the first rule that applies decides; when none does, the login is fine.
var table = []Rule{
	{Name: "authorization-identity", Code: NotAuthorized, Text: "Not authorized", applies: func(f *facts) bool { return f.stranger }},
	{Name: "service-unknown", Text: "This service is not available", applies: func(f *facts) bool { return f.service == UnknownService }},
	{Name: "domain-disabled", Text: "Account disabled", applies: domainDisabled},
	{Name: "account-disabled", Text: "Account disabled", applies: func(f *facts) bool { return f.user.State() != directory.Active }},
	{Name: "account-send-only", Text: "This account can only send mail", applies: sendOnly},
	{Name: "service-disabled", Text: "This service is not enabled for this account", applies: serviceDisabled},
	{Name: "no-submission", Text: "This account may not send mail", applies: noSubmission},
}

// Rules returns the rule table.
func Rules() []Rule { return slices.Clone(table) }

// A domain that is missing is as closed as a disabled one: its users go first.
func domainDisabled(f *facts) bool {
	return !f.domain.Exists() || f.domain.State() == directory.DomainDisabled
}

func serviceDisabled(f *facts) bool { return !f.user.Services().Has(services[f.service].bit) }

// sendOnly is a service for reading mail, asked for by an account that has
// nothing but submission.
func sendOnly(f *facts) bool { return serviceDisabled(f) && f.user.Services() == directory.SMTP }

func noSubmission(f *facts) bool {
	return f.service == SMTP && f.user.Submit() == directory.SubmitNone
}

// denied returns the rule that forbids the login, or nil.
func (f *facts) denied() *Rule {
	for i := range table {
		if table[i].applies(f) {
			return &table[i]
		}
	}
	return nil
}
