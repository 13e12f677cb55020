package authsock

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
)

const (
	listPiece = 4096 // bytes of a LIST that are written together
	tokenSize = 20   // bytes of an auth token
)

// Why a user was not told.
var (
	errStranger   = errors.New("session_pid is not the process that asks")
	errNotGranted = errors.New("no such login, or it was asked for already")
	errNoMail     = errors.New("the mail settings are missing")
)

// masterConn is one master connection. Commands are answered in order, by one
// goroutine, out of buffers that it keeps: a USER allocates nothing.
type masterConn struct {
	*serve.Conn
	master *Master
	in     *tabline.Reader
	out    []byte
	key    []byte // of the name that is looked up
}

func newMasterConn(m *Master, sc *serve.Conn) *masterConn {
	return &masterConn{
		Conn: sc, master: m, in: tabline.NewReader(sc, maxLine),
		key: make([]byte, 0, mailaddr.MaxKey),
	}
}

func (c *masterConn) serve() {
	greeting := strconv.AppendInt([]byte("VERSION\t1\t1\nSPID\t"), int64(c.master.Requests.spid), 10)
	if _, err := c.Write(append(greeting, '\n')); err != nil {
		return
	}
	c.SetIdleTimeout(handshakeTimeout)
	line, err := c.in.Next()
	if err == nil {
		_, err = parseVersion(line)
		c.SetIdleTimeout(0)
	}
	for err == nil {
		if line, err = c.in.Next(); err == nil {
			err = c.handle(line)
		}
	}
	tabline.Complain(c.master.log, c.master.Malformed, c.Conn, err)
}

// handle answers one command. An error ends the connection.
func (c *masterConn) handle(line []byte) error {
	c.SetWriteTimeout(cmp.Or(c.master.WriteTimeout, serve.DefaultWriteTimeout)) // a LIST takes its own
	reply, err := c.command(line)
	if err != nil {
		return err
	}
	_, err = c.Write(reply)
	return err
}

// commands are what a master may say; the number is the request's id.
var commands = map[string]func(c *masterConn, id uint32, args []byte) ([]byte, error){
	"USER":        (*masterConn).user,
	"PASS":        (*masterConn).pass,
	"LIST":        (*masterConn).list,
	"REQUEST":     (*masterConn).request,
	"CACHE-FLUSH": (*masterConn).flush,
}

// command returns the reply to one command. It is valid until the next.
func (c *masterConn) command(line []byte) ([]byte, error) {
	word, args, _ := tabline.Cut(line)
	answer := commands[string(word)]
	if answer == nil {
		return nil, errCommand
	}
	id, args, err := parseID(args)
	if err != nil {
		return nil, err
	}
	return answer(c, id, args)
}

// user answers USER: where a user lives, whatever may be forbidden to it.
func (c *masterConn) user(id uint32, args []byte) ([]byte, error) {
	v := c.master.Directory.View()
	u, err := c.named(v, args)
	if err != nil {
		return nil, err
	}
	return c.locate(v, id, u, nil), nil
}

// pass answers PASS, by which doveadm looks whether a user exists, and lmtp
// whether it lives elsewhere.
func (c *masterConn) pass(id uint32, args []byte) ([]byte, error) {
	u, err := c.named(c.master.Directory.View(), args)
	if err != nil {
		return nil, err
	}
	if !u.Exists() {
		return c.keep(append(appendWord(c.out[:0], "NOTFOUND", id), '\n')), nil
	}
	b := append(appendWord(c.out[:0], "PASS", id), "\tuser="...)
	return c.keep(append(tabline.AppendEscaped(b, u.Address()), '\n')), nil
}

// named returns the user that a command's first argument names: by its address,
// with or without a detail, a further address or its login name. The zero User
// is nobody. What may follow the name does not matter here.
func (c *masterConn) named(v directory.View, args []byte) (directory.User, error) {
	name, _, _ := tabline.Cut(args)
	if len(name) == 0 {
		return directory.User{}, errBroken
	}
	key, _, err := mailaddr.AppendLoginKey(c.key, tabline.Unescape(name))
	switch {
	case errors.Is(err, mailaddr.ErrInvalidUTF8), errors.Is(err, mailaddr.ErrControl):
		return directory.User{}, errBroken // Dovecot sends no such name
	case err != nil:
		return directory.User{}, nil // no such name can exist
	}
	return v.User(key), nil
}

// locate is the answer with a user's fields and extra ones; NOTFOUND for the
// zero User.
func (c *masterConn) locate(v directory.View, id uint32, u directory.User, extra []byte) []byte {
	if !u.Exists() {
		return c.keep(append(appendWord(c.out[:0], "NOTFOUND", id), '\n'))
	}
	mail := c.master.Mail.Load()
	if mail == nil {
		return c.fail(id, "", errNoMail)
	}
	b := append(appendWord(c.out[:0], "USER", id), '\t')
	b, err := mail.appendFields(tabline.AppendEscaped(b, u.Address()), u.Address(), v.Limit(u))
	if err != nil {
		return c.fail(id, "", err)
	}
	return c.keep(append(append(b, extra...), '\n'))
}

