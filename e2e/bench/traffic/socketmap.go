package traffic

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
)

// Socketmap asks the four maps that each message needs, in turn: mailboxes,
// aliases, domains, transport.
type Socketmap struct {
	users   Users
	asked   int
	random  *rand.Rand
	want    []byte
	address []byte
}

// NewSocketmap makes the dialogue of connection number conn.
func NewSocketmap(users Users, conn int) *Socketmap {
	return &Socketmap{users: users, random: generator(conn), address: []byte(sample)}
}

// Open has nothing to do: the client speaks first.
func (*Socketmap) Open(net.Conn) error { return nil }

// Request appends the next query as a netstring.
func (s *Socketmap) Request(dst []byte) []byte {
	s.users.write(s.address, s.users.pick(s.random))
	s.asked++
	const absent = "9:NOTFOUND ,"
	switch s.asked % 4 {
	case 0:
		s.want = appendNetstring(s.want[:0], "OK ", s.address)
		return appendNetstring(dst, "mailboxes ", s.address)
	case 1:
		s.want = append(s.want[:0], absent...)
		return appendNetstring(dst, "aliases ", s.address)
	case 2:
		domain := s.address[domainStart:]
		s.want = appendNetstring(s.want[:0], "OK ", domain)
		return appendNetstring(dst, "domains ", domain)
	}
	s.want = append(s.want[:0], absent...)
	return appendNetstring(dst, "transport ", s.address)
}

func appendNetstring(dst []byte, word string, rest []byte) []byte {
	n := len(word) + len(rest)
	if n >= 10 {
		dst = append(dst, byte('0'+n/10))
	}
	dst = append(dst, byte('0'+n%10), ':')
	dst = append(append(dst, word...), rest...)
	return append(dst, ',')
}

// Reply wants what was expected when the query was made.
func (s *Socketmap) Reply(got []byte) (bool, error) {
	switch {
	case bytes.Equal(got, s.want):
		return true, nil
	case bytes.HasPrefix(s.want, got):
		return false, nil
	}
	return false, fmt.Errorf("%w, want %q", errWrong, s.want)
}
