package transcript

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"
)

// peer plays the client of one connection. All of it but read belongs to the
// goroutine of the test.
type peer struct {
	t         testing.TB
	c         *Conn
	conn      net.Conn
	live      *session
	replies   chan []byte // frames from the server; closed when it is gone
	recorded  [][]byte    // reply frames of the recording that no exchange has taken yet
	greeting  []byte
	exchanges []Exchange
	open      []int // exchanges that wait for their reply
	minor     byte  // of the client's VERSION
}

// read ends when the connection does.
func (p *peer) read() {
	defer close(p.replies)
	r := bufio.NewReader(p.conn)
	for {
		frame, err := p.c.Kind.readFrame(r)
		if len(frame) > 0 {
			p.replies <- frame
		}
		if err != nil {
			return
		}
	}
}

func (p *peer) greeted() {
	p.t.Helper()
	for {
		line := p.next("the greeting")
		p.greeting = append(p.greeting, line...)
		if line == nil || p.c.Kind.greetingEnds(line) {
			break
		}
	}
	if was := recordedCookie(p.c); len(was) > 0 {
		p.live.cookies[string(was)] = string(cookie(p.greeting))
	}
}

// next waits for one frame. It returns nil, and the test has failed, when none comes.
func (p *peer) next(what string) []byte {
	p.t.Helper()
	select {
	case frame, ok := <-p.replies:
		if !ok {
			p.t.Errorf("%s: the server closed the connection instead of %s", p.c.Name, what)
		}
		return frame
	case <-time.After(patience):
		p.t.Errorf("%s: no reply within %v: %s", p.c.Name, patience, what)
		return nil
	}
}

func (p *peer) send(data []byte) {
	p.t.Helper()
	data = p.rewrite(data)
	for _, request := range p.c.Kind.frames(data) {
		if bytes.HasPrefix(request, []byte("VERSION\t1\t")) && len(request) > 10 {
			p.minor = request[10]
		}
		if p.c.Kind.wantsReply(request, p.minor >= '4') {
			p.open = append(p.open, len(p.exchanges))
			p.exchanges = append(p.exchanges, Exchange{Request: request})
		}
	}
	p.write(data)
}

func (p *peer) write(data []byte) {
	p.t.Helper()
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.conn.Write(data); err != nil {
		p.t.Errorf("%s: write %q: %v", p.c.Name, data, err)
	}
}

var sessionPID = regexp.MustCompile(`session_pid=[0-9]+`)

// rewrite puts the live server's cookie and this process in the place of the recorded ones.
func (p *peer) rewrite(data []byte) []byte {
	if p.c.Kind != Master {
		return data
	}
	for was, is := range p.live.cookies {
		data = bytes.ReplaceAll(data, []byte(was), []byte(is))
	}
	return sessionPID.ReplaceAll(data, fmt.Appendf(nil, "session_pid=%d", os.Getpid()))
}

// collect waits for the replies to all requests that have none yet.
func (p *peer) collect() {
	p.t.Helper()
	for len(p.open) > 0 {
		first := p.next(fmt.Sprintf("a reply to %q", p.exchanges[p.open[0]].Request))
		if first == nil {
			p.open = nil
			return
		}
		i := p.match(first)
		e := &p.exchanges[i]
		e.Answered = first
		for line := first; p.c.Kind.goesOn(e.Request, line); {
			if line = p.next(fmt.Sprintf("the rest of the reply to %q", e.Request)); line == nil {
				return
			}
			e.Answered = append(e.Answered, line...)
		}
	}
}

// match takes the open exchange that a reply belongs to: the one of its id, or
// the oldest where the protocol answers in order.
func (p *peer) match(reply []byte) int {
	p.t.Helper()
	id := p.c.Kind.id(reply)
	at := slices.IndexFunc(p.open, func(i int) bool { return p.c.Kind.id(p.exchanges[i].Request) == id })
	if at < 0 {
		p.t.Errorf("%s: reply %q belongs to no open request", p.c.Name, reply)
		at = 0
	}
	i := p.open[at]
	p.open = slices.Delete(p.open, at, at+1)
	return i
}

// finish waits for the last replies, ends the connection and looks for surplus.
func (p *peer) finish() Result {
	p.t.Helper()
	p.collect()
	for _, extra := range p.surplus() {
		p.t.Errorf("%s: a reply too many: %q", p.c.Name, extra)
	}
	for i := range p.exchanges {
		p.exchanges[i].Recorded = p.takeRecorded(p.exchanges[i].Request)
	}
	return Result{Conn: p.c, Greeting: p.greeting, Exchanges: p.exchanges}
}

// surplus says that nothing more is coming, where the connection can, and
// returns what the server still says.
func (p *peer) surplus() [][]byte {
	grace := 50 * time.Millisecond // net.Pipe cannot be closed for one direction
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		grace = patience
	}
	p.conn.SetReadDeadline(time.Now().Add(grace))
	var extra [][]byte
	for frame := range p.replies {
		extra = append(extra, frame)
	}
	p.conn.Close()
	return extra
}

// takeRecorded takes the recorded reply to request, nil when there was none.
func (p *peer) takeRecorded(request []byte) []byte {
	id := p.c.Kind.id(request)
	at := slices.IndexFunc(p.recorded, func(f []byte) bool { return p.c.Kind.id(f) == id })
	if at < 0 {
		return nil
	}
	end := at + 1
	for end < len(p.recorded) && p.c.Kind.goesOn(request, p.recorded[end-1]) {
		end++
	}
	reply := bytes.Join(p.recorded[at:end], nil)
	p.recorded = slices.Delete(p.recorded, at, end)
	return reply
}
