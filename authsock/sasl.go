package authsock

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/emersion/go-sasl"

	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/password"
)

// credential is what a mechanism found out.
type credential struct {
	authzid, name []byte
	secret        password.Secret
}

// mechanism is a SASL mechanism that is offered.
type mechanism struct {
	login.Mechanism
	start func(*credential) sasl.Server // fills the credential when it is done
}

// mechanisms are offered in this order. All send the password in clear, which
// "plaintext" in their MECH lines says: Postfix and Dovecot hide them until TLS
// protects the connection, as they are configured.
var mechanisms = []mechanism{
	{login.Plain, startPlain},
	{login.Login, startLogin},
}

// mechanismNamed returns a mechanism that is offered.
func mechanismNamed(name []byte) (mechanism, bool) {
	for _, m := range mechanisms {
		if m.String() == string(name) {
			return m, true
		}
	}
	return mechanism{}, false
}

// startPlain is RFC 4616. The library hands the password over as a string, and
// that copy stays until it is collected.
func startPlain(c *credential) sasl.Server {
	return sasl.NewPlainServer(func(identity, username, secret string) error {
		*c = credential{[]byte(identity), []byte(username), password.Secret(secret)}
		return nil
	})
}

// startLogin is LOGIN as Outlook and Dovecot's mech-login.c speak it
// (draft-murchison-sasl-login): two prompts; an initial response is the name.
func startLogin(c *credential) sasl.Server { return &loginServer{credential: c} }

type loginServer struct {
	*credential
	prompted, named, done bool
}

var (
	errTooMany = errors.New("a response after the last one")
	errNoName  = errors.New("no name")
)

// Next takes a response and returns the next prompt.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case l.done:
		return nil, false, errTooMany
	case l.named:
		l.done = true
		l.secret = append(password.Secret{}, response...)
		return nil, true, nil
	case len(response) == 0 && l.prompted:
		return nil, false, errNoName
	case len(response) == 0:
		l.prompted = true
		return []byte("Username:"), false, nil
	}
	l.named = true
	l.name = append([]byte{}, response...)
	return []byte("Password:"), false, nil
}

// decode decodes a response in place. What it returns is never nil, because nil
// stands for no response.
func decode(text []byte) ([]byte, error) {
	if len(text) == 0 {
		return []byte{}, nil
	}
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 { // which the decoder would skip
		return nil, base64.CorruptInputError(i)
	}
	n, err := base64.StdEncoding.Strict().Decode(text, text)
	return text[:n:n], err
}
