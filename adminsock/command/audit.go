package command

import (
	"encoding/json"
	"time"
)

// Change is a change in the audit trail.
type Change struct {
	Revision uint64        `json:"revision"`
	Time     time.Time     `json:"time"`
	UID      uint32        `json:"uid" doc:"of the process that asked for it, from the kernel"`
	PID      uint32        `json:"pid"`
	Actor    string        `json:"actor"`
	Command  string        `json:"command"`
	Request  string        `json:"request" doc:"the request's id in the log"`
	Reason   string        `json:"reason" doc:"in the administrator's words; empty: none was given"`
	Total    int           `json:"total" doc:"how many names it changed"`
	Names    []ChangedName `json:"names" nullable:"false" doc:"what became of the names, as many as were asked for"`
}

// ChangedName is what became of one name.
type ChangedName struct {
	Name     string          `json:"name" doc:"an address, a login name, or @ and a domain"`
	What     string          `json:"what" doc:"made, changed or deleted"`
	Previous uint64          `json:"previous" doc:"the revision that it replaced; 0: none"`
	Fields   json.RawMessage `json:"fields" doc:"the whole record after the change, without secrets; null when deleted"`
}

// Verified is what verifying the audit trail answers.
type Verified struct {
	Changes uint64 `json:"changes" doc:"how many are there and as they were written"`
	First   uint64 `json:"first" doc:"revision of the first, or of the next when there is none; 0: there was never one"`
	Last    uint64 `json:"last"`
	Later   uint64 `json:"later" doc:"how many came after the last and were not looked at: until was given"`
	Head    string `json:"head" doc:"SHA-256 that stands for all changes up to the last: who keeps it elsewhere, with that revision, can tell later that nothing before was rewritten"`

	Begins string     `json:"begins" doc:"why the trail begins with the first: start (nothing was before), pruned (what was before is older than the retention) or anew (what was before was lost)"`
	Anchor string     `json:"anchor" doc:"the head that the first hangs on: what the last one before it had; empty unless the trail was pruned"`
	Pruned *time.Time `json:"pruned" doc:"when it was pruned last"`
}

// The inputs of the audit commands.
type (
	AuditTailInput struct {
		User  string `query:"user" cli:"flag" complete:"user" doc:"only changes of this address"`
		Limit int    `query:"limit" cli:"flag" short:"n" doc:"at most so many changes" minimum:"1" maximum:"10000" default:"20"`
		Names int    `query:"names" cli:"flag" doc:"at most so many names of each change" minimum:"0" maximum:"100000" default:"20"`
	}
	AuditShowInput struct {
		Revision uint64 `path:"revision" cli:"arg" doc:"the revision that the change made"`
		User     string `query:"user" cli:"flag" complete:"user" doc:"only what became of this address"`
		Names    int    `query:"names" cli:"flag" doc:"at most so many names" minimum:"0" maximum:"100000" default:"1000"`
	}
	AuditVerifyInput struct {
		Until uint64 `query:"until" cli:"flag" doc:"look at the trail up to this revision only, and show its head; what came later is not looked at; 0: all"`
	}
)

// The audit commands.
var (
	AuditTail = op[AuditTailInput, Change](Spec{
		Name: "audit tail", Summary: "list the last changes, the newest at the end", Example: "-n 50 --user alice@example.test",
		Detail: "What a change made of a name is shown whole, without passwords and hashes. With --user the trail is read from its beginning.",
		Method: "GET", Path: "/v1/audit", Permission: ReadAudit, List: true,
	})
	AuditShow = op[AuditShowInput, Change](Spec{
		Name: "audit show", Summary: "show one change: who made it, and what it made", Example: "42",
		Method: "GET", Path: "/v1/audit/{revision}", Permission: ReadAudit, Object: "revision",
	})
	AuditVerify = op[AuditVerifyInput, Verified](Spec{
		Name: "audit verify", Summary: "check every byte of the audit trail",
		Detail: "The trail is a chain of hashes. Any byte that is not what was written, and an end that is missing, is told with its place. " +
			"Whoever can write the state directory could write a whole new trail: keep last and head elsewhere, and compare later with --until. " +
			"That looks no further than its revision: damage behind it is found without --until.",
		Method: "GET", Path: "/v1/audit/verify", Permission: ReadAudit,
	})
)
