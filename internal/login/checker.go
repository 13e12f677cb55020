package login

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
)

const (
	// DefaultFailureDelay is what Dovecot's auth_failure_delay is. Postfix gives
	// up after 10 s, so nobody should set much more.
	DefaultFailureDelay = 2 * time.Second

	maxRounds = 3 // how often a record may change under one attempt
)

var errUnsettled = errors.New("the account changed several times during the login")

// Options are what a Checker is made from. Directory and Verifier must be set.
type Options struct {
	Directory    *directory.Directory
	Verifier     *password.Verifier
	CacheSize    int           // verified secrets to remember; 0: password.CacheSize; negative: none
	FailureDelay time.Duration // see the package comment; 0: DefaultFailureDelay; negative: none
	Hooks        Hooks
	Log          *slog.Logger     // nil: no log
	Now          func() time.Time // for the expiry of credentials; nil: time.Now
}

// Hooks are called as the checker works. A nil field is skipped.
type Hooks struct {
	// Login is called for each attempt when its outcome is known. took does not
	// count the failure delay.
	Login func(s Service, m Mechanism, r Result, took time.Duration)
}

// Attempt is what a client shows.
type Attempt struct {
	Service   Service
	Mechanism Mechanism
	Name      []byte          // authentication identity, as the client gave it
	Authzid   []byte          // authorization identity; empty: the same
	Secret    password.Secret // wiped by Check
	RemoteIP  netip.Addr      // of the client, if known; for the log
	Received  time.Time       // when the attempt came; zero: now
}

// Outcome is what came of an attempt. The zero Outcome lets nobody in.
type Outcome struct {
	Result Result
	Grant  Grant // of an OK
	Rule   *Rule // of a Denied
	Err    error // of a Temporary, for the log
}

// Grant is who was let in to what.
type Grant struct {
	Service   Service
	Mechanism Mechanism
	Address   []byte             // the user's address, in internal form
	Created   directory.Revision // tells this user from a later one of the same address
	Mailbox   quota.Mailbox
}

// Checker checks credentials. Its methods may be called from any goroutine.
type Checker struct {
	directory *directory.Directory
	verifier  *password.Verifier
	cacheSize int
	delay     time.Duration
	hooks     Hooks
	log       *slog.Logger
	now       func() time.Time

	cache atomic.Pointer[memory]
}

// memory is the verified-credential cache since it was last flushed.
type memory struct {
	*password.Cache
	added atomic.Int64
}

