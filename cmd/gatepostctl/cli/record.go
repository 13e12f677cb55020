package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/bytesize"
)

// recordOf returns what is shown of a record, in order.
func recordOf(v any) []pair {
	switch v := v.(type) {
	case command.User:
		return userRecord(v)
	case command.Domain:
		return domainRecord(v)
	case command.Alias:
		return []pair{
			{"address", v.Address}, {"targets", strings.Join(v.Targets, ", ")},
			{"created", at(v.Created)}, {"revision", fmt.Sprint(v.Revision)},
		}
	case command.Quota:
		return []pair{
			{"user", v.Address}, {"used", usedOf(v.UsedBytes, v.UsedMessages)}, {"limit", ownAndCounting(v.QuotaBytes, v.LimitBytes)},
			{"full", percent(v.Percent)}, {"reported", moment(v.UsedAt)},
		}
	case command.Server:
		return serverRecord(v)
	case command.Change:
		return changeRecord(v)
	case command.Verified:
		return verifiedRecord(v)
	case command.Saved:
		return []pair{
			{"saved", v.File}, {"revision", fmt.Sprint(v.Revision)}, {"names", fmt.Sprint(v.Records)},
			{"size", exact(v.Bytes)}, {"sha256", v.SHA256},
		}
	case command.Explanation:
		return explanationRecord(v)
	}
	return nil
}

func userRecord(u command.User) []pair {
	password := "none"
	if u.HasPassword {
		password = "set"
	}
	submit := u.Switches.Submit
	if submit == "listed" {
		submit += ": " + strings.Join(u.SubmitDomains, ", ")
	}
	roles := strings.Join(u.Roles, ", ")
	if len(u.Domains) > 0 {
		roles += " of " + strings.Join(u.Domains, ", ")
	}
	forward := strings.Join(u.Forward, ", ")
	if u.KeepCopy {
		forward += " (a copy stays)"
	}
	return []pair{
		{"user", u.Address}, {"name", u.DisplayName}, {"login name", u.LoginName},
		{"further addresses", strings.Join(u.Addresses, ", ")}, {"state", stateOf(u)}, {"password", password},
		{"services", orNone(strings.Join(u.Switches.Services, ", "))}, {"submit", submit}, {"receive", u.Switches.Receive},
		{"forward", forward}, {"role", roles}, {"plan", u.Plan},
		{"limit", ownAndCounting(u.QuotaBytes, u.LimitBytes)}, {"used", usedOf(u.UsedBytes, u.UsedMessages)}, {"reported", moment(u.UsedAt)},
		{"language", u.Language}, {"time zone", u.Timezone}, {"date format", u.DateFormat}, {"recovery", u.Recovery},
		{"last login", moment(u.LastLogin)}, {"created", at(u.Created)}, {"revision", fmt.Sprint(u.Revision)},
	}
}

func domainRecord(d command.Domain) []pair {
	permanent := ""
	if d.Permanent {
		permanent = "deleted addresses are never given to someone else"
	}
	return []pair{
		{"domain", d.Domain}, {"state", d.State}, {"users", of(d.Users, d.MaxUsers)}, {"further addresses", fmt.Sprint(d.Addresses)},
		{"aliases", of(d.Aliases, d.MaxAliases)}, {"quota of a user", sizeOr("inherited", d.QuotaBytes)},
		{"limit for all", exactLimit(d.MaxBytes)}, {"catch-all", d.CatchAll}, {"plan", d.Plan}, {"permanent", permanent},
		{"created", at(d.Created)}, {"revision", fmt.Sprint(d.Revision)},
	}
}

