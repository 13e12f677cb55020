package config

import (
	"fmt"
	"io/fs"
	"strings"
)

// Door is one of gatepost's doors, by its name in the file, in systemd's
// FileDescriptorName and in metrics.
type Door string

// The doors.
const (
	Policy     Door = "policy"      // Postfix asks whether mail may go on
	Socketmap  Door = "socketmap"   // Postfix asks for domains, mailboxes, aliases, senders, transport
	Auth       Door = "auth"        // SASL for Postfix and for Dovecot's login processes
	AuthMaster Door = "auth-master" // Dovecot asks where a user lives
	QuotaDict  Door = "quota"       // Dovecot reports usage
	Admin      Door = "admin"       // administrators
	Metrics    Door = "metrics"     // Prometheus
)

// doors is what each door is like when the file does not say, and what it must
// never be.
var doors = []struct {
	door     Door
	address  string
	mode     fs.FileMode
	group    Account // "": the group of the process
	loopback bool    // whoever reaches it learns or writes what is not for everybody
	local    bool    // no TCP at all
}{
	{door: Policy, address: "unix:/run/gatepost/policy", mode: 0o660, group: "postfix"},
	{door: Socketmap, address: "unix:/run/gatepost/socketmap", mode: 0o660, group: "postfix"},
	{door: Auth, address: "unix:/run/gatepost/auth", mode: 0o660, group: "postfix", loopback: true},
	{door: AuthMaster, address: "unix:/run/gatepost/auth-master", mode: 0o600, loopback: true},
	{door: QuotaDict, address: "unix:/run/gatepost/quota", mode: 0o660, loopback: true}, // group: that of [mail]
	{door: Admin, address: "unix:/run/gatepost/admin", mode: 0o660, group: "gatepost-admin", local: true},
	{door: Metrics, address: "tcp:127.0.0.1:9560"},
}

// Doors lists every door.
func Doors() []Door {
	all := make([]Door, len(doors))
	for i := range doors {
		all[i] = doors[i].door
	}
	return all
}

// parseDoor returns the place of a door in the table.
func parseDoor(s string) (int, error) {
	names := make([]string, len(doors))
	for i := range doors {
		if string(doors[i].door) == s {
			return i, nil
		}
		names[i] = string(doors[i].door)
	}
	return 0, fmt.Errorf("%q is not a door; there are %s", s, strings.Join(names, ", "))
}
