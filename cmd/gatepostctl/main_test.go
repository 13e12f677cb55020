package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/testkit"
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
	dir, ledger := testkit.Standard(t)
	policy, err := password.ParsePolicy("classic8")
	if err != nil {
		return err
	}
	server := &adminsock.Server{
		Directory: dir, Ledger: ledger,
		Verifier: password.NewVerifier(password.Options{}),
		Settings: func() adminsock.Settings { return adminsock.Settings{Scheme: password.Argon2ID, Policy: policy} },
		Status: func() adminsock.Status {
			return adminsock.Status{Version: "1.2.3", Started: testkit.Noon, LastCommit: testkit.Noon.Add(time.Minute), Doors: []command.Door{
				{Door: "admin", Address: "unix:/run/gatepost/admin", Open: 1}, {Door: "policy", Address: "unix:/run/gatepost/policy", Open: 12},
			}}
		},
		Now: func() time.Time { return testkit.Noon.Add(90 * time.Minute) },
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