func serverRecord(s command.Server) []pair {
	changes := "taken"
	if s.ReadOnly {
		changes = "refused: " + s.ReadOnlyWhy
	}
	pairs := []pair{
		{"version", s.Version}, {"up", fmt.Sprintf("%s, since %s", time.Duration(s.UptimeSeconds)*time.Second, at(s.Started))},
		{"changes", changes}, {"revision", fmt.Sprint(s.Revision)}, {"last commit", moment(s.LastCommit)},
		{"snapshot", snapshotOf(s)}, {"audit trail", trailOf(s)}, {"rebuilt", s.Rebuilt}, {"holds", counts(s.Counts)},
	}
	for _, w := range s.Work {
		pairs = append(pairs, pair{"work", workOf(w)})
	}
	for _, d := range s.Doors {
		pairs = append(pairs, pair{"door " + d.Door, fmt.Sprintf("%s, %s", d.Address, counted(int64(d.Open), "connection"))})
	}
	return pairs
}

// workOf says who does what, since when, and who waits for it.
func workOf(w command.Work) string {
	text := fmt.Sprintf("%s by %s, since %s (%s): %s", w.Command, w.Actor, at(w.Since), time.Duration(w.Seconds)*time.Second, w.Stage)
	if w.Users > 0 {
		text += " " + counted(w.Users, "user")
	}
	if w.Stage == "storing" {
		text += fmt.Sprintf("; other changes wait (%d)", w.Waiting)
	}
	return text
}

// snapshotOf says which snapshot is the newest.
func snapshotOf(s command.Server) string {
	if s.Snapshot == nil {
		return ""
	}
	return fmt.Sprintf("revision %d, written %s", s.SnapshotRevision, at(*s.Snapshot))
}

// trailOf says how far the audit trail goes back, and how far it may.
func trailOf(s command.Server) string {
	if s.AuditSince == nil {
		return ""
	}
	kept := "kept for ever"
	if s.AuditRetentionDays > 0 {
		kept = "kept for " + counted(s.AuditRetentionDays, "day")
	}
	return fmt.Sprintf("since %s (revision %d), %s, %s", at(*s.AuditSince), s.AuditFirst, bytesize.Size(s.AuditBytes).Amount(), kept)
}

// counts says how many names of each kind there are, where there are any.
func counts(n map[string]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(n)) {
		if n[kind] > 0 {
			parts = append(parts, counted(n[kind], strings.ReplaceAll(kind, "_", " ")))
		}
	}
	return orNone(strings.Join(parts, ", "))
}

// stateOf adds the presets that the switches amount to.
func stateOf(u command.User) string {
	words := []string{u.State}
	s := u.Switches
	if s.Receive == "reject" && slices.Equal(s.Services, []string{"smtp"}) {
		words = append(words, "send-only")
	}
	if s.Submit == "own" {
		words = append(words, "local-only")
	}
	if s.Submit == "none" && s.Receive == "accept" {
		words = append(words, "receive-only")
	}
	return strings.Join(words, ", ")
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// exact says a size to people and programs.
func exact(n int64) string {
	human := bytesize.Size(n).Amount()
	if strings.HasSuffix(human, " B") {
		return human
	}
	return fmt.Sprintf("%s (%d bytes)", human, n)
}

func exactLimit(n int64) string {
	if n == 0 {
		return "unlimited"
	}
	return exact(n)
}

func sizeOr(absent string, n *int64) string {
	if n == nil {
		return absent
	}
	return exactLimit(*n)
}

// ownAndCounting says which limit counts, and whether it is the user's own.
func ownAndCounting(own *int64, counting int64) string {
	if own == nil {
		return exactLimit(counting) + ", inherited"
	}
	return exactLimit(counting)
}

func ownLimit(n *int64) string {
	if n == nil {
		return "inherited"
	}
	return limit(*n)
}

func limit(n int64) string { return bytesize.Size(n).String() }

func amountOf(n *int64) string {
	if n == nil {
		return ""
	}
	return bytesize.Size(*n).Amount()
}

func number(n *uint32) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func percent(p *float64) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%g %%", *p)
}

func usedOf(bytes *int64, messages *uint32) string {
	if bytes == nil {
		return "not known: Dovecot has not reported yet"
	}
	text := exact(*bytes)
	if messages != nil {
		text += " in " + counted(int64(*messages), "message")
	}
	return text
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return at(*t)
}

func orNever(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return at(*t)
}
