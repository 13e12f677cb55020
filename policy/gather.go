package policy

import (
	"bytes"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
)

// Bounds of what one question may cost. A message to more is judged by the
// targets up to there, as one whose recipients are known in part.
const (
	maxVisits    = 10_000 // final targets
	maxMailboxes = 1_000  // mailboxes with a limit, at END-OF-MESSAGE

	// keptTargets and its like are kept for the next question.
	keptTargets      = 64
	keptReservations = 64
)

// Request is a question as it came. Addresses are as Postfix sends them; the
// slices belong to the caller.
type Request struct {
	Stage      Stage
	Now        time.Time
	Size       int64
	Login      []byte // sasl_username; empty: the client is not authenticated
	Sender     []byte // MAIL FROM; empty: the null sender
	Recipients [][]byte
	Partial    bool // the message has recipients beside these
	// Reserve counts the message as in flight to the mailboxes that have room
	// for it. Facts.Release gives that back.
	Reserve bool
}

// Gather reads the directory and the ledger and writes into f what the rules
// ask about the request. The error is [directory.ErrExpansion]; nothing is
// reserved then.
func Gather(v directory.View, l *quota.Ledger, req *Request, f *Facts) error {
	f.begin(req)
	g := &f.gathering
	*g = gathering{view: v, ledger: l, request: req, facts: f}
	err := g.sender()
	for i := 0; err == nil && i < len(req.Recipients); i++ {
		err = g.recipient(req.Recipients[i])
	}
	f.end()
	if err != nil {
		f.Release()
	}
	return err
}

// Release gives back what Gather reserved: the message is refused. Calling it
// again does nothing.
func (f *Facts) Release() {
	for _, r := range f.reservations {
		r.Release()
	}
	f.reservations = f.reservations[:0]
}

func (f *Facts) begin(req *Request) {
	f.Stage, f.Size, f.Unknown = req.Stage, req.Size, 0
	f.Sender, f.Recipients = Sender{}, Recipients{Partial: req.Partial}
	f.reservations = f.reservations[:0]
	if req.Partial || len(req.Recipients) == 0 {
		f.Recipients.Partial = true
		f.Unknown.add(MessageRecipients)
	}
}

// end forgets the records, which would keep parts of the directory alive that
// nothing else needs, and what has grown large.
func (f *Facts) end() {
	f.gathering = gathering{}
	clear(f.owners)
	f.owners, f.mailboxes = f.owners[:0], f.mailboxes[:0]
	if cap(f.reservations) > keptReservations && len(f.reservations) == 0 {
		f.mailboxes, f.reservations = nil, nil
	}
}

// gathering is one run of Gather.
type gathering struct {
	view    directory.View
	ledger  *quota.Ledger
	request *Request
	facts   *Facts
	user    directory.User // the active sender
	visits  int            // final targets so far

	domainKey []byte           // "@" and the domain that was looked up last
	domain    directory.Domain // what was found
}

// domainOf returns the domain that an address in internal form lies in. Nearly
// always it is the domain that was asked for last, and one question must not see
// it in two states.
func (g *gathering) domainOf(address []byte) directory.Domain {
	key := domainPart(address)
	if g.domainKey == nil || !bytes.Equal(key, g.domainKey) {
		g.domainKey = append(g.facts.domain[:0], key...)
		g.domain = g.view.DomainOf(key)
	}
	return g.domain
}

func (g *gathering) sender() error {
	if len(g.request.Login) == 0 {
		return nil
	}
	s := &g.facts.Sender
	s.Authenticated = true
	u := g.login()
	s.Known = u.Exists()
	if !s.Known || u.State() != directory.Active || DomainStanding(g.domainOf(u.Address())) == RefusesDisabled {
		return nil
	}
	s.Active, g.user = true, u
	s.Scope = scopeOf(u)
	s.Full = g.full(u)
	var err error
	s.OwnsAddress, err = g.owns(g.request.Sender)
	return err
}

// login returns the user who is logged in.
func (g *gathering) login() directory.User {
	key, _, err := mailaddr.AppendLoginKey(g.facts.key[:0], g.request.Login)
	if err != nil {
		return directory.User{} // names nobody
	}
	return g.view.Login(key)
}

func scopeOf(u directory.User) Scope {
	if !u.Services().Has(directory.SMTP) {
		return Nowhere
	}
	switch u.Submit() {
	case directory.SubmitAny:
		return Anywhere
	case directory.SubmitOwn:
		return OwnDomain
	case directory.SubmitListed:
		return ListedDomains
	}
	return Nowhere
}

// full reports whether the sender's mailbox is known to have no room. Mail in
// flight to it does not keep it from sending.
func (g *gathering) full(u directory.User) bool {
	switch g.ledger.Fit(u.Mailbox(), 1, g.view.LimitIn(g.domainOf(u.Address()), u), g.request.Now) {
	case quota.Full:
		return true
	case quota.Unknown:
		g.facts.Unknown.add(SenderUsage)
	}
	return false
}

