package config

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// index finds the line of each key of a document. It is called for documents
// that the TOML library has decoded without an error.
type index struct {
	parser unstable.Parser
	lines  map[string]int // the first line of each key, by its full name
	counts map[string]int // how many tables an array of tables has had so far
}

// indexLines returns the line of every key, table and array element, by full
// name: "mail.uid", "listen[1]", "quota.warn_at[0]".
func indexLines(document []byte) map[string]int {
	x := index{lines: map[string]int{}, counts: map[string]int{}}
	x.parser.Reset(document)
	table := ""
	for x.parser.NextExpression() {
		switch node := x.parser.Expression(); node.Kind {
		case unstable.Table:
			table = x.name("", node.Key(), false)
		case unstable.ArrayTable:
			table = x.name("", node.Key(), true)
		case unstable.KeyValue:
			x.keyValue(table, node)
		}
	}
	return x.lines
}

func (x *index) keyValue(table string, node *unstable.Node) {
	name := x.name(table, node.Key(), false)
	x.value(name, x.lines[name], node.Value())
}

// value notes what lies inside of a value. The library gives no position for
// every kind of element; such a one has the line of what it lies in.
func (x *index) value(name string, line int, node *unstable.Node) {
	switch node.Kind {
	case unstable.Array:
		children := node.Children()
		for i := 0; children.Next(); i++ {
			child := children.Node()
			at := line
			if child.Raw.Length > 0 {
				at = x.line(child)
			}
			element := name + "[" + strconv.Itoa(i) + "]"
			x.note(element, at)
			x.value(element, at, child)
		}
	case unstable.InlineTable:
		for children := node.Children(); children.Next(); {
			x.keyValue(name, children.Node())
		}
	}
}

// name returns the full name of a key below a table, and notes the lines of
// its parts. The last part of another element of an array of tables gets the
// next number; a part that names such an array means its newest element.
func (x *index) name(table string, key unstable.Iterator, element bool) string {
	name := table
	for key.Next() {
		node := key.Node()
		name = join(name, string(node.Data))
		x.note(name, x.line(node))
		n := x.counts[name]
		if element && key.IsLast() {
			n++
			x.counts[name] = n
		}
		if n > 0 {
			name += "[" + strconv.Itoa(n-1) + "]"
			x.note(name, x.line(node))
		}
	}
	return name
}

func (x *index) note(name string, line int) {
	if _, known := x.lines[name]; !known {
		x.lines[name] = line
	}
}

func (x *index) line(node *unstable.Node) int {
	return 1 + bytes.Count(x.parser.Data()[:node.Raw.Offset], []byte{'\n'})
}

// join appends a key to a table's full name. A key that cannot stand bare is
// quoted, so that no two keys have the same name.
func join(table, key string) string {
	if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		key = strconv.Quote(key)
	}
	if table == "" {
		return key
	}
	return table + "." + key
}
