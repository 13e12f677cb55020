package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/snapshot"
)

// answering serves one handler on a socket and returns its path.
func answering(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	home, err := os.MkdirTemp("", "gp")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(home, "admin")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	served := make(chan struct{})
	go func() { _ = server.Serve(l); close(served) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-served
		_ = os.RemoveAll(home)
	})
	return socket
}

// wholeBackup returns a file that is in order.
func wholeBackup() []byte {
	file := append(snapshot.Head{Revision: 7, Records: 1}.Append(nil), bytes.Repeat([]byte("record"), 50_000)...)
	sum := sha256.Sum256(file)
	return append(file, sum[:]...)
}

// Whatever the daemon sends, a file appears only when it is whole, and nothing
// else is left behind.
func TestSave(t *testing.T) {
	whole := wholeBackup()
	flipped := bytes.Clone(whole)
	flipped[100_000] ^= 1
	write := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) }
	}
	breakOff := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(whole[:len(whole)/2])
		panic(http.ErrAbortHandler)
	}
	tests := []struct {
		name    string
		args    []string
		there   string // what the file holds before
		answer  http.HandlerFunc
		code    int
		says    string
		becomes []byte // what the file holds then; nil: there is none
	}{
		{"whole", nil, "", write(whole), exitDone, "", whole},
		{"a bit flipped", nil, "", write(flipped), exitFailed, "its SHA-256 is wrong", nil},
		{"cut", nil, "", write(whole[:len(whole)-1]), exitFailed, "it was cut, or changed", nil},
		{"nothing", nil, "", write(nil), exitFailed, "does not begin with", nil},
		{"broken off", nil, "", breakOff, exitFailed, "unexpected EOF", nil},
		{"there already", nil, "old", write(whole), exitFailed, "--force replaces it", []byte("old")},
		{"there already, with force", []string{"--force"}, "old", write(whole), exitDone, "", whole},
		{"damaged, with force", []string{"--force"}, "old", write(flipped), exitFailed, "its SHA-256 is wrong", []byte("old")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "b")
			if tt.there != "" {
				if err := os.WriteFile(name, []byte(tt.there), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var said bytes.Buffer
			code := Run(context.Background(), append([]string{"--socket", answering(t, tt.answer), "backup", name}, tt.args...),
				Env{Stdin: &bytes.Buffer{}, Stdout: &bytes.Buffer{}, Stderr: &said, Getenv: func(string) string { return "" }})
			if code != tt.code || !strings.Contains(said.String(), tt.says) {
				t.Errorf("exit %d, %s, want %d and %q", code, said.String(), tt.code, tt.says)
			}
			checkFile(t, dir, name, tt.becomes)
		})
	}
}

// checkFile wants a directory with this file and no other; nil: with none.
func checkFile(t *testing.T, dir, name string, want []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want == nil && len(entries) > 0 || want != nil && len(entries) != 1 {
		t.Errorf("the directory holds %v", entries)
	}
	if got, err := os.ReadFile(name); want != nil && (err != nil || !bytes.Equal(got, want)) {
		t.Errorf("the file has %d bytes, %v, want %d", len(got), err, len(want))
	}
	if info, err := os.Stat(name); err == nil && len(want) > 10 && info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", info.Mode())
	}
}

// Who was faster is not overwritten.
func TestSaveReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "b")
	socket := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		if err := os.WriteFile(name, []byte("faster"), 0o600); err != nil {
			t.Error(err)
		}
		_, _ = w.Write(wholeBackup())
	})
	var said bytes.Buffer
	code := Run(context.Background(), []string{"--socket", socket, "backup", name},
		Env{Stdin: &bytes.Buffer{}, Stdout: &bytes.Buffer{}, Stderr: &said, Getenv: func(string) string { return "" }})
	if code != exitFailed || !strings.Contains(said.String(), "file exists") {
		t.Errorf("exit %d, %s, want a refusal", code, said.String())
	}
	checkFile(t, dir, name, []byte("faster"))
}
