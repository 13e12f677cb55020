package traffic

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
)

// errWrong says that a reply is not the right one; the caller names both.
var errWrong = errors.New("wrong reply")

// atRecipient is a request of Postfix 3.7's submission service at RCPT, as
// recorded, with other names. Digits of the addresses and of the instance are
// overwritten.
const atRecipient = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=127.0.0.1
client_name=unknown
client_port=32888
reverse_client_name=unknown
server_address=127.0.0.1
server_port=12587
helo_name=client.test
sender=` + sample + `
recipient=` + sample + `
recipient_count=0
queue_id=
instance=` + sampleInstance + `
size=300
etrn_domain=
stress=
sasl_method=PLAIN
sasl_username=` + sample + `
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=
encryption_cipher=
encryption_keysize=0
policy_context=submission

`

const sampleInstance = "00000000.6b02697b.00000000.0"

// atEndOfMessage is the same message's next request.
var atEndOfMessage = strings.NewReplacer(
	"protocol_state=RCPT", "protocol_state=END-OF-MESSAGE",
	"recipient_count=0", "recipient_count=1",
	"queue_id=", "queue_id=2F33B4018A",
	"size=300", "size=342").Replace(atRecipient)

// Dunno is the reply to a request that no rule refuses.
const Dunno = "action=DUNNO\n\n"

// template is a request with the places of what is overwritten.
type template struct {
	text                                 string
	sender, recipient, instance, message int
	login                                int
}

func newTemplate(text string) template {
	after := func(name string) int { return strings.Index(text, "\n"+name+"=") + len(name) + 2 }
	return template{text: text, sender: after("sender"), recipient: after("recipient"),
		login: after("sasl_username"), instance: after("instance"), message: after("instance") + 18}
}

var templates = [2]template{newTemplate(atRecipient), newTemplate(atEndOfMessage)}

// Policy asks as Postfix's smtpd does for an authenticated client: each message
// has its own instance, its sender is its login, and its recipient is another
// user.
type Policy struct {
	users             Users
	whole             bool // messages are asked about at END-OF-MESSAGE too
	conn, asked       int
	sender, recipient int
	random            *rand.Rand
}

// NewPolicy makes the dialogue of connection number conn. whole: each message
// is asked about at RCPT and then at END-OF-MESSAGE, else at RCPT only.
func NewPolicy(users Users, whole bool, conn int) *Policy {
	return &Policy{users: users, whole: whole, conn: conn, random: generator(conn)}
}

// Open has nothing to do: the client speaks first.
func (*Policy) Open(net.Conn) error { return nil }

// Request appends the next request.
func (p *Policy) Request(dst []byte) []byte {
	stage, message := 0, p.asked
	if p.whole {
		stage, message = p.asked%2, p.asked/2
	}
	p.asked++
	if stage == 0 {
		p.sender, p.recipient = p.users.pick(p.random), p.users.pick(p.random)
	}
	t := &templates[stage]
	at := len(dst)
	dst = append(dst, t.text...)
	b := dst[at:]
	p.users.write(b[t.sender:], p.sender)
	p.users.write(b[t.login:], p.sender)
	p.users.write(b[t.recipient:], p.recipient)
	digits(b[t.instance:t.instance+8], p.conn)
	digits(b[t.message:t.message+8], message)
	return dst
}

// Reply wants DUNNO.
func (*Policy) Reply(got []byte) (bool, error) {
	switch {
	case string(got) == Dunno:
		return true, nil
	case bytes.HasPrefix([]byte(Dunno), got):
		return false, nil
	}
	return false, errWrong
}
