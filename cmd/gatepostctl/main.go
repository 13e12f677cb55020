// Command gatepostctl administers a running gatepostd over its admin socket.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/gatepost/gatepost/cmd/gatepostctl/cli"
	"github.com/gatepost/gatepost/internal/background"
)

// version is set when gatepost is built (-ldflags -X main.version=…).
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Version: version,
		StepBehind: background.Process,
	})
	stop()
	os.Exit(code)
}
