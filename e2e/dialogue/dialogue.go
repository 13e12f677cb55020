// Package dialogue is a mail client for tests: it sends what it is given, line
// by line, and knows of SMTP, LMTP, IMAP and POP3 only where a reply ends.
//
//   - SMTP and LMTP (RFC 5321, section 4.2.1): at the line whose code is followed
//     by a space.
//   - IMAP (RFC 9051, section 2.2.2): at the line that begins with the command's
//     tag, or with "+", which asks for the rest of the command.
//   - POP3 (RFC 1939, section 3): at the first line, or after a success that has
//     more lines at the lone dot.
//
// A connection that ends is a reply too: its last line is Closed.
package dialogue

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Closed stands as the last line of a reply when the server closed the connection.
const Closed = "(closed)"

// patience is how long a reply may take. Postfix alone takes ten seconds before
// it gives its own answer for a policy service that is silent.
const patience = 15 * time.Second

// Protocol says where a reply ends.
type Protocol string

// The protocols. Submission is SMTP here.
const (
	SMTP Protocol = "SMTP"
	LMTP Protocol = "LMTP"
	IMAP Protocol = "IMAP"
	POP3 Protocol = "POP3"
)

// Reply is what the server answered at once.
type Reply struct {
	Protocol Protocol
	Lines    []string // without their line ends
	Took     time.Duration
}

// Line returns the line that holds the verdict: the first one of POP3, else the last.
func (r Reply) Line() string {
	if r.Protocol == POP3 && r.Lines[0] != "" {
		return r.Lines[0]
	}
	return r.Lines[len(r.Lines)-1]
}

// Conn is a connection. It is for one goroutine.
type Conn struct {
	protocol Protocol
	conn     net.Conn
	r        *bufio.Reader
	command  string // that the next reply answers
	tag      string // of the IMAP command under way
	asked    bool   // IMAP asks for the rest of the command
	sent     time.Time
}

// Dial connects to address, with TLS at once when config is not nil. The
// greeting is the first reply.
func Dial(ctx context.Context, p Protocol, address string, config *tls.Config) (*Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Conn{protocol: p, conn: conn, tag: "*", sent: time.Now()}
	if config != nil {
		return c, c.StartTLS(ctx, config)
	}
	c.r = bufio.NewReader(conn)
	return c, nil
}

// StartTLS goes on with TLS, after the server said yes to the command for it.
func (c *Conn) StartTLS(ctx context.Context, config *tls.Config) error {
	secured := tls.Client(c.conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		c.conn.Close()
		return err
	}
	c.conn, c.r = secured, bufio.NewReader(secured)
	return nil
}

// Close ends the connection without a word.
func (c *Conn) Close() error { return c.conn.Close() }

// Send sends text, whose lines may end in LF, and the end of its last line.
func (c *Conn) Send(text string) error {
	c.command = text
	c.sent = time.Now()
	if c.protocol == IMAP && !c.asked {
		c.tag, _, _ = strings.Cut(text, " ")
	}
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := io.WriteString(c.conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
	return err
}

// Reply reads the next reply.
func (c *Conn) Reply() (Reply, error) {
	reply := Reply{Protocol: c.protocol}
	c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := c.r.ReadString('\n')
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return reply, fmt.Errorf("no reply within %v to %q", patience, c.command)
		}
		if err != nil {
			line = Closed
		}
		line = strings.TrimRight(line, "\r\n")
		reply.Lines = append(reply.Lines, line)
		reply.Took = time.Since(c.sent)
		if err != nil || c.ends(reply.Lines, line) {
			return reply, nil
		}
	}
}

func (c *Conn) ends(lines []string, line string) bool {
	switch c.protocol {
	case IMAP:
		c.asked = strings.HasPrefix(line, "+")
		return c.asked || strings.HasPrefix(line, c.tag+" ")
	case POP3:
		return !strings.HasPrefix(lines[0], "+OK") || !manyLines(c.command) || line == "."
	}
	return len(line) < 4 || line[3] != '-'
}

// manyLines reports whether a POP3 command has a reply of many lines.
func manyLines(command string) bool {
	verb, argument, _ := strings.Cut(strings.ToUpper(command), " ")
	switch verb {
	case "RETR", "TOP", "CAPA":
		return true
	case "LIST", "UIDL":
		return argument == ""
	}
	return false
}
