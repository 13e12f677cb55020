package command

import "time"

// Domain is a domain in JSON.
type Domain struct {
	Domain     string    `json:"domain" doc:"the name, as A-labels"`
	State      string    `json:"state" doc:"active, pending, frozen or disabled"`
	QuotaBytes *int64    `json:"quota_bytes" doc:"default limit of its users; null: the configured one, 0: unlimited"`
	CatchAll   string    `json:"catch_all" doc:"address that gets mail for unknown names, or nothing"`
	Plan       string    `json:"plan"`
	MaxUsers   uint64    `json:"max_users" doc:"0: no limit"`
	MaxAliases uint64    `json:"max_aliases" doc:"0: no limit"`
	MaxBytes   int64     `json:"max_bytes" doc:"sum of its users' quota limits; 0: no limit"`
	Permanent  bool      `json:"permanent" doc:"a deleted address is never given to someone else"`
	Users      int64     `json:"users"`
	Aliases    int64     `json:"aliases"`
	Addresses  int64     `json:"addresses" doc:"further addresses of users"`
	Revision   uint64    `json:"revision"`
	Created    time.Time `json:"created"`
}

// DomainFields are what can be set of a domain.
type DomainFields struct {
	QuotaBytes Optional[*int64] `json:"quota_bytes,omitzero" cli:"key:quota,limit" doc:"limit of its users that have no own: 500M, none, or inherit the configured default"`
	Quota      Optional[string] `json:"quota,omitzero" doc:"the same as quota_bytes in words"`
	CatchAll   Optional[string] `json:"catch_all,omitzero" cli:"key" doc:"address that gets mail for unknown names; empty for none"`
	Plan       Optional[string] `json:"plan,omitzero" cli:"key" doc:"plan of its users"`
	State      Optional[string] `json:"state,omitzero" cli:"key" values:"active,pending,frozen,disabled" doc:"whether its mail flows: pending and frozen defer, disabled refuses"`
	MaxUsers   Optional[uint64] `json:"max_users,omitzero" cli:"key" doc:"how many users it may have; 0 for any number"`
	MaxAliases Optional[uint64] `json:"max_aliases,omitzero" cli:"key" doc:"how many aliases it may have; 0 for any number"`
	MaxBytes   Optional[int64]  `json:"max_bytes,omitzero" cli:"key,size" doc:"the most its users' limits may be together; none for no limit"`
	Permanent  Optional[bool]   `json:"permanent,omitzero" cli:"key" doc:"a deleted address is never given to someone else"`
}

// ListInput says which addresses to list.
type ListInput struct {
	Domain string `query:"domain" cli:"flag" complete:"domain" doc:"only those of this domain"`
	Match  string `query:"match" cli:"flag" doc:"only addresses that match a pattern with * and ?"`
	Limit  int    `query:"limit" cli:"flag" doc:"at most so many" minimum:"0"`
}

// Match lets a change happen only when the object is still as the caller saw it.
type Match struct {
	IfMatch string `header:"If-Match" doc:"the revision that was seen, in double quotes"`
}

// Seen returns the header.
func (m Match) Seen() string { return m.IfMatch }

// Gone is what a deletion answers.
type Gone struct {
	Deleted  string `json:"deleted" doc:"what was deleted"`
	Revision uint64 `json:"revision" doc:"of the change"`
}

// The inputs of the domain commands.
type (
	DomainAddInput struct{ Body DomainAddBody }
	DomainAddBody  struct {
		Domain string `json:"domain,omitempty" cli:"arg:NAME" doc:"the domain"`
		Name   string `json:"name,omitempty" doc:"the same as domain"`
		DomainFields
	}
	DomainListInput struct {
		Match string `query:"match" cli:"flag" doc:"only domains that match a pattern with * and ?"`
		Limit int    `query:"limit" cli:"flag" doc:"at most so many" minimum:"0"`
	}
	DomainInput struct {
		Domain string `path:"domain" cli:"arg:NAME" complete:"domain" doc:"the domain"`
	}
	DomainSetInput struct {
		DomainInput
		Match
		Body DomainSetBody
	}
	DomainSetBody struct {
		Revision uint64 `json:"revision,omitempty" cli:"flag" doc:"refuse when it was changed since this revision"`
		DomainFields
	}
	DomainDeleteInput struct {
		DomainInput
		Match
		Revision uint64 `query:"revision" cli:"flag" doc:"refuse when it was changed since this revision"`
	}
)

// The domain commands.
var (
	DomainAdd = op[DomainAddInput, Domain](Spec{
		Name: "domain add", Summary: "add a domain", Example: "example.test --quota 2G",
		Method: "POST", Path: "/v1/domains", Permission: WriteDomains, Object: "domain", Write: true,
		Done: "domain {domain} added",
		Hint: "a running smtpd that refused an address of this domain before keeps refusing it until it ends (max_use, max_idle); `postfix reload` ends it now",
	})
	DomainList = op[DomainListInput, Domain](Spec{
		Name: "domain list", Summary: "list the domains", Example: "--match '*.test'",
		Method: "GET", Path: "/v1/domains", Permission: ReadDomains, List: true,
	})
	DomainShow = op[DomainInput, Domain](Spec{
		Name: "domain show", Summary: "show a domain and how much of its limits is used", Example: "example.test",
		Method: "GET", Path: "/v1/domains/{domain}", Permission: ReadDomains, Object: "domain",
	})
	DomainSet = op[DomainSetInput, Domain](Spec{
		Name: "domain set", Summary: "change a domain", Example: "example.test quota=2G max-users=100",
		Method: "PATCH", Path: "/v1/domains/{domain}", Permission: WriteDomains, Object: "domain", Write: true, Assign: true,
		Done: "domain {domain} changed",
	})
	DomainDelete = op[DomainDeleteInput, Gone](Spec{
		Name: "domain delete", Summary: "delete a domain that has no users and aliases", Example: "example.test --yes",
		Method: "DELETE", Path: "/v1/domains/{domain}", Permission: WriteDomains, Object: "domain", Write: true, Confirm: "cannot be undone",
		Done: "domain {domain} deleted",
	})
)
