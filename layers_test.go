// Package gatepost holds the test of the house's floors; docs/architecture.md
// tells why they are as they are.
package gatepost

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gatepost/gatepost"

// floors says on which floor each room is. A room imports from lower floors
// only, so rooms of one floor never import each other. A new room, or a new
// arrow, changes these tables in the same commit.
var floors = map[string]int{
	"cmd/gatepostd": 7,

	"daemon":  6,
	"systemd": 6, // tests of the unit files only

	"metrics":         5,
	"internal/config": 5,

	"policy/delegation":  4,
	"policy/socketmap":   4,
	"authsock":           4,
	"authsock/quotadict": 4,
	"adminsock":          4,

	"internal/login": 3,

	"internal/exchange": 2,
	"internal/tabline":  2,
	"policy":            2,
	"internal/store":    2,

	"internal/directory": 1,
	"internal/journal":   1,
	"internal/password":  1,
	"internal/serve":     1, // it asks peercred who connects

	"internal/background": 0,
	"internal/mailaddr":   0,
	"internal/quota":      0,
	"internal/bytesize":   0,
	"internal/peercred":   0,
	"internal/snapshot":   0,
	"internal/logs":       0,
	"internal/largepages": 0,
	"adminsock/command":   0,
}

// client is the program of administrators, with its own rooms. It imports from
// floor 0 only, so that it links no server and no database.
const client = "cmd/gatepostctl"

// beside are the rooms that only tests enter. They import from this floor
// downwards, and each other.
var beside = map[string]int{
	"internal/testkit":    2,
	"internal/doortest":   3,
	"internal/transcript": 0,
}

// outside are the programs that look at gatepost from outside. Nothing imports
// them. Two of them make what they need with the house's own rooms: a directory
// of a million users, and a store that they damage.
const outside = "e2e"

var insiders = []string{"e2e/bench", "e2e/torture"}

// owners says which rooms may import a package that others wrote; a name ends
// with "/" when it stands for everything below it.
var owners = map[string][]string{
	"github.com/cespare/xxhash/v2":                {"internal/store"},
	"github.com/coreos/go-systemd/v22/activation": {"daemon"},
	"github.com/coreos/go-systemd/v22/daemon":     {"daemon"},
	"github.com/coreos/go-systemd/v22/journal":    {"internal/logs"},
	"github.com/danielgtaylor/huma/v2/":           {"adminsock"},
	"github.com/dgraph-io/badger/v4/":             {"internal/store"},
	"github.com/emersion/go-sasl":                 {"authsock"},
	"github.com/go-crypt/crypt/":                  {"internal/password"},
	"github.com/pelletier/go-toml/v2/":            {"internal/config"},
	"github.com/prometheus/client_model/go":       {"metrics"},
	"github.com/prometheus/client_golang/":        {"metrics"},
	"github.com/schollz/progressbar/v3":           {"cmd/gatepostctl/cli"},
	"github.com/spf13/cobra/":                     {"cmd/gatepostctl/cli"},
	"golang.org/x/crypto/":                        {"internal/password"},
	"golang.org/x/net/netutil":                    {"metrics"},
	"golang.org/x/net/idna":                       {"internal/mailaddr"},
	"golang.org/x/sys/unix":                       {"e2e/bench/echo", "e2e/torture", "internal/background", "internal/largepages", "internal/peercred", "internal/serve"},
	"golang.org/x/term":                           {"cmd/gatepostctl/cli"},
	"golang.org/x/text/":                          {"internal/mailaddr"},
	"github.com/google/go-cmp/":                   {onlyTests},
	"github.com/prometheus/common/":               {onlyTests},
	"github.com/rogpeppe/go-internal/testscript":  {onlyTests},
	"pgregory.net/rapid":                          {onlyTests},
}

const onlyTests = "_test.go"

// file is one Go file: the room it lies in, and what it imports.
type file struct {
	path, room string
	test       bool
	imports    []string
}

func TestLayers(t *testing.T) {
	rooms := map[string]bool{}
	for _, f := range goFiles(t) {
		rooms[f.room] = true
		for _, imported := range f.imports {
			if reason := forbidden(f, imported); reason != "" {
				t.Errorf("%s imports %s: %s", f.path, imported, reason)
			}
		}
	}
	for room := range rooms {
		if !known(room) {
			t.Errorf("the room %s is in no table of layers_test.go", room)
		}
	}
	for room := range floors {
		if !rooms[room] {
			t.Errorf("layers_test.go names the room %s, which does not exist", room)
		}
	}
}

func known(room string) bool {
	_, floor := floors[room]
	_, aside := beside[room]
	return floor || aside || below(room, client) || below(room, outside) || room == "."
}

// below reports whether a room is the one called name, or one of its own.
func below(room, name string) bool {
	return room == name || strings.HasPrefix(room, name+"/")
}

