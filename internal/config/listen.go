package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/gatepost/gatepost/internal/serve"
)

// closed is the address of a door that is not to be opened.
const closed = "off"

// readListeners reads [[listen]] and adds the default of each door that is not
// named there.
func (c *Config) readListeners(file *section) {
	named := map[Door]string{} // what the file says first about a door: an address, or "off"
	for _, s := range file.elements("listen") {
		if l, ok := c.readListener(s, named); ok {
			c.Listen = append(c.Listen, l)
		}
	}
	for i := range doors {
		if _, done := named[doors[i].door]; !done {
			c.Listen = append(c.Listen, c.defaultListener(i))
		}
	}
	c.distinct(file.document)
}

// readListener reads one [[listen]]. It reports false when there is nothing to
// listen on: the door is closed, or the section is wrong.
func (c *Config) readListener(s *section, named map[Door]string) (Listener, bool) {
	door, address := -1, ""
	take(s, "door", &door, text(parseDoor))
	take(s, "address", &address, text(listenAddress))
	mode, owner, group := fs.FileMode(0), Account(""), Account("")
	take(s, "mode", &mode, text(socketMode))
	take(s, "owner", &owner, account)
	take(s, "group", &group, account)
	s.done()
	s.required("door")
	s.required("address")
	if door < 0 || address == "" {
		return Listener{}, false
	}
	s.onlyOff(doors[door].door, address, named)
	if address == closed {
		return Listener{}, false
	}
	l := c.defaultListener(door)
	l.Default, l.key = false, s.name
	l.Address, _ = serve.ParseAddress(address) // listenAddress has read it
	if s.has("mode") {
		l.Mode = mode
	}
	if s.has("group") {
		l.Group = group
	}
	l.Owner = owner
	s.permitted(door, l.Address)
	return l, true
}

// defaultListener is how a door listens when the file does not say.
func (c *Config) defaultListener(door int) Listener {
	d := &doors[door]
	address, err := serve.ParseAddress(d.address)
	if err != nil {
		panic(err) // the address is ours
	}
	l := Listener{Door: d.door, Address: address, Mode: d.mode, Group: d.group, Default: true, key: "listen"}
	if d.door == QuotaDict {
		l.Group = c.Mail.GID // quota_clone runs as the mail user
	}
	return l
}

func (s *section) required(key string) {
	if !s.has(key) {
		s.complain(s.name, "%s is missing", key)
	}
}

// onlyOff refuses a door that is closed and open.
func (s *section) onlyOff(door Door, address string, named map[Door]string) {
	first, again := named[door]
	if again && (first == closed || address == closed) {
		s.complain(join(s.name, "address"), `the door %s is %q elsewhere; "off" stands alone`, door, first)
	}
	if !again {
		named[door] = address
	}
}

// permitted refuses what a door must not be open to, and what TCP has not.
func (s *section) permitted(door int, a serve.Address) {
	d, tcp := &doors[door], a.Network() == "tcp"
	switch {
	case d.local && tcp:
		s.complain(join(s.name, "address"), "the door %s needs TLS on TCP, which gatepost does not offer yet; give it a unix socket", d.door)
	case d.loopback && !a.IsLoopback():
		s.complain(join(s.name, "address"), "the door %s opens on loopback or a unix socket only: who reaches it could log in or change as Dovecot does", d.door)
	}
	for _, key := range []string{"mode", "owner", "group"} {
		if tcp && s.has(key) {
			s.complain(join(s.name, key), "only a unix socket has one")
		}
	}
}

// distinct refuses an address that is given twice, also to a default.
func (c *Config) distinct(d *document) {
	first := map[string]Door{}
	for _, l := range c.Listen {
		address := l.Address.String()
		door, taken := first[address]
		switch {
		case !taken:
			first[address] = l.Door
		case l.Default:
			d.complain("", "%s is the default address of the door %s; give that door another, or close it", address, l.Door)
		default:
			d.complain(join(l.key, "address"), "the door %s listens there already", door)
		}
	}
}

func listenAddress(s string) (string, error) {
	if s == closed {
		return s, nil
	}
	if _, err := serve.ParseAddress(s); err != nil {
		return "", fmt.Errorf(`%w; or "off"`, err)
	}
	return s, nil
}

// socketMode reads an octal mode. Without write permission nobody can connect,
// and for the others it would be a door for every account of the machine.
func socketMode(s string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(s, 8, 16)
	switch {
	case err != nil || mode > 0o777:
		return 0, fmt.Errorf(`%q is not an octal mode such as "0660"`, s)
	case mode&0o600 != 0o600:
		return 0, errors.New("the owner needs to read and write a socket (0600)")
	}
	return fs.FileMode(mode), nil
}
