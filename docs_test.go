package gatepost

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every line that the daemon can log at level warn or error is explained in
// docs/operations.md: an administrator who sees one finds out what to do.
func TestLogLinesAreExplained(t *testing.T) {
	text, err := os.ReadFile("docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range daemonFiles(t) {
		for _, message := range warnings(t, path) {
			found++
			if !strings.Contains(string(text), "`"+message+"`") {
				t.Errorf("%s logs %q, which docs/operations.md does not explain", path, message)
			}
		}
	}
	if found < 30 {
		t.Errorf("%d log lines were found; the search is broken", found)
	}
}

// daemonFiles lists the Go files that become the daemon.
func daemonFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == "e2e" || path == "tools" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// warnings returns the constant messages that a file logs at level warn or error.
func warnings(t *testing.T, path string) (messages []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !warns(call) {
			return true
		}
		for _, arg := range call.Args {
			literal, ok := arg.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				continue
			}
			if message, err := strconv.Unquote(literal.Value); err == nil {
				messages = append(messages, message)
			}
			break // what follows are attributes
		}
		return true
	})
	return messages
}

// warns reports whether a call is Warn or Error with a message, or is given one
// of these levels.
func warns(call *ast.CallExpr) bool {
	if method, ok := call.Fun.(*ast.SelectorExpr); ok && (method.Sel.Name == "Warn" || method.Sel.Name == "Error") {
		return len(call.Args) > 0
	}
	return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		level, ok := arg.(*ast.SelectorExpr)
		return ok && (level.Sel.Name == "LevelWarn" || level.Sel.Name == "LevelError")
	})
}

// The manual page of the configuration has every key that the example has.
func TestManualHasEveryKey(t *testing.T) {
	example, err := os.ReadFile("tools/package/gatepost.toml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/man/gatepost.toml.5")
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`(?m)^#?([a-z][a-z_-]+) *=|^#?(\[+[a-z.]+\]+)`).FindAllStringSubmatch(string(example), -1)
	if len(keys) < 25 {
		t.Fatalf("%d keys in the example; the search is broken", len(keys))
	}
	for _, key := range keys {
		if name := key[1] + key[2]; !strings.Contains(string(page), name) {
			t.Errorf("docs/man/gatepost.toml.5 does not explain %s", name)
		}
	}
}

// Every link of the documents to a file of the project leads somewhere.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	monitoring, err := filepath.Glob("docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, path := range append(append(documents, monitoring...), "README.md", "CHANGELOG.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}