// goFiles reads the imports of every Go file of the module.
func goFiles(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
			if hidden || entry.Name() == "testdata" || name == "tools" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			files = append(files, readImports(t, filepath.ToSlash(name)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readImports(t *testing.T, name string) file {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	f := file{path: name, room: path.Dir(name), test: strings.HasSuffix(name, "_test.go")}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		f.imports = append(f.imports, imported)
	}
	return f
}

// forbidden returns why a file must not import a package; "" when it may.
func forbidden(f file, imported string) string {
	if room, ours := strings.CutPrefix(imported, module+"/"); ours {
		return forbiddenRoom(f, room)
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return "" // the standard library
	}
	return forbiddenLibrary(f, imported)
}

func forbiddenRoom(f file, room string) string {
	_, aside := beside[room]
	switch {
	case room == f.room: // an external test of the room
		return ""
	case below(room, outside):
		return reason(!below(f.room, outside), "it looks at the house from outside")
	case below(f.room, outside):
		insider := slices.ContainsFunc(insiders, func(name string) bool { return below(f.room, name) })
		return reason(!insider || aside, "it looks at the house from outside")
	case below(room, client):
		return reason(!below(f.room, client), "the client is nobody's room")
	case f.test && strings.HasPrefix(f.room, "cmd/"):
		return "" // the programs are tested as a whole
	case aside:
		_, both := beside[f.room]
		return reason(!f.test && !both, "only tests may")
	}
	return forbiddenFloor(f, room)
}

func forbiddenFloor(f file, room string) string {
	floor, inside := floors[room]
	if !inside {
		return "it is on no floor"
	}
	ceiling := floors[f.room]
	if top, aside := beside[f.room]; aside {
		ceiling = top + 1
	}
	if below(f.room, client) {
		ceiling = 1
	}
	return reason(floor >= ceiling, "it may know what is below floor "+strconv.Itoa(ceiling)+", and that is on floor "+strconv.Itoa(floor))
}

// reason returns the text if something is so.
func reason(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func forbiddenLibrary(f file, imported string) string {
	for name, rooms := range owners {
		below := strings.HasSuffix(name, "/") && strings.HasPrefix(imported+"/", name)
		if imported != name && !below {
			continue
		}
		_, aside := beside[f.room]
		if slices.Contains(rooms, f.room) || (f.test || aside) && slices.Contains(rooms, onlyTests) {
			return ""
		}
		return "it belongs to " + strings.Join(rooms, ", ")
	}
	return "nobody owns it"
}

// The table must be able to refuse.
func TestForbidden(t *testing.T) {
	for _, row := range []struct {
		name     string
		file     file
		imported string
		want     bool
	}{
		{"the standard library", file{room: "policy"}, "net/http", false},
		{"a lower floor", file{room: "policy"}, module + "/internal/directory", false},
		{"a higher floor", file{room: "internal/directory"}, module + "/policy", true},
		{"a door into another", file{room: "authsock"}, module + "/authsock/quotadict", true},
		{"the client into the server", file{room: "cmd/gatepostctl"}, module + "/adminsock", true},
		{"the client into the table", file{room: "cmd/gatepostctl"}, module + "/adminsock/command", false},
		{"a test of the client into the server", file{room: "cmd/gatepostctl", test: true}, module + "/adminsock", false},
		{"tools of tests", file{room: "policy"}, module + "/internal/testkit", true},
		{"tools of tests in a test", file{room: "policy", test: true}, module + "/internal/testkit", false},
		{"the tools' own needs", file{room: "internal/testkit"}, module + "/internal/directory", false},
		{"a room of nobody", file{room: "policy"}, module + "/internal/util", true},
		{"the house from outside", file{room: "e2e/rig"}, module + "/daemon", true},
		{"the house by an insider", file{room: "e2e/bench/population"}, module + "/internal/store", false},
		{"the client from outside", file{room: "e2e/rig"}, module + "/cmd/gatepostctl/cli", true},
		{"the client's own room", file{room: "cmd/gatepostctl"}, module + "/cmd/gatepostctl/cli", false},
		{"the client into a server's room", file{room: "cmd/gatepostctl/cli"}, module + "/internal/directory", true},
		{"the client's room from the server", file{room: "cmd/gatepostd"}, module + "/cmd/gatepostctl/cli", true},
		{"outside from the house", file{room: "daemon", test: true}, module + "/e2e/rig", true},
		{"a library in its room", file{room: "internal/store"}, "github.com/dgraph-io/badger/v4", false},
		{"a part of a library in its room", file{room: "internal/store"}, "github.com/dgraph-io/badger/v4/options", false},
		{"a library elsewhere", file{room: "daemon"}, "github.com/dgraph-io/badger/v4", true},
		{"a library for tests", file{room: "daemon"}, "github.com/google/go-cmp/cmp", true},
		{"a library for tests in a test", file{room: "daemon", test: true}, "github.com/google/go-cmp/cmp", false},
		{"a library of nobody", file{room: "daemon"}, "github.com/stretchr/testify/assert", true},
	} {
		if got := forbidden(row.file, row.imported); (got != "") != row.want {
			t.Errorf("%s: forbidden = %q", row.name, got)
		}
	}
}
