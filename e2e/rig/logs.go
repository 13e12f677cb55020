package rig

import (
	"fmt"
	"os"
	"strings"
)

// Daemons are those whose logs a rig keeps.
var Daemons = []string{"gatepostd", "postfix", "dovecot"}

// log is the file that one of the daemons writes.
func (r *Rig) log(daemon string) string { return r.path("log", daemon+".log") }

// LogSize returns how long a daemon's log is now.
func (r *Rig) LogSize(daemon string) int64 {
	stat, err := os.Stat(r.log(daemon))
	if err != nil { // nothing written yet
		return 0
	}
	return stat.Size()
}

// LogSince returns what a daemon logged behind offset.
func (r *Rig) LogSince(daemon string, offset int64) string {
	text, err := os.ReadFile(r.log(daemon))
	if err != nil || int64(len(text)) < offset {
		return ""
	}
	return string(text[offset:])
}

// LogSizes returns how long every log is now, for LogTails.
func (r *Rig) LogSizes() map[string]int64 {
	sizes := map[string]int64{}
	for _, daemon := range Daemons {
		sizes[daemon] = r.LogSize(daemon)
	}
	return sizes
}

// LogTails returns the last lines of every log, not reaching back before since
// (nil: to the beginning), for a report of what went wrong.
func (r *Rig) LogTails(lines int, since map[string]int64) string {
	var report strings.Builder
	for _, daemon := range Daemons {
		all := strings.Split(strings.TrimRight(r.LogSince(daemon, since[daemon]), "\n"), "\n")
		fmt.Fprintf(&report, "--- end of the log of %s\n%s\n", daemon, strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return report.String()
}
