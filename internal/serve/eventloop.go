package serve

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

const eventBatch = 128

// eventLoop answers on connections as long as their requests come whole and
// their replies are taken at once; doc.go tells why. Meanwhile it owns their
// descriptors: nobody else reads, writes or closes them. It ends when the server
// drains or its Serve ends.
type eventLoop struct {
	server   *Server
	from     *serving
	prompter Prompter
	epoll    int // descriptor of an epoll instance
	bell     int // descriptor of an eventfd in it: the loop must end
	events   [eventBatch]unix.EpollEvent
	came     together

	mu    sync.Mutex    // guards what follows
	conns map[int]*Conn // by descriptor
	ended bool          // the loop takes no connection any more
}

func newEventLoop(s *Server, v *serving) (*eventLoop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &eventLoop{server: s, from: v, prompter: s.Prompter(), epoll: epoll, bell: bell, conns: map[int]*Conn{}}
	if err := l.watch(bell); err != nil {
		l.close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return l, nil
}

func (l *eventLoop) close() { _, _ = unix.Close(l.epoll), unix.Close(l.bell) }

// watch asks for an event as long as something can be read: level-triggered,
// because one read need not empty the socket, though it did not fill the buffer.
// It stops behind a descriptor that was passed, and before urgent data.
func (l *eventLoop) watch(fd int) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd,
		&unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)})
}

// ring ends the loop. It may be called again.
func (l *eventLoop) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended { // else the descriptor may be another's by now
		_, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// take takes a connection over; false: it is the handler's.
func (l *eventLoop) take(c *Conn, fd int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.watch(fd) != nil {
		return false
	}
	l.conns[fd] = c
	return true
}

// load is how many connections the loop has.
func (l *eventLoop) load() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

func (l *eventLoop) run() {
	for l.turn() {
	}
	l.leave()
}

// leave ends the connections. What had come already is answered, unless they
// must end now.
func (l *eventLoop) leave() {
	for _, fd := range l.end() {
		if l.from.ctx.Err() == nil {
			l.read(fd)
			l.answer()
		}
		if l.has(fd) {
			l.drop(fd)
		}
	}
	l.close()
}

// end keeps connections from being taken, and returns those that were.
func (l *eventLoop) end() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return slices.Collect(maps.Keys(l.conns))
}

func (l *eventLoop) has(fd int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[fd] != nil
}

// turn waits for events and answers what came. It reports whether the loop goes
// on.
func (l *eventLoop) turn() (goOn bool) {
	n, err := unix.EpollWait(l.epoll, l.events[:], -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false // cannot be: the descriptor is ours
	}
	goOn = true
	for i := range max(0, n) {
		e := &l.events[i]
		switch {
		case int(e.Fd) == l.bell:
			goOn = false
		case e.Events&^unix.EPOLLIN != 0: // the peer sends nothing more; a request may still be there
			l.handOver(int(e.Fd), nil, nil)
		default:
			l.read(int(e.Fd))
		}
	}
	l.answer()
	return goOn
}

// read reads what came, and answers when there is room for no more. What lies
// behind it gets an event of its own.
func (l *eventLoop) read(fd int) {
	room := l.came.room()
	n, err := read(fd, room)
	switch {
	case errors.Is(err, unix.EAGAIN):
	case err != nil || n == 0:
		l.drop(fd)
	default:
		if l.came.add(fd, room[:n]); l.came.full() {
			l.answer()
		}
	}
}

// answer answers what was read.
func (l *eventLoop) answer() {
	l.prompt()
	for i, x := range l.came.exchanges() {
		if len(x.Reply) == 0 {
			l.handOver(l.came.fds[i], x.Request, nil)
		} else {
			l.reply(l.came.fds[i], x.Reply, x.Err)
		}
	}
	l.came.clear()
}

// prompt asks for the replies. After a panic the handlers serve those that got
// none: the one at fault ends there.
func (l *eventLoop) prompt() {
	defer func() {
		if cause := recover(); cause != nil {
			l.server.panicked(cause)
			l.prompter = l.server.Prompter()
		}
	}()
	if exchanges := l.came.exchanges(); len(exchanges) > 0 {
		l.prompter.Prompt(exchanges)
	}
}

// reply sends a reply. What the peer does not take at once is the handler's to
// write, with a deadline.
func (l *eventLoop) reply(fd int, reply []byte, failed error) {
	sent, err := write(fd, reply)
	if errors.Is(err, unix.EAGAIN) {
		sent, err = 0, nil
	}
	switch {
	case err != nil || failed != nil:
		l.drop(fd)
	case sent < len(reply):
		l.handOver(fd, nil, reply[sent:])
	}
}

// forget returns the connection, which is the loop's no more.
func (l *eventLoop) forget(fd int) *Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.conns[fd]
	delete(l.conns, fd)
	return c
}

// drop closes a connection.
func (l *eventLoop) drop(fd int) {
	c := l.forget(fd)
	_ = unix.Close(fd)
	l.server.remove(c)
	l.from.handlers.Done()
}

// handOver gives a connection to a handler: with bytes that were read and not
// answered, or that were not sent. With neither, something was seen that nobody
// has read: the handler looks for a request also while the server drains.
func (l *eventLoop) handOver(fd int, unanswered, unsent []byte) {
	c := l.forget(fd)
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	if c.crowded = !c.lend(len(unanswered) + len(unsent)); !c.crowded {
		c.unanswered, c.unsent = slices.Clone(unanswered), slices.Clone(unsent)
	}
	c.late = c.late || len(unanswered)+len(unsent) == 0
	l.server.start(c)
	l.from.handlers.Done()
}
