package quotadict

import (
	"bytes"
	"math"
	"strconv"

	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/tabline"
)

// transaction is what was said between a begin and its end.
type transaction struct {
	user       []byte // as Dovecot named it; nil: nobody we could know
	storage    size
	messages   size
	unset      bool
	increments bool
	wrong      string // why it cannot be committed; "": it can
}

// size is a value that may have been set.
type size struct {
	n   int64
	set bool
}

// begin answers B: a number, a user, and in 2.4 when the values expire.
func (c *conn) begin(args [][]byte) error {
	id, ok := tabline.ParseID(args[0])
	switch {
	case !ok:
		return errArguments
	case c.open[id] != nil:
		return errBegun
	case len(c.open) >= maxTransactions:
		return errTooMany
	}
	tx := &transaction{}
	if len(args) > 1 && len(args[1]) <= 2*mailaddr.MaxKey { // longer names are nobody's
		tx.user = bytes.Clone(args[1])
	}
	c.open[id] = tx
	return nil
}

// inTransaction does what a line says about an open transaction.
func (c *conn) inTransaction(command byte, args [][]byte) error {
	id, ok := tabline.ParseID(args[0])
	tx := c.open[id]
	switch {
	case !ok:
		return errArguments
	case tx == nil:
		return errTransaction
	}
	switch command {
	case 'R':
		delete(c.open, id)
	case 'T', 'V': // when the values are from, and whether logs may show them
	case 'U':
		if len(args) < 2 {
			return errArguments
		}
		tx.unset = true
		tx.slot(args[1])
	case 'S', 'A':
		if len(args) < 3 {
			return errArguments
		}
		tx.write(command, args[1], args[2])
	}
	return nil
}

// slot returns where the value of a key is kept, and notes a key that is none.
func (tx *transaction) slot(key []byte) *size {
	switch string(key) {
	case keyStorage:
		return &tx.storage
	case keyMessages:
		return &tx.messages
	}
	tx.wrong = failKey
	return &size{}
}

func (tx *transaction) write(command byte, key, text []byte) {
	slot := tx.slot(key)
	n, err := strconv.ParseInt(string(text), 10, 64)
	switch {
	case err == nil && command == 'A':
		tx.increments = true
	case err != nil || n < 0 || slot == &tx.messages && n > math.MaxUint32:
		tx.wrong = failValue
	default:
		*slot = size{n, true}
	}
}

// commit answers C and D; reply is what stands before the answer.
func (c *conn) commit(args [][]byte, reply []byte) ([]byte, error) {
	id, ok := tabline.ParseID(args[0])
	tx := c.open[id]
	switch {
	case !ok:
		return nil, errArguments
	case tx == nil:
		return nil, errTransaction
	}
	delete(c.open, id)
	word, result, text := c.report(tx)
	if c.server.Committed != nil {
		c.server.Committed(result)
	}
	reply = strconv.AppendUint(append(reply, word), uint64(id), 10)
	if word == replyFail {
		reply = append(append(reply, '\t'), text...)
	}
	return append(reply, '\n'), nil
}

// report tells the ledger what a transaction holds.
func (c *conn) report(tx *transaction) (word byte, r Result, failure string) {
	switch {
	case tx.wrong != "":
		return replyFail, Refused, tx.wrong
	case tx.increments:
		return replyNotFound, Refused, ""
	case !tx.storage.set && tx.messages.set:
		return replyFail, Refused, failHalf
	case !tx.storage.set && tx.unset:
		return replyFail, Refused, failUnset
	}
	u := c.user(tx.user)
	if !u.Exists() {
		return replyFail, UnknownUser, failUser
	}
	if !tx.storage.set { // nothing was said
		return replyOK, Refused, ""
	}
	messages := uint32(tx.messages.n)
	if !tx.messages.set {
		messages = c.server.Ledger.Usage(u.Mailbox()).Messages
	}
	if !c.server.Ledger.Report(u.Mailbox(), tx.storage.n, messages, c.server.Now()) {
		return replyOK, Stale, ""
	}
	return replyOK, Taken, ""
}