// owns reports whether the sender may write in the name of an address.
func (g *gathering) owns(address []byte) (bool, error) {
	if len(address) == 0 {
		return true, nil
	}
	key, _, err := mailaddr.AppendKey(g.facts.key[:0], address)
	if err != nil {
		return false, nil // names nobody
	}
	if bytes.Equal(key.Bytes(), g.user.Address()) {
		return true, nil
	}
	owners, err := Owners(g.facts.owners[:0], g.view, key)
	g.facts.owners = owners
	for _, u := range owners {
		if u.Mailbox() == g.user.Mailbox() {
			return true, nil
		}
	}
	return false, err
}

// recipient takes one recipient's final targets into the facts.
func (g *gathering) recipient(address []byte) error {
	f := g.facts
	if g.visits >= maxVisits {
		g.cut()
		return nil
	}
	key, _, err := mailaddr.AppendKey(f.key[:0], address)
	if err != nil { // names nobody; where it leads is Postfix's to say
		f.Recipients.Outside = f.Recipients.Outside || f.Sender.Scope.limits()
		return nil
	}
	targets, err := g.view.Expand(f.targets[:0], key)
	if err == nil {
		whole := DomainStanding(g.domainOf(key.Bytes()))
		for i := range targets {
			g.target(&targets[i], whole)
		}
		g.visits += len(targets)
	}
	clear(targets)
	if f.targets = targets[:0]; cap(targets) > keptTargets {
		f.targets = nil
	}
	return err
}

// cut notes that there is more than is looked at.
func (g *gathering) cut() {
	g.facts.Recipients.Partial = true
	g.facts.Unknown.add(MessageRecipients)
}

// target takes a final target into the facts. whole is the standing of the
// recipient's domain.
func (g *gathering) target(t *directory.Target, whole Standing) {
	r := &g.facts.Recipients
	if !r.Outside && !g.inScope(t.Address) {
		r.Outside = true
	}
	standing := whole
	if standing == Takes {
		standing = g.standing(t)
	}
	switch standing {
	case Takes:
		g.takes(t.User)
	case Discards:
		r.WithRoom++
	case Defers:
		r.Deferring++
	case RefusesDisabled, RefusesMail:
		if r.Refusing == 0 {
			r.FirstRefusal = standing
		}
		r.Refusing++
	}
}

// standing returns what becomes of mail for a final target.
func (g *gathering) standing(t *directory.Target) Standing {
	if !t.Local {
		return Takes
	}
	return standingIn(g.domainOf(t.Address), t.User)
}

// inScope reports whether the sender may send to a final target, as far as
// rules about domains go.
func (g *gathering) inScope(address []byte) bool {
	switch g.facts.Sender.Scope {
	case OwnDomain:
		return bytes.Equal(domainPart(address), domainPart(g.user.Address()))
	case ListedDomains:
		return g.user.SubmitsTo(domainPart(address)[1:])
	}
	return true
}

// domainPart returns "@" and the domain of an address in internal form.
func domainPart(address []byte) []byte {
	return address[max(0, bytes.LastIndexByte(address, '@')):]
}

// takes asks whether the message fits into a mailbox; the zero User is not ours
// and has room.
func (g *gathering) takes(u directory.User) {
	r := &g.facts.Recipients
	if !u.Exists() {
		r.WithRoom++
		return
	}
	limit := g.view.LimitIn(g.domainOf(u.Address()), u)
	if limit <= 0 {
		r.WithRoom++
		return
	}
	if g.visited(u.Mailbox()) {
		return
	}
	switch g.fit(u.Mailbox(), limit) {
	case quota.Full:
		r.Full++
	case quota.FullInFlight:
		r.FullInFlight++
	case quota.Unknown:
		g.facts.Unknown.add(RecipientUsage)
		r.WithRoom++
	case quota.Fits:
		r.WithRoom++
	}
}

// visited reports whether a mailbox counts already: mail for several recipients
// with one mailbox is reserved once.
func (g *gathering) visited(m quota.Mailbox) bool {
	f := g.facts
	switch {
	case len(g.request.Recipients) == 1: // Expand gives each target once
		return false
	case slices.Contains(f.mailboxes, m):
		return true
	case len(f.mailboxes) == maxMailboxes:
		g.cut()
		return true
	}
	f.mailboxes = append(f.mailboxes, m)
	return false
}

// fit asks the ledger, or reserves.
func (g *gathering) fit(m quota.Mailbox, limit int64) quota.Fit {
	f, size := g.facts, max(g.request.Size, 1)
	if !g.request.Reserve {
		return g.ledger.Fit(m, size, limit, g.request.Now)
	}
	reservation, fit := g.ledger.Reserve(m, size, limit, g.request.Now)
	if fit == quota.Fits {
		f.reservations = append(f.reservations, reservation)
	}
	return fit
}
