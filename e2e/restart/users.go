package main

import (
	"fmt"
	"strings"
)

// domain is where all users are.
const domain = "restart.test"

// kind is a kind of user, and what gatepost must say about it.
type kind struct {
	fields            string // of the user, in JSON
	sender, recipient string // asked about; %s is the user's address
	want              string
}

const elsewhere = "somebody@elsewhere.test"

// kinds take turns.
var kinds = []kind{
	{``, elsewhere, "%s", "DUNNO"},
	{`,"disabled":true`, elsewhere, "%s", "550 5.2.1 Mailbox disabled"},
	{`,"send_only":true`, elsewhere, "%s", "550 5.2.1 This account does not receive mail"},
	{`,"receive":"defer"`, elsewhere, "%s", "450 4.2.1 Mailbox temporarily unavailable"},
	{`,"local_only":true`, "%s", elsewhere, "550 5.7.1 This account may only send to its own domain"},
}

func address(n int) string { return fmt.Sprintf("user%05d@%s", n, domain) }

// batch is the input of gatepostctl that makes n users.
func batch(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"address":"%s","no_password":true%s}`+"\n", address(i), kinds[i%len(kinds)].fields)
	}
	return b.String()
}

// question is a request about a user, and its right reply.
type question struct{ request, want string }

// atRecipient is what smtpd 3.7 sends at RCPT.
const atRecipient = `request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=127.0.0.1
client_name=unknown
client_port=32888
reverse_client_name=unknown
server_address=127.0.0.1
server_port=25
helo_name=client.test
sender=%[1]s
recipient=%[2]s
recipient_count=0
queue_id=
instance=1f2a.6921.%[4]x.0
size=300
etrn_domain=
stress=
sasl_method=
sasl_username=%[3]s
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=
encryption_cipher=
encryption_keysize=0
policy_context=

`

// ask returns the question about user number n in message number m.
func ask(n, m int) question {
	k := kinds[n%len(kinds)]
	fill := strings.NewReplacer("%s", address(n))
	sender, login := fill.Replace(k.sender), ""
	if k.sender != elsewhere {
		login = sender
	}
	return question{
		request: fmt.Sprintf(atRecipient, sender, fill.Replace(k.recipient), login, m),
		want:    "action=" + k.want + "\n\n",
	}
}
