package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatepostctl": main})
}

// TestScript runs command lines as they are typed, each file against a daemon's
// admin door over the standard directory. With -update the expected output is
// written anew.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               serve,
	})
}

// serve starts an admin door for one script. The socket lies in a directory of
// its own with a short name: a socket's path has 107 bytes at most.
func serve(env *testscript.Env) error {
	t := env.T().(testing.TB)
	state := filepath.Join(env.WorkDir, "state")
	kept, err := store.Open(store.Options{Dir: state, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	env.Defer(func() { _ = kept.Close() })
	dir, ledger := testkit.StandardOn(t, kept)
	passwords, err := password.ParsePolicy("classic8")
	if err != nil {
		return err
	}
	modes, err := policy.NewModes(map[string]string{"sender-not-owner": "warn"}, 0)
	if err != nil {
		return err
	}
	server := &adminsock.Server{
		Directory: dir, Ledger: ledger,
		Verifier: password.NewVerifier(password.Options{}),
		Settings: func() adminsock.Settings { return adminsock.Settings{Scheme: password.Argon2ID, Policy: passwords} },
		Status: func() adminsock.Status {
			return adminsock.Status{Version: "1.2.3", Started: testkit.Noon, LastCommit: testkit.Noon.Add(time.Minute),
				Snapshot: adminsock.Snapshot{Revision: 1, Written: testkit.Noon}, Trail: adminsock.Trail{First: 7, Oldest: testkit.Noon, Bytes: 3 << 20, Retention: 730 * 24 * time.Hour},
				Rebuilt: "the database is damaged", Doors: []command.Door{
					{Door: "admin", Address: "unix:/run/gatepost/admin", Open: 1}, {Door: "policy", Address: "unix:/run/gatepost/policy", Open: 12},
				}}
		},
		Now:   func() time.Time { return testkit.Noon.Add(90 * time.Minute) },
		Modes: func() *policy.Modes { return modes },
		RuleCounts: func() (n adminsock.RuleCounts) {
			n[policy.RecipientOverQuota] = adminsock.RuleCount{Rejected: 12, Deferred: 3}
			n[policy.SenderNotOwner] = adminsock.RuleCount{Warned: 7}
			return n
		},
		Audit: kept, Backup: kept, ReadBackup: store.ReadSnapshot, SpoolDir: state,
	}
	home, err := os.MkdirTemp("", "gp")
	if err != nil {
		return err
	}
	socket := filepath.Join(home, "admin")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), listener) }()
	env.Setenv("GATEPOST_SOCKET", socket)
	env.Setenv("GORACE", "atexit_sleep_ms=0") // a gatepostctl with the race detector waits a second at its end else
	env.Setenv("HASH", testkit.PasswordHash)
	env.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		_ = os.RemoveAll(home)
	})
	return nil
}
