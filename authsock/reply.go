package authsock

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/tabline"
)

const (
	// announced is the version of the client protocol. Dovecot 2.4's own 1.4
	// only adds what SCRAM and CANCELLED need, and the latter goes by the
	// client's version.
	announced = "VERSION\t1\t2\n"

	maxEchoedName = 255 // bytes of a name that a client gave
)

// appendGreeting appends what a client is told first. MECH must stand before
// SPID: Postfix believes to be at the wrong socket otherwise.
func appendGreeting(b []byte, spid int, s *session) []byte {
	b = append(b, announced...)
	for _, m := range mechanisms {
		b = append(b, "MECH\t"+m.String()+"\tplaintext\n"...)
	}
	b = strconv.AppendInt(append(b, "SPID\t"...), int64(spid), 10)
	b = strconv.AppendUint(append(b, "\nCUID\t"...), uint64(s.cuid), 10)
	b = s.appendCookie(append(b, "\nCOOKIE\t"...))
	return append(b, "\nDONE\n"...)
}

func appendWord(b []byte, word string, id uint32) []byte {
	return strconv.AppendUint(append(append(b, word...), '\t'), uint64(id), 10)
}

func continuation(id uint32, challenge []byte) []byte {
	b := append(appendWord(nil, "CONT", id), '\t') // the TAB stays for an empty challenge
	return append(base64.StdEncoding.AppendEncode(b, challenge), '\n')
}

func cancelled(id uint32) []byte { return append(appendWord(nil, "CANCELLED", id), '\n') }

// failure is a FAIL for what a client of a client did wrong.
func failure(id uint32, fields string) []byte {
	return append(append(appendWord(nil, "FAIL", id), fields...), '\n')
}

// Reasons of failures, in Dovecot's words.
const (
	failUnexpected = "\treason=Unexpected continuation"
	failTimedOut   = "\treason=Authentication request timed out"
	failInitial    = "\tcode=invalid_base64\treason=Invalid base64 data in initial response"
	failContinued  = "\tcode=invalid_base64\treason=Invalid base64 data in continued response"
	failTemporary  = "\tcode=temp_fail"
)

// outcome is the reply to a finished exchange. An outcome that we did not
// foresee is a temporary failure.
func outcome(x *exchange, o login.Outcome) []byte {
	if o.Result == login.OK {
		b := append(appendWord(make([]byte, 0, 64+len(o.Grant.Address)), "OK", x.id), "\tuser="...)
		return append(tabline.AppendEscaped(b, o.Grant.Address), '\n')
	}
	b := appendWord(nil, "FAIL", x.id)
	if len(x.given.name) > 0 {
		b = appendName(append(b, "\tuser="...), x.given.name)
	}
	switch {
	case o.Result == login.Refused:
	case o.Result == login.Denied && o.Rule.Code == login.NotAuthorized:
		b = append(b, "\tcode=authz_fail"...)
	case o.Result == login.Denied:
		b = append(b, "\tcode=user_disabled\treason="...)
		if x.service == login.IMAP {
			b = append(b, "[CONTACTADMIN] "...)
		}
		b = tabline.AppendEscaped(b, o.Rule.Text)
	default:
		b = append(b, failTemporary...)
	}
	return append(b, '\n')
}

// appendName appends a name that a client gave, for the log of the program that
// asks. Postfix does not unescape, so what would have to be escaped becomes a
// question mark.
func appendName(b, name []byte) []byte {
	for end := len(b) + maxEchoedName; len(name) > 0; {
		r, size := utf8.DecodeRune(name)
		if len(b)+size > end {
			return b
		}
		if r < ' ' || r == 0x7f || r == utf8.RuneError && size == 1 {
			b = append(b, '?')
		} else {
			b = append(b, name[:size]...)
		}
		name = name[size:]
	}
	return b
}
