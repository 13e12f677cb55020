package rig

import (
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The documentation holds every block that a rig runs, and what it replaces in them.
func TestDocumentedBlocks(t *testing.T) {
	blocks, err := readBlocks("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	r := &Rig{blocks: blocks, Dir: t.TempDir(), Sink: &Sink{}}
	if r.Sink, err = listenSink(); err != nil {
		t.Fatal(err)
	}
	defer r.Sink.Close()
	if err := os.MkdirAll(r.path("etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{"gatepost.toml": r.writeGatepost, "dovecot.conf": r.writeDovecot, "etc/main.cf": r.writeMain} {
		if err := write(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text, err := os.ReadFile(r.path(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{"/run/gatepost", "/var/spool", "/var/vmail", `"vmail"`} {
			if strings.Contains(string(text), place) {
				t.Errorf("%s still holds the system's %s", name, place)
			}
		}
	}
}

func TestReadBlocksRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.md")
	if err := os.WriteFile(file, []byte("```ini main.cf\nx = y\n```\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readBlocks(file); err == nil || !strings.Contains(err.Error(), "no block named gatepost.toml") {
		t.Errorf("readBlocks error = %v, want the name of a missing block", err)
	}
}

func TestSubstitutedMustOccur(t *testing.T) {
	r := &Rig{blocks: map[string]string{"b": "path = /run/gatepost/x"}}
	if got, err := r.substituted("b", substitution{"/run/gatepost/", "/tmp/"}); got != "path = /tmp/x" || err != nil {
		t.Errorf("substituted = %q, %v", got, err)
	}
	if _, err := r.substituted("b", substitution{"/var/x", ""}); err == nil {
		t.Error("a text that does not occur was not reported")
	}
}

func TestSink(t *testing.T) {
	s, err := listenSink()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mail := []byte("From: a\r\nSubject: Hello there\r\n\r\n.dot\r\n")
	address := s.listener.Addr().String()
	if err := smtp.SendMail(address, nil, "a@x.test", []string{"b@y.test", "c@y.test"}, mail); err != nil {
		t.Fatal(err)
	}
	all := s.Messages()
	if len(all) != 1 || all[0].From != "a@x.test" || strings.Join(all[0].To, " ") != "b@y.test c@y.test" || all[0].Subject() != "Hello there" {
		t.Errorf("the sink holds %+v", all)
	}
	if !strings.HasSuffix(all[0].Text, "\n.dot\n") {
		t.Errorf("text %q, want the dot once", all[0].Text)
	}
}
