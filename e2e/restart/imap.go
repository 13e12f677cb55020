package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/dialogue"
)

// login is one mail client's visit.
type login struct {
	came     time.Time // the mail client
	sent     time.Time // the LOGIN; zero: it did not come so far
	answered time.Time
	reply    string // its last line; what went wrong when there is none
}

// result is the word by which replies are counted: OK, the response code, or what
// went wrong.
func (l login) result() string {
	switch _, rest, tagged := strings.Cut(l.reply, "a "); {
	case !tagged:
		return l.reply
	case strings.HasPrefix(rest, "OK "):
		return "OK"
	case strings.HasPrefix(rest, "NO ["):
		code, _, _ := strings.Cut(rest[len("NO ["):], "]")
		return code
	}
	return l.reply
}

// visit connects, thinks, logs in and leaves.
func visit(ctx context.Context, address, user, password string, think time.Duration) (l login) {
	l.came = time.Now()
	fail := func(format string, a ...any) login {
		l.reply, l.answered = fmt.Sprintf(format, a...), time.Now()
		return l
	}
	c, err := dialogue.Dial(ctx, dialogue.IMAP, address, nil)
	if err != nil {
		return fail("no connection: %v", err)
	}
	defer c.Close()
	greeting, err := c.Reply()
	switch {
	case err != nil:
		return fail("no greeting: %v", err)
	case !strings.HasPrefix(greeting.Line(), "* OK "): // the real one, or that it will come
		return fail("no greeting: %s", greeting.Line())
	}
	time.Sleep(think)
	l.sent = time.Now()
	if err := c.Send("a LOGIN " + user + " " + password); err != nil {
		return fail("LOGIN not sent: %v", err)
	}
	reply, err := c.Reply()
	if err != nil {
		return fail("no answer: %v", err)
	}
	l.reply, l.answered = reply.Line(), time.Now()
	if l.reply == dialogue.Closed {
		l.reply = strings.Join(reply.Lines, " ")
	}
	if l.result() == "OK" {
		_ = c.Send("b LOGOUT") // how it ends does not matter any more
		_, _ = c.Reply()
	}
	return l
}
