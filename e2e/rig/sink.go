package rig

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
)

// Message is one mail that left the rig.
type Message struct {
	From string   // the envelope sender, "" for a bounce
	To   []string // the envelope recipients
	Text string
}

// Subject returns the first Subject header, or "".
func (m Message) Subject() string {
	_, rest, found := strings.Cut("\n"+m.Text, "\nSubject: ")
	if !found {
		return ""
	}
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// Sink is an SMTP server that takes every mail and keeps it: the world outside.
// Its methods may be called concurrently.
type Sink struct {
	listener net.Listener
	done     sync.WaitGroup // the accept loop and every connection

	mu       sync.Mutex        // guards what follows
	messages []Message         // in order of arrival
	conns    map[net.Conn]bool // open ones
	closed   bool
}

func listenSink() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{listener: l, conns: map[net.Conn]bool{}}
	s.done.Go(s.accept)
	return s, nil
}

// Port is the loopback port it listens on.
func (s *Sink) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Messages returns what has arrived so far.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Close ends the listener and every connection, and waits for them.
func (s *Sink) Close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.listener.Close()
	s.done.Wait()
}

func (s *Sink) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.hold(c) {
			c.Close()
			return
		}
		s.done.Go(func() { s.serve(c) })
	}
}

// hold reports false when the sink is closed.
func (s *Sink) hold(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = true
	}
	return !s.closed
}

func (s *Sink) release(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	c.Close()
}

var inAngles = regexp.MustCompile(`<([^>]*)>`)

func angled(line string) string {
	m := inAngles.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	return m[1]
}

// serve speaks as much SMTP as Postfix's client needs.
func (s *Sink) serve(c net.Conn) {
	defer s.release(c)
	r := textproto.NewReader(bufio.NewReader(c))
	fmt.Fprint(c, "220 outside.test ESMTP\r\n")
	var m Message
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch verb {
		case "EHLO":
			fmt.Fprint(c, "250-outside.test\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
			continue
		case "MAIL":
			m = Message{From: angled(line)}
		case "RCPT":
			m.To = append(m.To, angled(line))
		case "DATA":
			fmt.Fprint(c, "354 Go ahead\r\n")
			text, err := r.ReadDotBytes()
			if err != nil {
				return
			}
			m.Text = string(text)
			s.add(m)
		case "QUIT":
			fmt.Fprint(c, "221 Bye\r\n")
			return
		}
		fmt.Fprint(c, "250 Ok\r\n")
	}
}

func (s *Sink) add(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
}
