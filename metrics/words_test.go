package metrics

// words says for each metric of ours what to do when it moves. What it means is
// its help text; docs/metrics.md shows both.
var words = map[string]string{
	"gatepost_build_info": "It changes with an upgrade. Several builds side by side for long mean that an upgrade was forgotten somewhere.",
	"gatepost_ready":      "0 for some seconds is a restart. For longer: ask `/readyz` for the reason; while `gatepost_degraded` is 1 it is the same.",
	"gatepost_degraded": "Mail and logins go on; changes are refused with 503 `read_only`. `gatepostctl status`, `systemctl status gatepost` and the log have " +
		"the words. `disk_full`: make room. `read_only_filesystem`: find out why (`dmesg`), mount it for writing. `permission`: give the files of the " +
		"state directory back to the user of gatepostd. `io_error`: the disk fails. These end by themselves when the disk is well. `unknown_outcome`: a " +
		"sync failed; check the disk, then restart gatepost, which finds out what is stored. `database`: anything else about the database; if it " +
		"stays, restart.",

	"gatepost_log_dropped_lines_total": "Mail and logins go on. journald was stopped or cannot keep up, or nobody reads gatepostd's standard " +
		"error, while 4096 lines waited: `systemctl status systemd-journald`. This is where to see it: the log itself can tell only when it " +
		"takes lines again (\"lines were dropped\").",

	"gatepost_policy_decisions_total": "Most are `dunno`. `defer` and `reject` are the rules at work: a rule that jumps up after a change was " +
		"set wrongly, and the log lines \"mail refused\" with its name tell for whom. `fail` is a fault of gatepost, for which " +
		"Postfix defers the mail: read the log. Stage `other` grows when Postfix asks in places where gatepost has no rule; that costs time and nothing else.",
	"gatepost_policy_decision_duration_seconds": "It is microseconds. Milliseconds mean that the machine has no processor to spare.",
	"gatepost_policy_watched_total":             "It counts what a rule in `warn` or `shadow` would have refused. Enforce the rule when the number is what you expect.",
	"gatepost_policy_unknown_facts_total": "`recipient-usage` and `sender-usage`: Dovecot has not reported the mailbox yet; normal for new users. When it " +
		"stays, quota_clone is not set up. `message-recipients`: the recipients of a message are not remembered; normal for messages under way " +
		"during a restart. When it stays, Postfix asks at END-OF-MESSAGE but not at RCPT.",

	"gatepost_socketmap_queries_total": "`notfound` is an ordinary answer. `temp` is not: for the map `unknown` a map name in main.cf is wrong, " +
		"for others the log tells the trouble. Postfix answers its clients 451 meanwhile.",
	"gatepost_socketmap_query_duration_seconds": "It is microseconds. Milliseconds mean that the machine has no processor to spare.",

	"gatepost_login_attempts_total": "Some `refused` are people who mistype; many are somebody who guesses, or a device with an old password. " +
		"`denied` is a rule, as for a disabled user; `temporary` is overload, a client that left before its answer, or trouble that the log names. " +
		"Service `unknown` means that Dovecot asks for a service that gatepost does not know: nobody is let in by it.",
	"gatepost_login_duration_seconds": "With a remembered password it is microseconds, else the time of one hash and the wait for a free processor. " +
		"After a restart nothing is remembered: minutes of slower logins are normal.",
	"gatepost_password_hash_duration_seconds": "It depends on the scheme and the processor only. If it grows, the machine has no processor to spare.",
	"gatepost_password_verifications_running": "It is at most the number of processors. At that for long: see `gatepost_password_verifications_waiting`.",
	"gatepost_password_verifications_waiting": "More than 0 for moments is normal, and for minutes after a restart. If it stays, somebody guesses " +
		"passwords, or the scheme is too slow for this machine. Who waits 5 s gets a temporary failure.",

	"gatepost_admin_commands_total": "`refused` is a wrong command, `denied` somebody who may not: look into the log who. `failed` is trouble of gatepost: " +
		"the log has the request's id.",
	"gatepost_admin_command_duration_seconds":    "A command takes the time of a commit, and of a hash when it sets a password. A slow one points to the disk.",
	"gatepost_directory_commit_duration_seconds": "It is the disk's time for a small synced write. If it grows, look at the disk; policy and logins do not wait for it.",
	"gatepost_directory_commit_commands":         "More than one is a burst of changes, which shared a write. It needs nothing.",
	"gatepost_directory_commit_failures_total":   "Every one is an alarm: the commands were refused, or their outcome is unknown. See `gatepost_degraded`, the log and the disk.",
	"gatepost_directory_names":                   "It follows what administrators do. A drop that nobody made is a reason to look at the log of changes before anything else.",
	"gatepost_directory_revision":                "It grows by one with each change. If it falls, the state directory was replaced by an older one.",

	"gatepost_quota_reports_total": "`taken` grows with each delivery and each session that expunges. When it stands still while mail comes in, " +
		"the quota_clone plugin is off, or the mail user may not open the socket. `stale` is two reports that overtook each other, `unknown_user` a mailbox " +
		"whose user is gone, `refused` a dict that is used for something else: the log says which.",

	"gatepost_store_snapshot_success_timestamp_seconds": "It moves every hour. When it is older than a day, or 0 long after a start, a damaged database could only be " +
		"rebuilt from the journal, if at all: the log tells why no snapshot is written.",
	"gatepost_store_snapshot_failures_total": "Every one is in the log with its reason, mostly a full disk. It is tried again an hour later.",
	"gatepost_store_rebuilt": "At 1 the disk, or something that wrote to it, is not to be trusted. Nothing that was acknowledged is missing; `gatepostctl status` tells " +
		"what was damaged. It is 0 again after the next restart.",

	"gatepost_store_journal_oldest_timestamp_seconds": "It follows the clock at a distance of `audit.retention` and up to a week, and stands still when that is " +
		"`forever`. When the distance grows beyond, the trail is not pruned: the log tells why.",
	"gatepost_store_journal_bytes": "It grows with the changes, a few hundred bytes each, and falls when old ones are pruned. The whole journal is read at a " +
		"start: above some gigabytes think about a retention.",
	"gatepost_store_journal_segments":     "About one a week, more when there are many changes.",
	"gatepost_store_prune_failures_total": "Every one is in the log with its reason: mostly there is no intact snapshot. Nothing is removed then, and it is tried again an hour later.",

	"gatepost_door_connections": "Postfix keeps one connection for each smtpd process and service, Dovecot one for each login process. " +
		"The limit is 16384 a door, 256 for admin and metrics. Slow growth without end is a peer that forgets connections.",
	"gatepost_door_refused_connections_total": "Every one is a mail or a login that had to wait. Find the peer with the many connections " +
		"(`ss -xp`), or lower the process limits of Postfix.",
	"gatepost_door_panics_total": "Every one is a bug of gatepost. The log has the stack: please report it. The peer's request was answered as a temporary failure, or its connection closed.",
	"gatepost_door_malformed_requests_total": "`truncated` and `timeout` come when a peer is killed in the middle. `no-room`: requests that have begun and are not complete " +
		"take 32 MiB on this door, and another one needed more than 2 KiB: who sends so slowly? Everything else is a program that does not speak " +
		"the protocol, or a socket given to the wrong one: the log names the peer's uid.",
}

// openLabels are the labels whose values are not a closed set of ours, with
// what they hold.
var openLabels = map[string]string{
	"version":   "the version of gatepost",
	"goversion": "the version of Go that built it",
	"revision":  "the commit that it was built from",
}

// borrowed are the metrics of the process and the runtime that the dashboard
// and the alerts use.
var borrowed = map[string]string{
	"process_start_time_seconds":    "when gatepostd was started; it moves with each restart",
	"process_cpu_seconds_total":     "processor time used",
	"process_resident_memory_bytes": "memory used, pages of the database's files included",
	"process_open_fds":              "open file descriptors: connections and files of the database",
	"process_max_fds":               "how many there may be (LimitNOFILE=)",
	"go_goroutines":                 "goroutines: a few for each connection",
	"go_gc_duration_seconds":        "pauses of the garbage collector; far below a millisecond",
	"go_memstats_heap_inuse_bytes":  "memory of the Go heap, the directory included",
}
