package config

import (
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/policy"
)

// DefaultPath is the file that gatepostd reads when none is named.
const DefaultPath = "/etc/gatepost/gatepost.toml"

// Config is what a file says, with every default filled in.
type Config struct {
	StateDir string
	Listen   []Listener // none for a door that is closed
	Mail     Mail
	Quota    Quota
	Password Password
	Modes    *policy.Modes // of [policy.rules] and quota.full_code
	Login    Login
	Dovecot  Dovecot
	Audit    Audit

	lines map[string]int // of each key, for what Resolve finds
}

// Listener is one place where a door listens.
type Listener struct {
	Door    Door
	Address serve.Address
	Mode    fs.FileMode // of a Unix socket
	Owner   Account     // of a Unix socket; "": who runs gatepostd
	Group   Account     // of a Unix socket; "": the group of the process
	Default bool        // the file names no listener for this door; sockets of systemd take its place

	key string // full name in the file, for what Resolve finds
}

// Account is the name or the number of a user or a group.
type Account string

// Mail is what Dovecot's userdb answers for every user.
type Mail struct {
	UID, GID   Account
	Home       string // with %u (address), %n (local part) and %d (domain)
	Delimiters string // Postfix recipient_delimiter; "": addresses have no detail
	QuotaRoot  string // name of Dovecot's quota root
}

// Quota is what mailboxes are held to.
type Quota struct {
	Default  bytesize.Size // for users whose plan and domain say nothing; 0: unlimited
	WarnAt   []int         // percent, ascending
	FullCode int           // 552 or 452: what a sender hears when a mailbox is full
}

// Password is how new passwords are kept and which are taken.
type Password struct {
	Scheme password.Scheme
	Policy password.Policy
}

// Login is how logins are answered.
type Login struct {
	FailureDelay    time.Duration  // every refusal leaves this long after it came
	TrustedNetworks []netip.Prefix // webmail and proxies: failures count per user only
}

// Dovecot is where Dovecot is asked. The zero Dovecot: nowhere.
type Dovecot struct {
	IMAP           string // "host:port" or "unix:/path"
	Doveadm        string // URL of the doveadm HTTP API
	DoveadmKeyFile string // holds its key
}

// Audit is how long the audit trail is kept.
type Audit struct {
	Retention time.Duration // at least a day; 0: for ever
}

// defaults returns what an empty file says, without listeners.
func defaults() *Config {
	classic, err := password.ParsePolicy(defaultPolicy)
	if err != nil {
		panic(err) // the name is ours
	}
	return &Config{
		StateDir: "/var/lib/gatepost",
		Mail:     Mail{UID: "vmail", GID: "vmail", Home: "/var/vmail/%d/%n", Delimiters: "+", QuotaRoot: "User quota"},
		Quota:    Quota{Default: bytesize.Unlimited, WarnAt: []int{80, 95}, FullCode: 552},
		Password: Password{Scheme: password.Argon2ID, Policy: classic},
		Login: Login{
			FailureDelay:    2 * time.Second,
			TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
	}
}

// Without returns a copy without the listeners for which drop reports true:
// those whose sockets came from systemd.
func (c *Config) Without(drop func(Listener) bool) *Config {
	copied := *c
	copied.Listen = slices.DeleteFunc(slices.Clone(c.Listen), drop)
	return &copied
}