// New returns a checker.
func New(o Options) *Checker {
	c := &Checker{
		directory: o.Directory, verifier: o.Verifier, cacheSize: o.CacheSize,
		delay: o.FailureDelay, hooks: o.Hooks, log: o.Log, now: o.Now,
	}
	if c.cacheSize == 0 {
		c.cacheSize = password.CacheSize
	}
	if c.delay == 0 {
		c.delay = DefaultFailureDelay
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.FlushCache()
	return c
}

// FlushCache forgets every verified secret, and returns how many had been
// remembered since the last time.
func (c *Checker) FlushCache() int {
	fresh := &memory{Cache: password.NewCache(c.cacheSize)}
	if old := c.cache.Swap(fresh); old != nil {
		return int(old.added.Load())
	}
	return 0
}

// Check decides an attempt. It blocks while the secret is verified and while a
// refusal waits for its time, at most until ctx ends.
func (c *Checker) Check(ctx context.Context, a Attempt) Outcome {
	begun := time.Now()
	if a.Received.IsZero() {
		a.Received = begun
	}
	o := c.decide(ctx, &a)
	a.Secret.Wipe()
	if c.hooks.Login != nil {
		c.hooks.Login(a.Service, a.Mechanism, o.Result, time.Since(begun))
	}
	c.report(ctx, &a, &o)
	if o.Result != Refused && o.Result != Denied {
		return o
	}
	if err := sleepUntil(ctx, a.Received.Add(c.delay)); err != nil {
		return temporary(err)
	}
	return o
}

// Recall lets in who was verified a while ago and may log in now. It does not
// wait: the caller needs no goroutine for it. False says nothing: Check decides.
func (c *Checker) Recall(a Attempt) (Outcome, bool) {
	begun := time.Now()
	var buf [mailaddr.MaxKey]byte
	key, _, err := mailaddr.AppendLoginKey(buf[:0], a.Name)
	if err != nil {
		return Outcome{}, false
	}
	v := c.directory.View()
	u := v.Login(key)
	if !u.Exists() || !c.remembers(&a, u) {
		return Outcome{}, false
	}
	g := grant(&a, u)
	if c.denied(v, &g, u, stranger(v, a.Name, a.Authzid, u)) != nil {
		return Outcome{}, false
	}
	o := Outcome{Result: OK, Grant: g}
	a.Secret.Wipe()
	if c.hooks.Login != nil {
		c.hooks.Login(a.Service, a.Mechanism, OK, time.Since(begun))
	}
	c.report(context.Background(), &a, &o)
	return o, true
}

func grant(a *Attempt, u directory.User) Grant {
	return Grant{Service: a.Service, Mechanism: a.Mechanism, Address: slices.Clone(u.Address()), Created: u.CreatedRevision(), Mailbox: u.Mailbox()}
}

func temporary(err error) Outcome { return Outcome{Result: Temporary, Err: err} }

// decide is Check without waiting and telling.
func (c *Checker) decide(ctx context.Context, a *Attempt) Outcome {
	var buf [mailaddr.MaxKey]byte
	key, _, err := mailaddr.AppendLoginKey(buf[:0], a.Name)
	if err != nil {
		key = mailaddr.Key{} // no such name can exist
	}
	for range maxRounds {
		before := user(c.directory.View(), key)
		m, err := c.match(ctx, a, before)
		if err != nil {
			return temporary(err)
		}
		v := c.directory.View() // of all that is decided from here on
		after := user(v, key)
		if !same(before, after) {
			continue
		}
		if !m.right {
			return Outcome{Result: Refused}
		}
		g := grant(a, after)
		if rule := c.denied(v, &g, after, stranger(v, a.Name, a.Authzid, after)); rule != nil {
			return Outcome{Result: Denied, Rule: rule}
		}
		return c.admit(ctx, g, m.credential)
	}
	return temporary(errUnsettled)
}

// user looks a name up; the zero User when it is nobody's.
func user(v directory.View, k mailaddr.Key) directory.User {
	if k.IsZero() {
		return directory.User{}
	}
	return v.Login(k)
}

// same reports whether two readings of one name saw the same record.
func same(a, b directory.User) bool {
	if !a.Exists() || !b.Exists() {
		return a.Exists() == b.Exists()
	}
	return a.Mailbox() == b.Mailbox() && a.Revision() == b.Revision()
}

// admit lets somebody in whose secret was right and to whom no rule objects, and
// uses up a single-use secret.
func (c *Checker) admit(ctx context.Context, g Grant, used directory.Credential) Outcome {
	if !used.SingleUse {
		return Outcome{Result: OK, Grant: g}
	}
	if err := c.useUp(ctx, &g, used); errors.Is(err, errUsed) {
		return Outcome{Result: Refused}
	} else if err != nil {
		return temporary(err)
	}
	// The record moved by our own doing: ask the rules once more.
	switch u, rule := c.Recheck(c.directory.View(), g); {
	case !u.Exists():
		return Outcome{Result: Refused}
	case rule != nil:
		return Outcome{Result: Denied, Rule: rule}
	}
	return Outcome{Result: OK, Grant: g}
}

// stranger reports whether a client that is the user u by the name asks to act
// as somebody else.
func stranger(v directory.View, name, authzid []byte, u directory.User) bool {
	if len(authzid) == 0 || string(authzid) == string(name) {
		return false
	}
	return !same(lookup(v, authzid), u)
}

func (c *Checker) denied(v directory.View, g *Grant, u directory.User, stranger bool) *Rule {
	f := facts{service: g.Service, user: u, domain: v.DomainOf(u.Address()), stranger: stranger}
	return f.denied()
}

// Recheck asks again about somebody who was let in a moment ago. It returns the
// user as it is now, the zero User when it is gone or is another one, and the
// rule that forbids the login by now, or nil.
func (c *Checker) Recheck(v directory.View, g Grant) (directory.User, *Rule) {
	u := v.Login(mailaddr.Canonical(g.Address))
	if !u.Exists() || u.CreatedRevision() != g.Created {
		return directory.User{}, nil
	}
	return u, c.denied(v, &g, u, false)
}

// report logs an outcome. Only names of users are logged.
func (c *Checker) report(ctx context.Context, a *Attempt, o *Outcome) {
	level := [...]slog.Level{OK: slog.LevelDebug, Refused: slog.LevelInfo, Denied: slog.LevelInfo, Temporary: slog.LevelWarn}[o.Result]
	if !c.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("service", a.Service.String()), slog.String("mechanism", a.Mechanism.String()), slog.String("result", o.Result.String())}
	if key, _, err := mailaddr.AppendLoginKey(nil, a.Name); err == nil {
		if u := user(c.directory.View(), key); u.Exists() {
			attrs = append(attrs, slog.String("user", string(u.Address())))
		}
	}
	if a.RemoteIP.IsValid() {
		attrs = append(attrs, slog.String("remote_ip", a.RemoteIP.String()))
	}
	if o.Rule != nil {
		attrs = append(attrs, slog.String("rule", o.Rule.Name))
	}
	if o.Err != nil {
		attrs = append(attrs, slog.Any("err", o.Err))
	}
	c.log.LogAttrs(ctx, level, "login", attrs...)
}

// sleepUntil returns nil at a time, or the cause of ctx before it.
func sleepUntil(ctx context.Context, t time.Time) error {
	d := time.Until(t)
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
