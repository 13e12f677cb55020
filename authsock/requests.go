package authsock

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/login"
)

const (
	requestTimeout = 150 * time.Second // Dovecot's MASTER_AUTH_SERVER_TIMEOUT_SECS
	maxGrants      = 1024              // not asked for yet, of one connection
	freshGrant     = 4 * time.Second   // a REQUEST that comes at all comes at once, unless the machine is very busy
	cookieSize     = 16
)

// Requests joins the two doors: what a Server granted, a Master's client may
// ask for. Its methods may be called from any goroutine.
type Requests struct {
	spid int
	cuid atomic.Uint32

	mu       sync.Mutex            // guards what follows
	sessions map[uint32][]*session // client connections by CPID; several may have the same, in containers
	settled  chan struct{}         // closed when something was settled that settle waits for; nil: nobody waits
}

// session is one client connection.
type session struct {
	cuid   uint32
	cookie [cookieSize]byte
	cpid   uint32           // 0: not known yet
	grants map[uint32]grant // by the client's request id
}

type grant struct {
	login.Grant
	at time.Time
}

// NewRequests returns an empty registry.
func NewRequests() *Requests {
	return &Requests{spid: os.Getpid(), sessions: map[uint32][]*session{}}
}

// Pending returns how many successful logins wait for their mail process.
func (r *Requests) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.younger(requestTimeout)
}

// younger counts the grants that are not older than age.
func (r *Requests) younger(age time.Duration) int {
	n, now := 0, time.Now()
	for _, list := range r.sessions {
		for _, s := range list {
			for _, g := range s.grants {
				if now.Sub(g.at) <= age {
					n++
				}
			}
		}
	}
	return n
}

// connect makes a session for a new client connection.
func (r *Requests) connect() *session {
	s := &session{cuid: r.cuid.Add(1), grants: map[uint32]grant{}}
	_, _ = rand.Read(s.cookie[:]) // never fails: crypto/rand ends the process instead
	return s
}

// join tells which process has the session.
func (r *Requests) join(s *session, cpid uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.cpid = cpid
	r.sessions[cpid] = append(r.sessions[cpid], s)
}

// leave forgets a session with everything granted to it.
func (r *Requests) leave(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.DeleteFunc(r.sessions[s.cpid], func(have *session) bool { return have == s })
	if len(list) == 0 {
		delete(r.sessions, s.cpid)
	} else {
		r.sessions[s.cpid] = list
	}
	clear(s.grants)
	r.stir()
}

// grant remembers an OK until its REQUEST comes.
func (r *Requests) grant(s *session, id uint32, g login.Grant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(s.grants) >= maxGrants {
		s.dropOldest()
	}
	s.grants[id] = grant{g, time.Now()}
}

func (s *session) dropOldest() {
	var oldest uint32
	for id, g := range s.grants {
		if have, ok := s.grants[oldest]; !ok || g.at.Before(have.at) {
			oldest = id
		}
	}
	delete(s.grants, oldest)
}

// holds reports whether a request of this id waits for its REQUEST.
func (r *Requests) holds(s *session, id uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := s.grants[id]
	return ok && time.Since(g.at) <= requestTimeout
}

// cancel forgets a grant, if there is one.
func (r *Requests) cancel(s *session, id uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(s.grants, id)
	r.stir()
}

// claim takes a grant, once. Every session of the process is compared, in
// constant time.
func (r *Requests) claim(cpid, id uint32, cookie []byte) (login.Grant, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found *session
	for _, s := range r.sessions[cpid] {
		if subtle.ConstantTimeCompare(s.cookie[:], cookie) == 1 {
			found = s
		}
	}
	if found == nil {
		return login.Grant{}, false
	}
	g, ok := found.grants[id]
	delete(found.grants, id)
	r.stir()
	return g.Grant, ok && time.Since(g.at) <= requestTimeout
}

// stir wakes settle. It runs under mu.
func (r *Requests) stir() {
	if r.settled != nil {
		close(r.settled)
		r.settled = nil
	}
}

// settle waits until nothing was granted recently that was not asked for, at most
// until ctx ends.
func (r *Requests) settle(ctx context.Context) {
	for {
		changed := r.unsettled()
		if changed == nil {
			return
		}
		timer := time.NewTimer(freshGrant / 4) // grants grow old without a word
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// unsettled returns nil when there is nothing to wait for, else a channel that
// is closed when it is worth to look again.
func (r *Requests) unsettled() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.younger(freshGrant) == 0 {
		return nil
	}
	if r.settled == nil {
		r.settled = make(chan struct{})
	}
	return r.settled
}

// appendCookie appends the session's cookie as the protocol writes it.
func (s *session) appendCookie(dst []byte) []byte { return hex.AppendEncode(dst, s.cookie[:]) }

// parseCookie reads what appendCookie writes.
func parseCookie(text []byte) ([]byte, bool) {
	if len(text) != 2*cookieSize {
		return nil, false
	}
	cookie := make([]byte, cookieSize)
	_, err := hex.Decode(cookie, text)
	return cookie, err == nil
}
