package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/google/go-cmp/cmp"
)

type secret string

func (secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

type sent struct {
	Message  string
	Priority journal.Priority
	Vars     map[string]string
}

func TestJournal(t *testing.T) {
	var got sent
	send := func(m string, p journal.Priority, v map[string]string) error {
		got = sent{m, p, v}
		return nil
	}
	log := slog.New(newJournal(slog.LevelInfo, send, nil)).With("component", "policy")
	log.WithGroup("peer").Warn("request is malformed", "uid", 104, "password", secret("hunter2"),
		slog.Group("at", "byte", 7), slog.Any("err", errors.New("no blank line")))
	want := sent{
		Message:  `request is malformed component=policy peer.uid=104 peer.password=[redacted] peer.at.byte=7 peer.err="no blank line"`,
		Priority: journal.PriWarning,
		Vars: map[string]string{"GATEPOST_COMPONENT": "policy", "GATEPOST_PEER_UID": "104", "GATEPOST_PEER_PASSWORD": "[redacted]",
			"GATEPOST_PEER_AT_BYTE": "7", "GATEPOST_PEER_ERR": "no blank line"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	got = sent{}
	log.Debug("each request")
	if got.Message != "" {
		t.Errorf("a debug line was sent at level info: %q", got.Message)
	}
}

func TestJournaldDown(t *testing.T) {
	var stderr bytes.Buffer
	down := func(string, journal.Priority, map[string]string) error { return errors.New("no such socket") }
	slog.New(newJournal(slog.LevelInfo, down, &stderr)).Info("ready", "took", "1s")
	if got, want := stderr.String(), "ready took=1s\n"; got != want {
		t.Errorf("standard error = %q, want %q", got, want)
	}
}

func TestFormats(t *testing.T) {
	var out bytes.Buffer
	log, queue := New(JSON, slog.LevelInfo, &out)
	log.Info("ready", "door", "policy")
	queue.Close()
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "ready" || line["door"] != "policy" {
		t.Errorf("JSON line = %q, %v", out.String(), err)
	}
	out.Reset()
	log, queue = New(Auto, slog.LevelInfo, &out)
	log.Info("ready", "door", "policy")
	queue.Close()
	if !strings.Contains(out.String(), "level=INFO msg=ready door=policy") {
		t.Errorf("text line = %q", out.String())
	}
}

func TestJournaldIsDetected(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "stream")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for stream, want := range map[string]bool{
		fmt.Sprintf("%d:%d", st.Dev, st.Ino): true, fmt.Sprintf("%d:%d", st.Dev, st.Ino+1): false, "": false,
	} {
		if got := journald(stream, file); got != want {
			t.Errorf("journald(%q) = %v, want %v", stream, got, want)
		}
	}
	if journald("1:1", &bytes.Buffer{}) {
		t.Error("a buffer is taken for journald's stream")
	}
}

func TestParse(t *testing.T) {
	for _, name := range []string{"error", "warn", "info", "debug"} {
		if l, err := ParseLevel(name); err != nil || !strings.EqualFold(l.String(), name) {
			t.Errorf("ParseLevel(%s) = %v, %v", name, l, err)
		}
	}
	if _, err := ParseLevel("loud"); err == nil || err.Error() != `"loud" is not one of error, warn, info, debug` {
		t.Errorf("ParseLevel(loud) = %v", err)
	}
	if _, err := ParseFormat("xml"); err == nil || err.Error() != `"xml" is not one of auto, text, json, journal` {
		t.Errorf("ParseFormat(xml) = %v", err)
	}
	if f, err := ParseFormat("json"); err != nil || f != JSON {
		t.Errorf("ParseFormat(json) = %v, %v", f, err)
	}
}
