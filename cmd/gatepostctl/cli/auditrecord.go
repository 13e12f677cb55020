package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/adminsock/command"
)

// changeRecord shows a change with what it made of the names.
func changeRecord(c command.Change) []pair {
	pairs := []pair{
		{"revision", fmt.Sprint(c.Revision)}, {"time", at(c.Time)},
		{"actor", fmt.Sprintf("%s (uid %d, pid %d)", c.Actor, c.UID, c.PID)}, {"command", c.Command}, {"request", c.Request}, {"reason", c.Reason},
	}
	for _, n := range c.Names {
		pairs = append(pairs, pair{n.Name + " " + n.What + ":", ""})
		if n.Previous > 0 {
			pairs = append(pairs, pair{"  replaces", fmt.Sprintf("revision %d", n.Previous)})
		}
		pairs = append(pairs, fieldsOfRecord(n.Fields)...)
	}
	if more := c.Total - len(c.Names); more > 0 {
		pairs = append(pairs, pair{"not shown", counted(int64(more), "more name")})
	}
	return pairs
}

// fieldsOfRecord shows the fields of an audited record, the kind first.
func fieldsOfRecord(text json.RawMessage) []pair {
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return nil // null: deleted
	}
	pairs := []pair{{"  kind", words(fields["kind"])}}
	delete(fields, "kind")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(pairs, pair{"  " + strings.ReplaceAll(name, "_", " "), orNone(words(fields[name]))})
	}
	return pairs
}

// words says a JSON value to people.
func words(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, words(e))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		parts := []string{words(v["kind"]), words(v["label"])}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name != "kind" && name != "label" {
				parts = append(parts, name+"="+strings.ReplaceAll(words(v[name]), ", ", "+"))
			}
		}
		return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
	}
	return fmt.Sprint(v)
}

func verifiedRecord(v command.Verified) []pair {
	pairs := []pair{{"intact", counted(int64(v.Changes), "change")}}
	switch {
	case v.Begins == "anew":
		pairs = append(pairs, pair{"begins", fmt.Sprintf("with revision %d: the trail before it was lost", v.First)})
	case v.Pruned != nil:
		pairs = append(pairs, pair{"begins", fmt.Sprintf("with revision %d: what was before was pruned, last on %s", v.First, at(*v.Pruned))},
			pair{"anchor", v.Anchor})
	}
	pairs = append(pairs, pair{"last", fmt.Sprintf("revision %d", v.Last)})
	if v.Later > 0 {
		pairs = append(pairs, pair{"not looked at", "what came later: " + counted(int64(v.Later), "change")})
	}
	return append(pairs, pair{"head", v.Head})
}
