package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Postfix's defaults: smtpd_policy_service_try_limit, _retry_delay and _timeout.
const (
	tryLimit   = 2
	retryDelay = time.Second
	patience   = 100 * time.Second
)

// ending is how a try came to nothing.
type ending int

const (
	unsent     ending = iota // the connection had ended, or was closed before the request was read
	unanswered               // the request was read, and the connection closed without a reply
	cut                      // in the middle of the reply
	silent                   // nothing came for patience
)

// smtpd asks as Postfix's policy client does (attr_clnt(3), auto_clnt(3)): it
// keeps its connection, has one request under way, and when the connection ends
// it waits, connects and asks again, once.
type smtpd struct {
	path string
	conn net.Conn // nil: none
	in   *bufio.Reader
	made int // connections
}

// try asks once, over the connection that there is or a new one.
func (c *smtpd) try(request string) (reply string, how ending, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("unix", c.path, patience); err != nil {
			return "", unsent, err
		}
		c.in = bufio.NewReader(c.conn)
		c.made++
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, request); err != nil {
		return "", unsent, err
	}
	reply, err = readReply(c.in)
	if err != nil {
		return reply, endingOf(reply, err), err
	}
	return reply, 0, nil
}

// readReply reads to the empty line.
func readReply(in *bufio.Reader) (reply string, err error) {
	for !strings.HasSuffix(reply, "\n\n") {
		line, err := in.ReadString('\n')
		reply += line
		if err != nil {
			return reply, err
		}
	}
	return reply, nil
}

// endingOf tells what became of a request that was written.
func endingOf(reply string, err error) ending {
	var timeout net.Error
	switch {
	case reply != "":
		return cut
	case errors.As(err, &timeout) && timeout.Timeout():
		return silent
	case errors.Is(err, syscall.ECONNRESET): // the socket was closed with the request in it
		return unsent
	}
	return unanswered
}

// hangUp forgets the connection.
func (c *smtpd) hangUp() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (e ending) String() string {
	switch e {
	case unsent:
		return "not read"
	case unanswered:
		return "read, not answered"
	case cut:
		return "cut"
	case silent:
		return "silent"
	}
	return fmt.Sprint(int(e))
}
