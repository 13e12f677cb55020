package cli

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
)

// column is a column of a table.
type column struct {
	title string
	cell  func(any) string
}

type table []column

func (t table) titles() []string {
	var titles []string
	for _, c := range t {
		titles = append(titles, c.title)
	}
	return titles
}

func (t table) row(v any) []string {
	var row []string
	for _, c := range t {
		row = append(row, c.cell(v))
	}
	return row
}

// col makes a column of rows of type T.
func col[T any](title string, cell func(T) string) column {
	return column{title, func(v any) string { return orDash(cell(v.(T))) }}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// tableOf returns the columns for a list of this type; every list of the table
// of commands has them, or a test fails.
func tableOf(t reflect.Type) table {
	switch t {
	case reflect.TypeFor[command.User]():
		return userTable()
	case reflect.TypeFor[command.Domain]():
		return domainTable()
	case reflect.TypeFor[command.Alias]():
		return table{
			col("ALIAS", func(a command.Alias) string { return a.Address }),
			col("TARGETS", func(a command.Alias) string { return few(a.Targets) }),
		}
	case reflect.TypeFor[command.Quota]():
		return quotaTable()
	case reflect.TypeFor[command.Change]():
		return changeTable()
	case reflect.TypeFor[command.Rule]():
		return ruleTable()
	case reflect.TypeFor[command.AppPassword]():
		return table{
			col("LABEL", func(p command.AppPassword) string { return p.Label }),
			col("SERVICES", func(p command.AppPassword) string { return strings.Join(p.Services, ",") }),
			col("EXPIRES", func(p command.AppPassword) string { return orNever(p.Expires) }),
		}
	}
	return nil
}

func userTable() table {
	type user = command.User
	return table{
		col("USER", func(u user) string { return u.Address }),
		col("STATE", func(u user) string { return stateOf(u) }),
		col("USED", func(u user) string { return amountOf(u.UsedBytes) }),
		col("LIMIT", func(u user) string { return limit(u.LimitBytes) }),
		col("ROLE", func(u user) string { return strings.Join(u.Roles, ",") }),
		col("NAME", func(u user) string { return u.DisplayName }),
	}
}

func domainTable() table {
	type domain = command.Domain
	return table{
		col("DOMAIN", func(d domain) string { return d.Domain }),
		col("STATE", func(d domain) string { return d.State }),
		col("USERS", func(d domain) string { return of(d.Users, d.MaxUsers) }),
		col("ALIASES", func(d domain) string { return of(d.Aliases, d.MaxAliases) }),
		col("QUOTA", func(d domain) string { return ownLimit(d.QuotaBytes) }),
		col("CATCH-ALL", func(d domain) string { return d.CatchAll }),
	}
}

func quotaTable() table {
	type quota = command.Quota
	return table{
		col("USER", func(q quota) string { return q.Address }),
		col("USED", func(q quota) string { return amountOf(q.UsedBytes) }),
		col("LIMIT", func(q quota) string { return limit(q.LimitBytes) }),
		col("FULL", func(q quota) string { return percent(q.Percent) }),
		col("MESSAGES", func(q quota) string { return number(q.UsedMessages) }),
		col("REPORTED", func(q quota) string { return moment(q.UsedAt) }),
	}
}

func changeTable() table {
	type change = command.Change
	return table{
		col("REVISION", func(c change) string { return fmt.Sprint(c.Revision) }),
		col("TIME", func(c change) string { return at(c.Time) }),
		col("ACTOR", func(c change) string { return c.Actor }),
		col("COMMAND", func(c change) string { return c.Command }),
		col("WHAT", func(c change) string { return names(c) }),
	}
}

// names says what became of the first names of a change, and counts the others.
func names(c command.Change) string {
	const most = 2
	var parts []string
	for _, n := range c.Names[:min(most, len(c.Names))] {
		parts = append(parts, n.Name+" "+n.What)
	}
	text := strings.Join(parts, ", ")
	switch more := c.Total - len(parts); {
	case more > 0 && text != "":
		text += fmt.Sprintf(" and %d more", more)
	case more > 0:
		text = counted(int64(more), "name")
	}
	return text
}

func ruleTable() table {
	type rule = command.Rule
	count := func(n uint64) string { return fmt.Sprint(n) }
	return table{
		col("RULE", func(r rule) string { return r.Rule }),
		col("MODE", func(r rule) string { return r.Mode }),
		col("ASKED AT", func(r rule) string { return strings.Join(r.Stages, ", ") }),
		col("REJECTED", func(r rule) string { return count(r.Rejected) }),
		col("DEFERRED", func(r rule) string { return count(r.Deferred) }),
		col("WARNED", func(r rule) string { return count(r.Warned) }),
		col("SHADOWED", func(r rule) string { return count(r.Shadowed) }),
	}
}

// few joins the first elements of a list and counts the others.
func few(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// of says how many there are, and may be.
func of(n int64, most uint64) string {
	if most == 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d of %d", n, most)
}
