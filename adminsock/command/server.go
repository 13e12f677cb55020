package command

import "time"

// Quota is how full a mailbox is.
type Quota struct {
	Address      string     `json:"address"`
	QuotaBytes   *int64     `json:"quota_bytes" doc:"own limit; null: inherited, 0: unlimited"`
	LimitBytes   int64      `json:"limit_bytes" doc:"the limit that counts; 0: unlimited"`
	UsedBytes    *int64     `json:"used_bytes" doc:"null until Dovecot has reported"`
	UsedMessages *uint32    `json:"used_messages" doc:"null until Dovecot has reported"`
	UsedAt       *time.Time `json:"used_at" doc:"when Dovecot reported"`
	Percent      *float64   `json:"percent" doc:"null when unlimited or not reported"`
}

// Server is what the daemon says about itself.
type Server struct {
	Version            string           `json:"version"`
	Started            time.Time        `json:"started"`
	UptimeSeconds      int64            `json:"uptime_seconds"`
	Revision           uint64           `json:"revision" doc:"of the newest change"`
	LastCommit         *time.Time       `json:"last_commit" doc:"when something was stored last since the start"`
	Snapshot           *time.Time       `json:"snapshot" doc:"when the newest backup in the state directory was written"`
	SnapshotRevision   uint64           `json:"snapshot_revision"`
	AuditSince         *time.Time       `json:"audit_since" doc:"when the oldest change in the audit trail was made; null: there is none"`
	AuditFirst         uint64           `json:"audit_first" doc:"its revision"`
	AuditBytes         int64            `json:"audit_bytes" doc:"size of the audit trail"`
	AuditRetentionDays int64            `json:"audit_retention_days" doc:"for how long changes stay in it; 0: for ever"`
	Rebuilt            string           `json:"rebuilt" doc:"why the database had to be rebuilt at the start; empty: it had not"`
	ReadOnly           bool             `json:"read_only" doc:"no change is taken"`
	ReadOnlyWhy        string           `json:"read_only_reason"`
	Work               []Work           `json:"work" nullable:"false" doc:"what takes long at the moment, the oldest first"`
	Counts             map[string]int64 `json:"counts" doc:"how many names there are of each kind"`
	Doors              []Door           `json:"doors" nullable:"false"`
}

// Work is something that an administrator does and that takes long.
type Work struct {
	Command string    `json:"command"`
	Actor   string    `json:"actor" doc:"who does it"`
	Request string    `json:"request_id" doc:"its id in the log and in the audit trail"`
	Since   time.Time `json:"since"`
	Seconds int64     `json:"seconds" doc:"since then"`
	Stage   string    `json:"stage" doc:"reading, hashing, waiting (for another one of its kind) or storing; while it is storing, all other changes wait"`
	Users   int64     `json:"users" doc:"read so far, if it is about users"`
	Waiting int       `json:"waiting" doc:"changes that wait for it, while it is storing"`
}

// Door is a listening socket of the daemon.
type Door struct {
	Door    string `json:"door"`
	Address string `json:"address"`
	Open    int    `json:"open" doc:"connections"`
}

// StatusInput is the input of status: none.
type StatusInput struct{}

// Quota and status.
var (
	QuotaList = op[ListInput, Quota](Spec{
		Name: "quota list", Summary: "show how full all mailboxes are", Example: "--domain example.test",
		Method: "GET", Path: "/v1/quota", Permission: ReadUsers, List: true,
	})
	QuotaShow = op[UserInput, Quota](Spec{
		Name: "quota show", Summary: "show how full a mailbox is, or all of them", Example: "alice@example.test",
		Method: "GET", Path: "/v1/users/{address}/quota", Permission: ReadUsers, Object: "address", Or: "quota list",
	})
	Status = op[StatusInput, Server](Spec{
		Name: "status", Summary: "show what the daemon says about itself",
		Method: "GET", Path: "/v1/status", Permission: ReadStatus,
	})
)
