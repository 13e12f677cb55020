package traffic

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
)

// Password is every user's.
const Password = "Correct-Horse-7"

// firstPID is where the process ids begin that connections of a login process
// give: beyond those that the system gives.
const firstPID = 5_000_000

// Auth logs in as Postfix's smtpd does: mechanism PLAIN with an initial
// response. NewUserdb asks where a user lives, as Dovecot's LMTP does.
type Auth struct {
	users    Users
	userdb   bool
	conn, id int
	random   *rand.Rand
	address  []byte
	plain    []byte // the initial response, not encoded
	want     []byte // how the reply must begin
}

// NewAuth makes the dialogue of connection number conn to a client socket.
func NewAuth(users Users, conn int) *Auth {
	plain := []byte("\x00" + sample + "\x00" + Password)
	return &Auth{users: users, conn: conn, random: generator(conn), plain: plain, address: plain[1 : 1+len(sample)]}
}

// NewUserdb makes the dialogue of connection number conn to a master socket.
func NewUserdb(users Users, conn int) *Auth {
	return &Auth{users: users, userdb: true, conn: conn, random: generator(conn), address: []byte(sample)}
}

// Open shakes hands.
func (a *Auth) Open(conn net.Conn) error {
	hello, last := fmt.Sprintf("VERSION\t1\t2\nCPID\t%d\n", firstPID+a.conn), "DONE"
	if a.userdb {
		hello, last = "VERSION\t1\t0\n", "SPID\t"
	}
	if _, err := io.WriteString(conn, hello); err != nil {
		return err
	}
	return readUntil(conn, last)
}

// readUntil reads lines until one begins with last. It reads byte by byte, so
// as to leave what follows to the one who reads next.
func readUntil(conn net.Conn, last string) error {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(conn, b); err != nil {
			return fmt.Errorf("handshake: %w", err)
		}
		if b[0] != '\n' {
			line = append(line, b[0])
			continue
		}
		if bytes.HasPrefix(line, []byte(last)) {
			return nil
		}
		line = line[:0]
	}
}

// Request appends the next request.
func (a *Auth) Request(dst []byte) []byte {
	a.users.write(a.address, a.users.pick(a.random))
	a.id++
	command, ok := "AUTH\t", "OK\t"
	if a.userdb {
		command, ok = "USER\t", "USER\t"
	}
	a.want = strconv.AppendInt(append(a.want[:0], ok...), int64(a.id), 10)
	dst = strconv.AppendInt(append(dst, command...), int64(a.id), 10)
	if a.userdb {
		a.want = append(append(a.want, '\t'), a.address...)
		dst = append(append(dst, '\t'), a.address...)
		return append(dst, "\tservice=lmtp\tlip=127.0.0.1\tlport=24\trip=127.0.0.1\trport=40000\n"...)
	}
	a.want = append(append(a.want, "\tuser="...), a.address...)
	dst = append(dst, "\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tsecured\tresp="...)
	return append(base64.StdEncoding.AppendEncode(dst, a.plain), '\n')
}

// Reply wants the user that was asked for.
func (a *Auth) Reply(got []byte) (bool, error) {
	if len(got) == 0 || got[len(got)-1] != '\n' {
		return false, nil
	}
	if rest, ok := bytes.CutPrefix(got, a.want); !ok || rest[0] != '\t' && rest[0] != '\n' {
		return false, fmt.Errorf("%w, want %q", errWrong, a.want)
	}
	return true, nil
}
