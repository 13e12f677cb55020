package policy

import (
	"iter"
	"strconv"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
)

// Stage is the protocol state in which Postfix asks. AtRecipient and
// AtEndOfMessage are bits, so that a rule can name both; at the same time all
// values are dense: an array of StageCount elements has a place for each.
type Stage uint8

// The stages.
const (
	OtherStage     Stage = 0 // no rule is asked
	AtRecipient    Stage = 1
	AtEndOfMessage Stage = 2
	StageCount           = 3
)

// String returns the stage as a metric's label and the log have it.
func (s Stage) String() string {
	return [StageCount + 1]string{"other", "rcpt", "end-of-message", "rcpt, end-of-message"}[s]
}

// Scope is where a sender may send to.
type Scope uint8

// The scopes.
const (
	Anywhere Scope = iota
	OwnDomain
	ListedDomains
	Nowhere
)

// String returns the scope in words.
func (s Scope) String() string {
	return [...]string{"anywhere", "own domain", "listed domains", "nowhere"}[s]
}

// limits reports whether the scope leaves some domains out.
func (s Scope) limits() bool { return s == OwnDomain || s == ListedDomains }

// Facts is what the rules read: plain values, without addresses. It lives with
// the connection and is filled by Gather for each question.
type Facts struct {
	Stage      Stage
	Size       int64 // octets of the message; 0: not announced
	Sender     Sender
	Recipients Recipients
	Unknown    UnknownSet // facts that are unknown by nature

	scratch
}

// Sender is what is known about an authenticated sender.
type Sender struct {
	Authenticated bool // the client has logged in; without it the rest is zero
	Known         bool // the login names a user
	Active        bool // that user is active, in a domain that is not disabled; without it the rest is zero
	Scope         Scope
	Full          bool // its mailbox has no room for one more byte
	OwnsAddress   bool // MAIL FROM is empty or one of its addresses
}

// Recipients is what is known about the final targets of the recipients: of
// one at RCPT, of all at END-OF-MESSAGE.
type Recipients struct {
	Partial      bool // there are recipients that are not known; or none is
	Outside      bool // a target is outside the sender's Scope
	WithRoom     int  // targets that take the message
	Full         int  // would take it, but are over their limit
	FullInFlight int  // would take it, but mail in flight needs their room
	Deferring    int  // take it later
	Refusing     int  // do not take it
	FirstRefusal Standing
}

// refusal returns why no target takes the message: Defers, or the standing of
// the first that refuses; Takes when a target does, or none is known.
func (r *Recipients) refusal() Standing {
	switch {
	case r.WithRoom+r.Full+r.FullInFlight > 0:
		return Takes
	case r.Deferring > 0:
		return Defers
	case r.Refusing > 0:
		return r.FirstRefusal
	}
	return Takes
}

// Unknown is a fact that can be unknown without anybody's fault. Its values are
// dense.
type Unknown uint8

// The facts that can be unknown.
const (
	RecipientUsage    Unknown = iota // Dovecot has not reported the mailbox yet
	SenderUsage                      // likewise
	MessageRecipients                // END-OF-MESSAGE of a message whose recipients are not remembered
	UnknownCount
)

// String returns the fact as a metric's label has it.
func (u Unknown) String() string {
	return [UnknownCount]string{"recipient-usage", "sender-usage", "message-recipients"}[u]
}

// UnknownSet is a set of unknown facts.
type UnknownSet uint8

// Has reports whether u is in the set.
func (s UnknownSet) Has(u Unknown) bool { return s&(1<<u) != 0 }

func (s *UnknownSet) add(u Unknown) { *s |= 1 << u }

// Fact is one fact in words.
type Fact struct{ Name, Value string }

// List yields the facts in words, for people.
func (f *Facts) List() iter.Seq[Fact] {
	yes := strconv.FormatBool
	s, r := &f.Sender, &f.Recipients
	facts := []Fact{
		{"stage", f.Stage.String()},
		{"size", strconv.FormatInt(f.Size, 10)},
		{"sender authenticated", yes(s.Authenticated)},
		{"sender known", yes(s.Known)},
		{"sender active", yes(s.Active)},
		{"sender may send to", s.Scope.String()},
		{"sender mailbox full", yes(s.Full)},
		{"sender owns MAIL FROM", yes(s.OwnsAddress)},
		{"recipients known in part", yes(r.Partial)},
		{"target outside the sender's domains", yes(r.Outside)},
		{"targets with room", strconv.Itoa(r.WithRoom)},
		{"targets full", strconv.Itoa(r.Full)},
		{"targets full by mail in flight", strconv.Itoa(r.FullInFlight)},
		{"targets that defer", strconv.Itoa(r.Deferring)},
		{"targets that refuse", strconv.Itoa(r.Refusing)},
		{"why no target takes it", r.refusal().String()},
	}
	return func(yield func(Fact) bool) {
		for _, fact := range facts {
			if !yield(fact) {
				return
			}
		}
	}
}

// maxDomainKey is "@" and the longest domain, RFC 1035 section 2.3.4.
const maxDomainKey = 1 + 253

// scratch is what Gather works with. All of it lies here and nothing large on the
// stack: there are as many stacks as connections, and each is far from the
// processor when its turn comes.
type scratch struct {
	gathering    gathering
	key          [mailaddr.MaxKey]byte // of one address at a time
	domain       [maxDomainKey]byte
	targets      []directory.Target
	owners       []directory.User
	mailboxes    []quota.Mailbox // with a limit, visited at END-OF-MESSAGE
	reservations []quota.Reservation
}
