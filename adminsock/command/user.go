package command

import "time"

// User is a user in JSON.
type User struct {
	Address       string     `json:"address"`
	LoginName     string     `json:"login_name"`
	DisplayName   string     `json:"display_name"`
	Addresses     []string   `json:"addresses" nullable:"false" doc:"further addresses, same password and mailbox"`
	Disabled      bool       `json:"disabled" doc:"state is disabled or archived"`
	Switches      Switches   `json:"switches"`
	State         string     `json:"state" doc:"active, disabled, suspended, frozen or archived"`
	Roles         []string   `json:"roles" nullable:"false"`
	Domains       []string   `json:"domains" nullable:"false" doc:"what a domain-admin administers; empty: the user's own domain"`
	SubmitDomains []string   `json:"submit_domains" nullable:"false" doc:"where submit=listed allows mail to"`
	Forward       []string   `json:"forward" nullable:"false" doc:"addresses that mail is sent on to"`
	KeepCopy      bool       `json:"keep_copy" doc:"forwarded mail stays in the mailbox too"`
	Plan          string     `json:"plan"`
	Language      string     `json:"language"`
	Timezone      string     `json:"timezone"`
	DateFormat    string     `json:"date_format"`
	Recovery      string     `json:"recovery" doc:"address for password reset mail"`
	HasPassword   bool       `json:"has_password"`
	QuotaBytes    *int64     `json:"quota_bytes" doc:"own limit; null: inherited, 0: unlimited"`
	LimitBytes    int64      `json:"limit_bytes" doc:"the limit that counts; 0: unlimited"`
	UsedBytes     *int64     `json:"used_bytes" doc:"null until Dovecot has reported"`
	UsedMessages  *uint32    `json:"used_messages" doc:"null until Dovecot has reported"`
	UsedAt        *time.Time `json:"used_at" doc:"when Dovecot reported"`
	Revision      uint64     `json:"revision"`
	Created       time.Time  `json:"created"`
	LastLogin     *time.Time `json:"last_login" doc:"null when not known"`
}

// Switches are what can be allowed or forbidden one by one.
type Switches struct {
	Services []string `json:"services" nullable:"false" doc:"imap, pop3, smtp, sieve"`
	Submit   string   `json:"submit" doc:"any, own, listed or none"`
	Receive  string   `json:"receive" doc:"accept, reject, defer or discard"`
}

// SwitchFields are the switches of a request: those left out stay.
type SwitchFields struct {
	Services Optional[[]string] `json:"services,omitzero" doc:"imap, pop3, smtp, sieve"`
	Submit   Optional[string]   `json:"submit,omitzero" doc:"any, own, listed or none"`
	Receive  Optional[string]   `json:"receive,omitzero" doc:"accept, reject, defer or discard"`
}

// NewUser is what adding a user answers.
type NewUser struct {
	User
	Password string `json:"password,omitempty" doc:"the password that was made, when random was asked for; it is shown once"`
}

// UserFields are what can be set of a user.
type UserFields struct {
	QuotaBytes    Optional[*int64]       `json:"quota_bytes,omitzero" cli:"key:quota,limit" doc:"how much the mailbox may hold: 500M, none, or inherit"`
	Quota         Optional[string]       `json:"quota,omitzero" doc:"the same as quota_bytes in words: 500M, none, inherit"`
	DisplayName   Optional[string]       `json:"display_name,omitzero" cli:"key:name" doc:"the person's name"`
	Name          Optional[string]       `json:"name,omitzero" doc:"the same as display_name"`
	LoginName     Optional[string]       `json:"login_name,omitzero" cli:"key" doc:"a name without @ that the user may log in by too"`
	Addresses     Optional[[]string]     `json:"addresses,omitzero" cli:"key" doc:"further addresses, same password and mailbox"`
	Role          Optional[string]       `json:"role,omitzero" cli:"key" values:"none,admin,domain-admin" doc:"none, admin, or domain-admin[:DOMAIN,...] (default: its own domain)"`
	Roles         Optional[[]string]     `json:"roles,omitzero" doc:"the roles as a list"`
	Domains       Optional[[]string]     `json:"domains,omitzero" cli:"key" complete:"domain" doc:"the domains of the role domain-admin; empty for its own"`
	Forward       Optional[[]string]     `json:"forward,omitzero" cli:"key" doc:"addresses that mail is sent on to"`
	KeepCopy      Optional[bool]         `json:"keep_copy,omitzero" cli:"key" doc:"forwarded mail stays in the mailbox too"`
	Services      Optional[[]string]     `json:"services,omitzero" cli:"key" values:"all,none,imap,pop3,smtp,sieve" doc:"where the user may log in: imap, pop3, smtp, sieve; all or none"`
	Submit        Optional[string]       `json:"submit,omitzero" cli:"key" values:"any,own,listed,none" doc:"where mail may be submitted to: any, own (domain), listed:DOMAIN,... or none"`
	SubmitDomains Optional[[]string]     `json:"submit_domains,omitzero" cli:"key" complete:"domain" doc:"the domains of submit=listed"`
	Receive       Optional[string]       `json:"receive,omitzero" cli:"key" values:"accept,reject,defer,discard" doc:"what happens with mail for the user"`
	Switches      Optional[SwitchFields] `json:"switches,omitzero" doc:"services, submit and receive as one object"`
	State         Optional[string]       `json:"state,omitzero" values:"active,disabled,suspended,frozen,archived" doc:"overlays the switches without erasing them"`
	Disabled      Optional[bool]         `json:"disabled,omitzero" cli:"key" doc:"no login, no submission, mail is refused"`
	Plan          Optional[string]       `json:"plan,omitzero" cli:"key" doc:"the plan, which gives a quota"`
	Language      Optional[string]       `json:"language,omitzero" cli:"key" doc:"kept for others: a language"`
	Timezone      Optional[string]       `json:"timezone,omitzero" cli:"key" doc:"kept for others: a time zone"`
	DateFormat    Optional[string]       `json:"date_format,omitzero" cli:"key" doc:"kept for others: a date format"`
	Recovery      Optional[string]       `json:"recovery,omitzero" cli:"key" doc:"address for password reset mail; never used to log in"`
}

// Password is how a request gives a password: one of these, or none.
type Password struct {
	Password     Secret `json:"password,omitempty" cli:"secret" doc:"a password in clear"`
	PasswordHash Secret `json:"password_hash,omitempty" cli:"secret" doc:"a hash that was made elsewhere: {ARGON2ID}, {BLF-CRYPT} or {SHA512-CRYPT}"`
	Random       bool   `json:"random,omitempty" cli:"instead" doc:"make a password and print it once"`
	NoPassword   bool   `json:"no_password,omitempty" cli:"instead" doc:"no password, so no login with one"`
}

// UserAddBody is a user to be added; also a line of a batch.
type UserAddBody struct {
	Address string `json:"address" cli:"arg" doc:"the user's address"`
	UserFields
	SendOnly  bool `json:"send_only,omitempty" cli:"flag" doc:"only sends: services=smtp receive=reject"`
	LocalOnly bool `json:"local_only,omitempty" cli:"flag" doc:"sends to its own domain only: submit=own; combines with --send-only"`
	Password
}
