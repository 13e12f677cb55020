package authsock

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/internal/tabline"
)

const (
	maxTemplate  = 1024 // bytes of MailOptions.Home
	maxHome      = 4096 // PATH_MAX; keeps replies below the 8192 bytes that Dovecot reads
	maxQuotaRoot = 255  // bytes of MailOptions.QuotaRoot
)

// errHome says that a name cannot be a directory. Users' names can: their
// alphabet is checked when they are made.
var errHome = errors.New("the home directory cannot be told from this address")

// MailOptions are what Dovecot is told about every user's mailbox.
type MailOptions struct {
	UID, GID  uint32 // owner of the mail; not 0, which Dovecot refuses
	Home      string // absolute; %d is the domain, %n the local part, %u the address
	QuotaRoot string // name of the quota root in Dovecot's configuration
}

// Mail is MailOptions, checked and ready to be written.
type Mail struct {
	owner string // fields before the home directory
	home  []segment
	rule  string // Dovecot 2.3's field for the limit, up to its number
	limit string // 2.4's
}

// segment is a piece of text and the variable behind it.
type segment struct {
	text     string
	variable byte // 'd', 'n', 'u'; 0: none
}

// NewMail checks the options. Its error names what is wrong.
func NewMail(o MailOptions) (*Mail, error) {
	switch {
	case o.UID == 0:
		return nil, errors.New("uid: mail cannot belong to root")
	case o.GID == 0:
		return nil, errors.New("gid: mail cannot belong to the group root")
	case o.QuotaRoot == "" || len(o.QuotaRoot) > maxQuotaRoot || strings.ContainsAny(o.QuotaRoot, "/=") || hasControl(o.QuotaRoot):
		return nil, errors.New("quota root: a name without / and = is needed")
	}
	home, err := parseHome(o.Home)
	if err != nil {
		return nil, fmt.Errorf("home: %w", err)
	}
	return &Mail{
		owner: fmt.Sprintf("\tuid=%d\tgid=%d\thome=", o.UID, o.GID),
		home:  home,
		rule:  "\tquota_rule=*:bytes=",
		limit: "\tquota/" + o.QuotaRoot + "/storage_size=",
	}, nil
}

func parseHome(template string) ([]segment, error) {
	switch {
	case len(template) > maxTemplate:
		return nil, fmt.Errorf("longer than %d bytes", maxTemplate)
	case !path.IsAbs(template) || path.Clean(template) != template:
		return nil, errors.New("an absolute path without . and .. is needed")
	case hasControl(template):
		return nil, errors.New("holds a control character")
	}
	var all []segment
	for rest := template; rest != ""; {
		text, after, found := strings.Cut(rest, "%")
		if !found {
			return append(all, segment{text: text}), nil
		}
		if after == "" || strings.IndexByte("dnu", after[0]) < 0 {
			return nil, errors.New("only %d, %n and %u are known")
		}
		all = append(all, segment{text, after[0]})
		rest = after[1:]
	}
	return all, nil
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// appendFields appends the userdb fields of a user. Its address and its limit,
// in bytes, are all that is particular to it.
func (m *Mail) appendFields(b, address []byte, limit int64) ([]byte, error) {
	b, err := m.appendHome(append(b, m.owner...), address)
	if err != nil {
		return b, err
	}
	b = strconv.AppendInt(append(b, m.rule...), limit, 10)
	return strconv.AppendInt(append(b, m.limit...), limit, 10), nil
}

func (m *Mail) appendHome(b, address []byte) ([]byte, error) {
	start := len(b)
	at := lastAt(address)
	if at < 0 {
		return b, errHome
	}
	for _, s := range m.home {
		b = tabline.AppendEscaped(b, s.text)
		var value []byte
		switch s.variable {
		case 'd':
			value = address[at+1:]
		case 'n':
			value = address[:at]
		case 'u':
			value = address
		default:
			continue
		}
		if !isPathPart(value) {
			return b, errHome
		}
		b = append(b, value...)
	}
	if len(b)-start > maxHome {
		return b, errHome
	}
	return b, nil
}

func lastAt(address []byte) int {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return i
		}
	}
	return -1
}

// isPathPart reports whether a value may stand in a path: it cannot leave its
// directory, hide, or end a field.
func isPathPart(value []byte) bool {
	if len(value) == 0 || value[0] == '.' {
		return false
	}
	for _, c := range value {
		if c < ' ' || c == 0x7f || c == '/' {
			return false
		}
	}
	return true
}
