package command

// Saved is a backup that was written to a file.
type Saved struct {
	File     string `json:"file"`
	Revision uint64 `json:"revision" doc:"it has every change up to this one"`
	Records  uint64 `json:"records" doc:"names in it"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256" doc:"of all but the last 32 bytes, which are the same"`
}

// Restored is what restoring a backup answers.
type Restored struct {
	Created  int    `json:"created" doc:"names that were not there"`
	Changed  int    `json:"changed"`
	Deleted  int    `json:"deleted" doc:"names that are not in the backup"`
	Records  uint64 `json:"records" doc:"names in the backup"`
	Restored uint64 `json:"restored" doc:"the revision that the backup was taken at"`
	Before   uint64 `json:"before" doc:"the revision that was there before"`
	Kept     string `json:"kept" doc:"a backup of that, in the state directory; empty when nothing was changed"`
	Revision uint64 `json:"revision" doc:"of the change"`
}

// The inputs of backup and restore.
type (
	BackupInput struct {
		File  struct{} `cli:"target" doc:"where to save it; - is standard output"`
		Force bool     `cli:"flag" doc:"replace a file that is there"`
	}
	RestoreInput struct {
		File struct{} `cli:"source" doc:"the backup; - is standard input"`
	}
)

// Backup and restore.
var (
	Backup = op[BackupInput, Saved](Spec{
		Name: "backup", Summary: "save the whole directory to a file, while it is in use", Example: "gatepost-monday.backup",
		Detail: "The file holds every name with password hashes, so only its owner may read it (mode 0600). It is checked as it is written, " +
			"and has its name only when it is whole and on the disk. Mail and the usage that Dovecot reported are not in it.",
		Method: "GET", Path: "/v1/backup", Permission: TakeBackup, Media: mediaBackup,
	})
	Restore = op[RestoreInput, Restored](Spec{
		Name: "restore", Summary: "make the directory what it was when a backup was taken", Example: "gatepost-monday.backup --yes",
		Detail: "The whole file is checked before anything is touched; one that was cut or changed is refused. What is there is saved in the state " +
			"directory first. The restored names are one change: everything that is not in the backup is deleted, all of it or nothing. " +
			"So a backup of more than 1023 MiB, some five million users, is refused.",
		Method: "POST", Path: "/v1/restore", Permission: WriteBackup, Write: true, Stream: true, Confirm: "replaces the whole directory", Media: mediaBackup,
		Done: "restored what was there at revision {restored}: {created} names created, {changed} changed, {deleted} deleted\n" +
			"what was there before, revision {before}, is kept in {kept}",
	})
)
