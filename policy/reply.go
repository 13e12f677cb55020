package policy

import "strings"

// Reply is what a rule says to Postfix: one of a closed set of access actions.
// The zero Reply, Dunno, lets Postfix go on.
type Reply uint8

// The replies, dense: an array of ReplyCount elements has a place for each. They
// are promises to those who read them in mail logs; none names an address.
const (
	Dunno Reply = iota
	AccountDisabled
	MayNotSend
	OwnDomainOnly
	ListedDomainsOnly
	SenderFull
	NotOwner
	MailboxDisabled
	MailboxUnavailable
	DoesNotReceive
	MailboxFull
	MailboxFullNow   // mail in flight takes the room
	TemporaryFailure // gatepost is in trouble; no rule says this
	ReplyCount
)

// access holds the actions as access(5) has them. Each has an enhanced status
// code: a reply of digits alone would permit (measured).
var access = [ReplyCount]string{
	Dunno:              "DUNNO",
	AccountDisabled:    "550 5.7.1 Account disabled",
	MayNotSend:         "550 5.7.1 This account may not send mail",
	OwnDomainOnly:      "550 5.7.1 This account may only send to its own domain",
	ListedDomainsOnly:  "550 5.7.1 This account may only send to certain domains",
	SenderFull:         "552 5.2.2 Your mailbox is full; delete mail before sending",
	NotOwner:           "553 5.7.1 This sender address does not belong to the account",
	MailboxDisabled:    "550 5.2.1 Mailbox disabled",
	MailboxUnavailable: "450 4.2.1 Mailbox temporarily unavailable",
	DoesNotReceive:     "550 5.2.1 This account does not receive mail",
	MailboxFull:        "552 5.2.2 Mailbox full",
	MailboxFullNow:     "452 4.2.2 Mailbox full",
	TemporaryFailure:   "DEFER_IF_PERMIT 4.3.0 Account policy temporarily unavailable",
}

// String returns the action with its text, as it stands behind "action=".
func (r Reply) String() string { return access[r] }

// Status returns the enhanced status code and the text; empty for Dunno.
func (r Reply) Status() string {
	_, status, _ := strings.Cut(access[r], " ")
	return status
}

// Action returns what the reply does.
func (r Reply) Action() Action {
	switch {
	case r == Dunno:
		return Pass
	case r == TemporaryFailure:
		return Fail
	case access[r][0] == '4':
		return Defer
	}
	return Reject
}

// Action says what came of a decision. Actions are dense: an array of ActionCount
// elements has a place for each.
type Action uint8

// The actions.
const (
	Pass   Action = iota // DUNNO
	Warned               // DUNNO, although a rule in warn mode applies
	Defer                // refused for now
	Reject               // refused for good
	Fail                 // gatepost could not decide
	ActionCount
)

// String returns the action as a metric's label and the log have it.
func (a Action) String() string {
	return [ActionCount]string{"dunno", "warn", "defer", "reject", "fail"}[a]
}

// Refuses reports whether the peer is told no, or not now.
func (a Action) Refuses() bool { return a >= Defer }
