package authsock

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/gatepost/gatepost/internal/login"
)

const (
	maxVerifying = 1024 // a burst of all the clients of a login process
	maxWaiting   = 1024

	maxWaitingAll = 65536 // of all connections, beyond which each may have fewWaiting; 18 MiB
	fewWaiting    = 4
)

// exchange is one AUTH request until it has its final reply.
type exchange struct {
	id        uint32
	mechanism mechanism
	service   login.Service
	postfix   bool // trouble of ours is told by closing the connection
	nologin   bool
	remote    netip.Addr
	begun     time.Time

	sasl  sasl.Server
	given credential // once sasl is done

	waiting bool               // for a CONT
	stop    context.CancelFunc // ends the verification, if one runs
}

func (c *conn) auth(args []byte) error {
	a, err := parseAuth(args)
	if err != nil {
		return err
	}
	m, offered := mechanismNamed(a.mechanism)
	if !offered {
		return errMechanism
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exchanges[a.id] != nil || c.server.Requests.holds(c.session, a.id) {
		return errDuplicate
	}
	x := &exchange{
		id: a.id, mechanism: m, nologin: a.nologin, remote: a.remote, begun: time.Now(),
		service: login.ParseService(a.service), postfix: string(a.service) == "smtp",
	}
	x.sasl = m.start(&x.given)
	initial, err := a.initial(c.minor)
	if err != nil {
		c.write(failure(x.id, failInitial))
		return nil
	}
	c.exchanges[x.id] = x
	c.step(x, initial)
	return nil
}

func (c *conn) cont(args []byte) error {
	id, data, err := parseID(args)
	switch {
	case err != nil:
		return err
	case data == nil:
		return errBroken
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.exchanges[id]
	switch {
	case x == nil:
		c.write(failure(id, failTimedOut))
		return nil
	case x.waiting && time.Since(x.begun) > requestTimeout:
		c.fail(x, failTimedOut)
		return nil
	case !x.waiting:
		c.fail(x, failUnexpected)
		return nil
	}
	c.resume(x)
	response, err := decode(data)
	if err != nil {
		c.fail(x, failContinued)
		return nil
	}
	c.step(x, response)
	return nil
}

// cancel forgets a request, also one that succeeded. 2.3 takes no reply; 2.4
// waits for one, whatever was cancelled (AUTH_CLIENT_MINOR_VERSION_CANCELLED).
func (c *conn) cancel(args []byte) error {
	id, _, err := parseID(args)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.exchanges[id]; x != nil {
		c.remove(x)
	}
	c.server.Requests.cancel(c.session, id)
	if c.minor >= 4 {
		c.write(cancelled(id))
	}
	return nil
}

// remove forgets an exchange. A verification that still runs for it finds
// nobody who waits. It runs under mu, like the rest of this file up to check.
func (c *conn) remove(x *exchange) {
	delete(c.exchanges, x.id)
	c.resume(x)
	if x.stop != nil {
		x.stop()
	}
}

// fail ends an exchange for what its client did.
func (c *conn) fail(x *exchange, fields string) {
	c.remove(x)
	c.write(failure(x.id, fields))
}

// trouble ends an exchange for what is not its client's fault.
func (c *conn) trouble(x *exchange) {
	c.remove(x)
	if x.postfix {
		c.silent = true
		_ = c.Close()
		return
	}
	c.write(outcome(x, login.Outcome{}))
}

// step takes a response, nil for none, and challenges or verifies.
func (c *conn) step(x *exchange, response []byte) {
	challenge, done, err := x.sasl.Next(response)
	clear(response)
	switch {
	case err != nil:
		c.fail(x, "")
	case !done:
		c.makeRoom()
		c.await(x)
		c.write(continuation(x.id, challenge))
	case c.verifying >= maxVerifying:
		x.given.secret.Wipe()
		c.trouble(x)
	default:
		c.verify(x)
	}
}

// await notes that an exchange waits for a CONT, and resume that it does no more.
func (c *conn) await(x *exchange) {
	x.waiting = true
	c.server.waiting.Add(1)
}

func (c *conn) resume(x *exchange) {
	if x.waiting {
		x.waiting = false
		c.server.waiting.Add(-1)
	}
}

// makeRoom pushes out the exchange that has waited longest when there are too
// many.
func (c *conn) makeRoom() {
	limit := maxWaiting
	if c.server.waiting.Load() >= maxWaitingAll {
		limit = fewWaiting
	}
	if len(c.exchanges) <= limit {
		return
	}
	var oldest *exchange
	waiting := 0
	for _, x := range c.exchanges {
		if !x.waiting {
			continue
		}
		waiting++
		if oldest == nil || x.begun.Before(oldest.begun) {
			oldest = x
		}
	}
	if waiting >= limit {
		c.remove(oldest)
	}
}

// verify lets in whom we know already, and starts the verification of others.
// Neither a goroutine nor a wait is spent on the former.
func (c *conn) verify(x *exchange) {
	attempt := login.Attempt{
		Service: x.service, Mechanism: x.mechanism.Mechanism, RemoteIP: x.remote, Received: time.Now(),
		Name: x.given.name, Authzid: x.given.authzid, Secret: x.given.secret,
	}
	if o, known := c.recall(attempt); known {
		c.conclude(x, o)
		return
	}
	ctx, stop := context.WithCancel(c.work)
	x.stop = stop
	c.verifying++
	c.running.Go(func() {
		defer stop()
		c.finish(x, c.check(ctx, attempt))
	})
}

// recall asks who is known already. A panic costs one attempt.
func (c *conn) recall(a login.Attempt) (o login.Outcome, known bool) {
	if c.server.Recall == nil {
		return login.Outcome{}, false
	}
	defer func() {
		if cause := recover(); cause != nil {
			o, known = c.panicked(cause), true
		}
	}()
	return c.server.Recall(a)
}

// check decides an attempt. A panic costs one attempt.
func (c *conn) check(ctx context.Context, a login.Attempt) (o login.Outcome) {
	defer func() {
		if cause := recover(); cause != nil {
			o = c.panicked(cause)
		}
	}()
	return c.server.Check(ctx, a)
}

func (c *conn) panicked(cause any) login.Outcome {
	c.server.log.Error("verification panicked", "err", cause, "stack", string(debug.Stack()))
	return login.Outcome{Err: fmt.Errorf("panic: %v", cause)}
}

// finish ends a verification.
func (c *conn) finish(x *exchange, o login.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verifying--
	c.conclude(x, o)
}

// conclude replies, unless the request was cancelled meanwhile. The grant is
// there before the client knows of it. It runs under mu.
func (c *conn) conclude(x *exchange, o login.Outcome) {
	x.given.secret.Wipe()
	if c.exchanges[x.id] != x || c.silent {
		return
	}
	if o.Result == login.Temporary {
		c.trouble(x)
		return
	}
	c.remove(x)
	if o.Result == login.OK && !x.nologin {
		c.server.Requests.grant(c.session, x.id, o.Grant)
	}
	c.write(outcome(x, o))
}
