package policy

import "iter"

// RuleID numbers a rule. IDs are dense: an array of RuleCount elements has a
// place for each, and one for NoRule.
type RuleID uint8

// The rules, in the order in which they are asked.
const (
	NoRule RuleID = iota
	SenderDisabled
	SenderNoSubmit
	SenderLocalOnly
	SenderOverQuota
	SenderNotOwner
	RecipientDisabled
	RecipientFrozen
	RecipientSendOnly
	RecipientOverQuota
	RuleCount
)

// Rule is a line of the table.
type Rule struct {
	ID     RuleID
	Name   string // in the configuration, metrics, logs and documents
	Stages Stage  // where it is asked, joined by |
	Doc    string // when it applies

	applies func(*Facts) Reply // Dunno: it does not
}

const bothStages = AtRecipient | AtEndOfMessage

// table is the order of the rules: the sender before the recipient, a state
// before a quota. What no rule refuses is DUNNO.
var table = [RuleCount - 1]Rule{
	{SenderDisabled, "sender-disabled", bothStages,
		"the authenticated sender is not active, was deleted, or its domain is disabled", senderDisabled},
	{SenderNoSubmit, "sender-no-submit", bothStages,
		"the authenticated sender may not submit mail at all", senderNoSubmit},
	{SenderLocalOnly, "sender-local-only", bothStages,
		"a final target of a recipient is outside the domains that the authenticated sender may send to", senderLocalOnly},
	{SenderOverQuota, "sender-over-quota", bothStages,
		"the mailbox of the authenticated sender is full", senderOverQuota},
	{SenderNotOwner, "sender-not-owner", bothStages,
		"MAIL FROM is not an address of the authenticated sender", senderNotOwner},
	{RecipientDisabled, "recipient-disabled", AtRecipient,
		"no final target takes mail, the first being disabled or archived, or in a disabled domain", recipientDisabled},
	{RecipientFrozen, "recipient-frozen", AtRecipient,
		"no final target takes mail now, but one does later: it is frozen or defers mail, or its domain is frozen or pending", recipientFrozen},
	{RecipientSendOnly, "recipient-send-only", AtRecipient,
		"no final target takes mail, the first being an account that does not receive", recipientSendOnly},
	{RecipientOverQuota, "recipient-over-quota", bothStages,
		"the message fits into no mailbox that would take it: of this recipient at RCPT, of all recipients at END-OF-MESSAGE", recipientOverQuota},
}

// Rules yields the table in its order.
func Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for _, r := range table {
			if !yield(r) {
				return
			}
		}
	}
}

// RuleNamed returns the rule with a name; false when there is none.
func RuleNamed(name string) (RuleID, bool) {
	for i := range table {
		if table[i].Name == name {
			return table[i].ID, true
		}
	}
	return NoRule, false
}

// String returns the rule's name, "none" for NoRule.
func (id RuleID) String() string {
	if id == NoRule {
		return "none"
	}
	return table[id-1].Name
}

func senderDisabled(f *Facts) Reply {
	return when(f.Sender.Authenticated && !f.Sender.Active, AccountDisabled)
}

func senderNoSubmit(f *Facts) Reply {
	return when(f.Sender.Active && f.Sender.Scope == Nowhere, MayNotSend)
}

func senderLocalOnly(f *Facts) Reply {
	switch {
	case !f.Sender.Active || !f.Recipients.Outside:
		return Dunno
	case f.Sender.Scope == OwnDomain:
		return OwnDomainOnly
	}
	return when(f.Sender.Scope == ListedDomains, ListedDomainsOnly)
}

func senderOverQuota(f *Facts) Reply { return when(f.Sender.Active && f.Sender.Full, SenderFull) }

func senderNotOwner(f *Facts) Reply {
	return when(f.Sender.Active && !f.Sender.OwnsAddress, NotOwner)
}

func recipientDisabled(f *Facts) Reply {
	return when(f.Recipients.refusal() == RefusesDisabled, MailboxDisabled)
}

func recipientFrozen(f *Facts) Reply {
	return when(f.Recipients.refusal() == Defers, MailboxUnavailable)
}

func recipientSendOnly(f *Facts) Reply {
	return when(f.Recipients.refusal() == RefusesMail, DoesNotReceive)
}

func recipientOverQuota(f *Facts) Reply {
	r := &f.Recipients
	switch {
	case r.Partial || r.WithRoom > 0 || r.Deferring > 0:
		return Dunno
	case r.FullInFlight > 0:
		return MailboxFullNow
	}
	return when(r.Full > 0, MailboxFull)
}

// when returns the reply if the rule applies.
func when(applies bool, r Reply) Reply {
	if applies {
		return r
	}
	return Dunno
}
