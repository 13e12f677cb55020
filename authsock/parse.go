package authsock

import (
	"net/netip"

	"github.com/gatepost/gatepost/internal/tabline"
)

// The violations, besides lines that are too long.
const (
	errCommand   tabline.Violation = "unknown command"
	errVersion   tabline.Violation = "the first line is not a VERSION of major version 1"
	errCPID      tabline.Violation = "the second line is not a CPID with a process id"
	errID        tabline.Violation = "missing or invalid request id"
	errDuplicate tabline.Violation = "request id is in use"
	errMechanism tabline.Violation = "mechanism was not offered"
	errService   tabline.Violation = "AUTH without service"
	errAfterResp tabline.Violation = "AUTH parameter after resp"
	errBroken    tabline.Violation = "command without its arguments"
)

// authRequest is an AUTH command. Its slices lie in the line.
type authRequest struct {
	id        uint32
	mechanism []byte
	service   []byte
	nologin   bool // no REQUEST will follow an OK
	remote    netip.Addr
	resp      []byte // initial response in base64, as it was sent
	hasResp   bool
}

// parseAuth reads what follows AUTH: id, mechanism, parameters, of which resp
// is the last. It unescapes in place.
func parseAuth(args []byte) (authRequest, error) {
	var a authRequest
	id, rest, more := tabline.Cut(args)
	var ok bool
	if a.id, ok = tabline.ParseID(id); !ok || a.id == 0 || !more {
		return a, errID
	}
	a.mechanism, rest, more = tabline.Cut(rest)
	for more {
		if a.hasResp {
			return a, errAfterResp
		}
		var field []byte
		field, rest, more = tabline.Cut(rest)
		a.parameter(tabline.CutPair(field))
	}
	if len(a.service) == 0 {
		return a, errService
	}
	return a, nil
}

// parameter takes one parameter; those that do not matter here are ignored
// (Dovecot src/lib-auth/auth-client-request.c lists them).
func (a *authRequest) parameter(name, value []byte) {
	switch string(name) {
	case "service", "protocol":
		a.service = value
	case "nologin":
		a.nologin = true
	case "rip":
		a.remote, _ = netip.ParseAddr(string(value))
	case "resp":
		a.resp, a.hasResp = value, true
	}
}

// initial returns the decoded initial response, nil when there is none. Clients
// before minor version 2, Postfix among them, send an empty one for none; "="
// is an empty one.
func (a *authRequest) initial(minor uint32) ([]byte, error) {
	switch {
	case !a.hasResp, len(a.resp) == 0 && minor < 2:
		return nil, nil
	case string(a.resp) == "=":
		return []byte{}, nil
	}
	return decode(a.resp)
}

// parseID reads a command that has an id and what may follow it.
func parseID(args []byte) (id uint32, rest []byte, err error) {
	field, rest, _ := tabline.Cut(args)
	id, ok := tabline.ParseID(field)
	if !ok {
		return 0, nil, errID
	}
	return id, rest, nil
}

// parseVersion returns the minor version of a VERSION line.
func parseVersion(line []byte) (minor uint32, err error) {
	word, rest, _ := tabline.Cut(line)
	major, rest, more := tabline.Cut(rest)
	text, _, _ := tabline.Cut(rest)
	minor, ok := tabline.ParseID(text)
	if string(word) != "VERSION" || string(major) != "1" || !more || !ok {
		return 0, errVersion
	}
	return minor, nil
}
