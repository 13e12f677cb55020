package quotadict

import (
	"bytes"
	"io"
	"strconv"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/tabline"
)

// The violations, besides lines that are too long.
const (
	errHello       tabline.Violation = "the first line is not a hello of major version 3 or 4"
	errCommand     tabline.Violation = "unknown command"
	errArguments   tabline.Violation = "command without its arguments"
	errTransaction tabline.Violation = "no such transaction"
	errBegun       tabline.Violation = "transaction was begun already"
	errTooMany     tabline.Violation = "too many open transactions"
)

// Replies.
const (
	replyOK       = 'O'
	replyNotFound = 'N'
	replyFail     = 'F'
)

// Why something fails, for Dovecot's log.
const (
	failKey   = "unsupported key"
	failUser  = "no such user, or not a user's name"
	failValue = "not a size"
	failUnset = "usage cannot be unset"
	failHalf  = "messages without priv/quota/storage"
)

// The keys.
const (
	keyPrefix   = "priv/quota/"
	keyMessages = keyPrefix + "messages"
	keyStorage  = keyPrefix + "storage"
)

// conn is what one connection knows.
type conn struct {
	server *Server
	in     *tabline.Reader
	out    []byte
	open   map[uint32]*transaction // by the number the client gave
}

// hello checks a connection's first line: "H", major and minor version, the
// type of values, an unused user and the name of the dict.
func hello(line []byte) error {
	major, _, more := tabline.Cut(line)
	if s := string(major); !more || s != "H3" && s != "H4" {
		return errHello
	}
	return nil
}

// serve answers one line.
func (c *conn) serve(w io.Writer, line []byte) error {
	reply, err := c.command(line)
	if err != nil || len(reply) == 0 {
		return err
	}
	c.out = reply
	_, err = w.Write(reply)
	return err
}

// command does what a line says and returns the reply, empty when it has none.
// An error ends the connection.
func (c *conn) command(line []byte) ([]byte, error) {
	if len(line) == 0 {
		return nil, errCommand
	}
	args := fields(line[1:])
	switch line[0] {
	case 'L':
		return c.lookup(args)
	case 'I':
		return c.iterate(args)
	case 'B':
		return nil, c.begin(args)
	case 'C':
		return c.commit(args, c.out[:0])
	case 'D': // commit without waiting, 2.3 only; its reply is told apart by an A
		return c.commit(args, append(c.out[:0], 'A'))
	case 'S', 'U', 'A', 'T', 'V', 'R':
		return nil, c.inTransaction(line[0], args)
	}
	return nil, errCommand
}

// maxFields is more than any command has.
const maxFields = 8

// fields splits and unescapes the arguments of a command.
func fields(line []byte) [][]byte {
	all := make([][]byte, 0, maxFields)
	for more := true; more && len(all) < maxFields; {
		var field []byte
		field, line, more = tabline.Cut(line)
		all = append(all, tabline.Unescape(field))
	}
	return all
}

// user returns who has a name: an address, with or without detail, a further
// address, a login name. The zero User is nobody.
func (c *conn) user(name []byte) directory.User {
	var buf [mailaddr.MaxKey]byte
	key, _, err := mailaddr.AppendLoginKey(buf[:0], name)
	if err != nil {
		return directory.User{}
	}
	return c.server.Directory.View().User(key)
}

// value returns what stands under a key.
func value(key []byte, u quota.Usage) (n int64, exists bool) {
	switch string(key) {
	case keyStorage:
		return u.Bytes, true
	case keyMessages:
		return int64(u.Messages), true
	}
	return 0, false
}

// lookup answers L: a key and a user.
func (c *conn) lookup(args [][]byte) ([]byte, error) {
	if _, exists := value(args[0], quota.Usage{}); !exists {
		return c.fail(failKey), nil
	}
	u := directory.User{}
	if len(args) > 1 {
		u = c.user(args[1])
	}
	if !u.Exists() {
		return c.fail(failUser), nil
	}
	usage := c.server.Ledger.Usage(u.Mailbox())
	if !usage.Known() {
		return append(c.out[:0], replyNotFound, '\n'), nil
	}
	n, _ := value(args[0], usage)
	return append(strconv.AppendInt(append(c.out[:0], replyOK), n, 10), '\n'), nil
}

// Flags of I: src/lib-dict/dict.h.
const (
	flagNoValue  = 0x08
	flagExactKey = 0x10
)

// iterate answers I: flags, most rows (0: all), path and user. The rows are
// followed by an empty line.
func (c *conn) iterate(args [][]byte) ([]byte, error) {
	if len(args) < 3 {
		return nil, errArguments
	}
	flags, ok1 := tabline.ParseID(args[0])
	rows, ok2 := tabline.ParseID(args[1])
	if !ok1 || !ok2 {
		return nil, errArguments
	}
	u := directory.User{}
	if len(args) > 3 {
		u = c.user(args[3])
	}
	switch {
	case !bytes.HasPrefix(args[2], []byte(keyPrefix)):
		return c.fail(failKey), nil
	case !u.Exists():
		return c.fail(failUser), nil
	}
	reply, usage := c.out[:0], c.server.Ledger.Usage(u.Mailbox())
	for _, key := range []string{keyMessages, keyStorage} {
		if !usage.Known() || !within(key, string(args[2]), flags) {
			continue
		}
		reply = append(append(append(reply, replyOK), key...), '\t')
		if n, _ := value([]byte(key), usage); flags&flagNoValue == 0 {
			reply = strconv.AppendInt(reply, n, 10)
		}
		reply = append(reply, '\n')
		if rows == 1 {
			break
		}
	}
	return append(reply, '\n'), nil
}

// within reports whether a key lies under a path.
func within(key, path string, flags uint32) bool {
	return key == path || flags&flagExactKey == 0 && path == keyPrefix
}

// fail is the answer to L and I that Dovecot logs.
func (c *conn) fail(text string) []byte {
	return append(append(append(c.out[:0], replyFail), text...), '\n')
}