// fail is the answer FAIL, with fields that the client may see. It logs why.
func (c *masterConn) fail(id uint32, fields string, err error) []byte {
	c.master.log.Warn("master request failed", "err", err)
	return c.keep(append(append(appendWord(c.out[:0], "FAIL", id), fields...), '\n'))
}

// keep keeps the memory of a reply for the next.
func (c *masterConn) keep(reply []byte) []byte {
	c.out = reply
	return reply
}

// notAvailable is shown to the user by Dovecot. It is as good for an account
// that was disabled this moment as for any other reason.
const notAvailable = "\treason=Account not available"

// request answers REQUEST: where somebody lives who was let in a moment ago.
func (c *masterConn) request(id uint32, args []byte) ([]byte, error) {
	r, err := parseRequest(args)
	if err != nil {
		return nil, err
	}
	if peer, ok := c.Peer(); ok && peer.PID != 0 && r.sessionPID != 0 && uint32(peer.PID) != r.sessionPID {
		return c.fail(id, "", errStranger), nil
	}
	grant, ok := c.master.Requests.claim(r.cpid, r.id, r.cookie)
	if !ok {
		return c.fail(id, "", errNotGranted), nil
	}
	v := c.master.Directory.View()
	u, rule := c.master.Recheck(v, grant)
	if rule != nil {
		return c.fail(id, notAvailable, errors.New("rule "+rule.Name)), nil
	}
	extra := append([]byte("\tauth_mech="), grant.Mechanism.String()...)
	if r.wantsToken {
		extra = appendToken(append(extra, "\tauth_token="...))
	}
	return c.locate(v, id, u, extra), nil
}

// appendToken appends a token for URLAUTH, which is not offered: it stands for
// nothing, but imap wants one.
func appendToken(b []byte) []byte {
	var token [tokenSize]byte
	_, _ = rand.Read(token[:]) // never fails: crypto/rand ends the process instead
	return hex.AppendEncode(b, token[:])
}

// loginRequest is a REQUEST command.
type loginRequest struct {
	cpid, id   uint32 // the client's process and its AUTH
	cookie     []byte // of the client's connection; nil: none that could be right
	sessionPID uint32 // 0: not said
	wantsToken bool
}

// parseRequest reads what follows the id of REQUEST.
func parseRequest(args []byte) (loginRequest, error) {
	var r loginRequest
	cpid, rest, _ := tabline.Cut(args)
	id, rest, more := tabline.Cut(rest)
	var ok1, ok2 bool
	r.cpid, ok1 = tabline.ParseID(cpid)
	r.id, ok2 = tabline.ParseID(id)
	if !ok1 || !ok2 || !more {
		return r, errBroken
	}
	cookie, rest, more := tabline.Cut(rest)
	r.cookie, _ = parseCookie(cookie)
	for more {
		var field []byte
		field, rest, more = tabline.Cut(rest)
		switch name, value := tabline.CutPair(field); string(name) {
		case "session_pid":
			r.sessionPID, _ = tabline.ParseID(value)
		case "request_auth_token":
			r.wantsToken = true
		}
	}
	return r, nil
}

// list answers LIST, a piece at a time: writing waits until the client reads.
// It returns the last piece.
func (c *masterConn) list(id uint32, args []byte) ([]byte, error) {
	c.SetWriteTimeout(cmp.Or(c.master.WriteTimeout, listPatience))
	b := c.out[:0]
	for name := range users(c.master.Directory.View(), parseMask(args)) {
		b = append(appendWord(b, "LIST", id), '\t')
		b = append(tabline.AppendEscaped(b, name), '\n')
		if len(b) < listPiece {
			continue
		}
		if _, err := c.Write(b); err != nil {
			return nil, err
		}
		if b = b[:0]; c.Draining() {
			return append(appendWord(b, "DONE", id), "\tfail\n"...), nil
		}
	}
	return c.keep(append(appendWord(b, "DONE", id), "\t\n"...)), nil
}

// parseMask returns the mask among LIST's parameters. 2.4 sends an empty field
// before it.
func parseMask(args []byte) []byte {
	mask := []byte("*")
	for rest, more := args, len(args) > 0; more; {
		var field []byte
		field, rest, more = tabline.Cut(rest)
		if name, value := tabline.CutPair(field); string(name) == "user" {
			mask = bytes.Clone(value)
		}
	}
	return mask
}

// flush answers CACHE-FLUSH. The cache knows no names, so the ones given do not
// matter: everything is forgotten, which costs a verification each.
func (c *masterConn) flush(id uint32, _ []byte) ([]byte, error) {
	b := append(appendWord(c.out[:0], "OK", id), '\t')
	return c.keep(append(strconv.AppendInt(b, int64(c.master.FlushCache()), 10), '\n')), nil
}
