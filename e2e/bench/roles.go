package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/echo"
	"github.com/gatepost/gatepost/e2e/bench/population"
)

// roles are what bench does in processes of its own.
var roles = map[string]func(args []string) error{
	"role-echo":      serveEcho,
	"role-echo-loop": serveEchoLoop,
	"role-gatepostd": serveInstrumented,
	"role-flat":      readFlat,
}

// readyWord is what a role says when it can be asked.
const readyWord = "msg=ready"

// serveEcho: SOCKET END REPLY PROFILE, END and REPLY quoted as in Go.
func serveEcho(args []string) error {
	return echoing(args, func(end, reply []byte, l *net.UnixListener) error {
		return (&echo.Server{End: end, Reply: reply}).Serve(l)
	})
}

// serveEchoLoop: as serveEcho.
func serveEchoLoop(args []string) error {
	return echoing(args, func(end, reply []byte, l *net.UnixListener) error {
		return (&echo.Loop{End: end, Reply: reply}).Serve(l)
	})
}

// echoing serves until a signal ends it.
func echoing(args []string, serve func(end, reply []byte, l *net.UnixListener) error) error {
	if len(args) != 4 {
		return fmt.Errorf("echo: %d arguments", len(args))
	}
	end, err := strconv.Unquote(args[1])
	if err != nil {
		return err
	}
	reply, err := strconv.Unquote(args[2])
	if err != nil {
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: args[0], Net: "unix"})
	if err != nil {
		return err
	}
	ended := instrument(args[3], 0)
	fmt.Println(readyWord)
	failed := make(chan error, 1)
	go func() { failed <- serve([]byte(end), []byte(reply), l) }() // ends with the process
	select {
	case <-ended:
		return nil
	case err := <-failed:
		return err
	}
}

// readFlat: FILE; prints what it took.
func readFlat(args []string) error {
	f, err := population.ReadFlat(args[0])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// instrument does what signals ask for: SIGUSR1 begins and ends a garbage
// collection every so often, SIGUSR2 begins and ends a CPU profile. The channel
// is closed by SIGTERM.
func instrument(profile string, every time.Duration) <-chan struct{} {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan struct{})
	go func() { // ends with the process
		collecting := context.CancelFunc(nil)
		profiling := (*os.File)(nil)
		for s := range signals {
			switch s {
			case syscall.SIGUSR1:
				collecting = toggleCollector(collecting, every)
			case syscall.SIGUSR2:
				profiling = toggleProfile(profiling, profile)
			default:
				close(ended)
				return
			}
		}
	}()
	return ended
}

func toggleCollector(stop context.CancelFunc, every time.Duration) context.CancelFunc {
	if stop != nil {
		stop()
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the next signal
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				runtime.GC()
			}
		}
	}()
	return cancel
}

func toggleProfile(open *os.File, name string) *os.File {
	if open != nil {
		pprof.StopCPUProfile()
		_ = open.Close()
		_ = os.Rename(open.Name(), name) // whole from the beginning
		return nil
	}
	f, err := os.Create(name + ".part")
	if err != nil || pprof.StartCPUProfile(f) != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		return nil
	}
	return f
}
