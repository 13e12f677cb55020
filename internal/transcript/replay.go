package transcript

import (
	"bytes"
	"cmp"
	"net"
	"slices"
	"testing"
	"time"
)

// patience is how long a server may take for a reply. It is longer than any
// failure delay; in a synctest bubble it costs nothing.
const patience = 10 * time.Second

// Result is what came of playing one connection.
type Result struct {
	Conn      *Conn
	Greeting  []byte // what the server said before any request
	Exchanges []Exchange
}

// Exchange is one request that must be answered, the recorded reply, and the
// reply of the server played to. Recorded is nil when the recording has none.
type Exchange struct {
	Request, Recorded, Answered []byte
}

// Replay plays one connection alone. It fails t when a request does not get
// exactly one reply, and ends the connection.
func Replay(t testing.TB, c *Conn, dial func() (net.Conn, error)) Result {
	t.Helper()
	d := &Dialogue{Name: c.Name, Conns: []*Conn{c}}
	return Play(t, d, func(Kind) (net.Conn, error) { return dial() })[0]
}

// Play plays all connections of a dialogue, in the order in which their steps
// were recorded, and returns a Result for each. It fails t as Replay does.
func Play(t testing.TB, d *Dialogue, dial func(Kind) (net.Conn, error)) []Result {
	t.Helper()
	live := &session{cookies: map[string]string{}}
	peers := make([]*peer, len(d.Conns))
	for _, s := range d.script() {
		p := peers[s.conn]
		if p == nil {
			p = connect(t, d.Conns[s.conn], dial, live)
			peers[s.conn] = p
			defer p.conn.Close()
		}
		if s.step.FromClient {
			p.send(s.step.Data)
		} else {
			p.collect()
		}
	}
	results := make([]Result, len(peers))
	for i, p := range peers {
		if p == nil { // connected, and nothing was said
			results[i].Conn = d.Conns[i]
			continue
		}
		results[i] = p.finish()
	}
	return results
}

// scripted is a step and the connection it belongs to.
type scripted struct {
	conn int // index in Dialogue.Conns
	step Step
}

func (d *Dialogue) script() []scripted {
	var all []scripted
	for i, c := range d.Conns {
		for _, s := range c.Steps {
			all = append(all, scripted{i, s})
		}
	}
	slices.SortStableFunc(all, func(a, b scripted) int { return cmp.Compare(a.step.at, b.step.at) })
	return all
}

// session is what the connections of one dialogue share.
type session struct {
	cookies map[string]string // recorded cookie to the live server's
}

func connect(t testing.TB, c *Conn, dial func(Kind) (net.Conn, error), live *session) *peer {
	t.Helper()
	conn, err := dial(c.Kind)
	if err != nil {
		t.Fatalf("%s: dial: %v", c.Name, err)
	}
	p := &peer{t: t, c: c, conn: conn, live: live, replies: make(chan []byte, 1024)}
	go p.read()
	if c.Kind.greets() {
		p.greeted()
	}
	if c.Partial {
		p.write([]byte(c.Kind.handshake()))
	}
	p.recorded = recordedReplies(c)
	return p
}

// recordedReplies returns the frames the recorded server sent after its greeting.
func recordedReplies(c *Conn) [][]byte {
	var all []byte
	for _, s := range c.Steps {
		if !s.FromClient {
			all = append(all, s.Data...)
		}
	}
	frames := c.Kind.frames(all)
	if !c.Kind.greets() || c.Partial {
		return frames
	}
	end := slices.IndexFunc(frames, c.Kind.greetingEnds)
	return frames[end+1:]
}

// recordedCookie returns the cookie the recorded server announced, or nil.
func recordedCookie(c *Conn) []byte {
	for _, s := range c.Steps {
		if !s.FromClient {
			return cookie(s.Data)
		}
	}
	return nil
}

func cookie(greeting []byte) []byte {
	_, rest, _ := bytes.Cut(greeting, []byte("COOKIE\t"))
	value, _, _ := bytes.Cut(rest, []byte("\n"))
	return value
}
