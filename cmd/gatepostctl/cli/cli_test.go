package cli

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/adminsock/command"
)

func TestValue(t *testing.T) {
	tests := []struct {
		kind command.Kind
		text string
		want any // an error's text when it is an error
	}{
		{command.Text, "a,b", "a,b"},
		{command.Bool, "yes", true}, {command.Bool, "Off", false}, {command.Bool, "1", `error: "1" is neither yes nor no`},
		{command.Number, "7", uint64(7)}, {command.Number, "-1", `error: "-1" is not a number`}, {command.Number, "", `error: "" is not a number`},
		{command.Size, "1K", int64(1024)}, {command.Size, "none", int64(0)},
		{command.Limit, "inherit", nil}, {command.Limit, "", nil}, {command.Limit, "none", int64(0)}, {command.Limit, "1.5K", int64(1536)},
		{command.List, "", []string{}}, {command.List, "a", []string{"a"}}, {command.List, "a, b,", []string{"a", "b", ""}},
		{command.List, `"a,b"@x.test,c@x.test`, []string{`"a,b"@x.test`, "c@x.test"}},
		{command.List, `"a\",b"@x.test,c`, []string{`"a\",b"@x.test`, "c"}},
		{command.List, `"a`, `error: "\"a" has a double quote without its end`},
	}
	for _, tt := range tests {
		got, err := value(command.Param{Kind: tt.kind}, tt.text)
		if err != nil {
			got = "error: " + err.Error()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("value(%s, %q) (-want +got):\n%s", tt.kind, tt.text, diff)
		}
	}
}

// TestListJoins: what is split can be joined again.
func TestListJoins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.StringMatching(`([a-z@.]|"([a-z, ]|\\.)*"){1,5}`), 1, 5).Draw(t, "items")
		got, err := list(strings.Join(items, ","))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(items, got); diff != "" {
			t.Fatalf("list (-want +got):\n%s", diff)
		}
	})
}

// TestEverythingCanBePrinted: each list has columns, each record lines, and
// the words about a change name things that are there.
func TestEverythingCanBePrinted(t *testing.T) {
	for _, s := range command.All() {
		zero := reflect.New(s.Out).Elem().Interface()
		switch {
		case s.List && len(tableOf(s.Out)) == 0:
			t.Errorf("%s: no columns for %s", s.Name, s.Out)
		case s.List:
			tableOf(s.Out).row(zero)
		case s.Done == "" && len(recordOf(zero)) == 0:
			t.Errorf("%s: no lines for %s", s.Name, s.Out)
		}
		for _, field := range fieldsOf(s.Done) {
			if _, ok := s.Param(field); !ok && !strings.Contains(jsonNames(s.Out), " "+field+" ") {
				t.Errorf("%s: {%s} is neither a parameter nor in the answer", s.Name, field)
			}
		}
	}
}

func jsonNames(t reflect.Type) string {
	var names strings.Builder
	names.WriteString(" ")
	for f := range t.Fields() {
		if f.Anonymous {
			names.WriteString(jsonNames(f.Type))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names.WriteString(name + " ")
	}
	return names.String()
}

// TestTree: every command of the table is reached by its name, has help, and
// nothing else is there.
func TestTree(t *testing.T) {
	root := Command(Env{Stdin: &bytes.Buffer{}, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Getenv: func(string) string { return "" }})
	reached := map[*cobra.Command]bool{}
	for _, s := range command.All() {
		if hasFile(s) {
			continue
		}
		c, rest, err := root.Find(strings.Fields(s.Name))
		if err != nil || len(rest) > 0 || c.Short != s.Summary || c.Long == "" {
			t.Errorf("Find(%s) = %v, %v, %v, want its command", s.Name, c.CommandPath(), rest, err)
		}
		reached[c] = true
	}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if len(c.Commands()) == 0 && !reached[c] {
			t.Errorf("%s is not in the table", c.CommandPath())
		}
		if c.Short == "" {
			t.Errorf("%s has no summary", c.CommandPath())
		}
		for _, inner := range c.Commands() {
			walk(inner)
		}
	}
	walk(root)
}

// TestCheckServer: no secret goes to a process that put its socket into
// somebody else's directory. Without root only the own user can be played.
func TestCheckServer(t *testing.T) {
	home, err := os.MkdirTemp("", "gp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	own := filepath.Join(home, "own")
	l, err := net.Listen("unix", own)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := dialAndCheck(t, own); err != nil {
		t.Errorf("checkServer(own socket) = %v, want nil", err)
	}
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	if err := os.Chmod(home, 0o777); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(home, "foreign")
	defer listenAs(t, nobody, foreign)()
	if err := dialAndCheck(t, foreign); err == nil || !strings.Contains(err.Error(), "nothing was sent") {
		t.Errorf("checkServer(somebody's socket in root's directory) = %v, want a refusal", err)
	}
	if err := os.Chown(home, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := dialAndCheck(t, foreign); err != nil {
		t.Errorf("checkServer(socket and directory of one user) = %v, want nil", err)
	}
}

func dialAndCheck(t *testing.T, socket string) error {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return checkServer(c, socket)
}

// listenAs listens as another user, from a thread that ends with its goroutine.
func listenAs(t *testing.T, uid uintptr, socket string) (closing func()) {
	t.Helper()
	made := make(chan net.Listener, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uid, uid, uid); errno != 0 {
			made <- nil
			return
		}
		l, err := net.Listen("unix", socket)
		if err != nil {
			l = nil
		}
		made <- l
	}()
	l := <-made
	if l == nil {
		t.Fatalf("cannot listen as uid %d", uid)
	}
	return func() { _ = l.Close() }
}
