package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/e2e/bench/report"
)

// machine finds out where it is measured, as far as a reader of the page must
// know.
func machine(ctx context.Context) report.Machine {
	m := report.Machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Go: runtime.Version(),
		System: strings.Trim(field("/etc/os-release", "PRETTY_NAME"), `"`), Versions: map[string]string{},
	}
	kib, _ := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	m.Memory = kib << 10
	m.Kernel = first(os.ReadFile("/proc/sys/kernel/osrelease"))
	m.Load, _ = strconv.ParseFloat(first(os.ReadFile("/proc/loadavg")), 64)
	for name, command := range map[string][]string{
		"Dovecot": {"dovecot", "--version"},
		"postfwd": {"dpkg-query", "-W", "-f", "${Version}", "postfwd"},
	} {
		if version := first(exec.CommandContext(ctx, command[0], command[1:]...).Output()); version != "" {
			m.Versions[name] = version
		}
	}
	return m
}

// first returns the first word of some output.
func first(text []byte, _ error) string {
	if fields := strings.Fields(string(text)); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// field returns the value of the first line "name: value" or "name=value".
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		at := strings.IndexAny(lines.Text(), ":=")
		if at > 0 && strings.TrimSpace(lines.Text()[:at]) == name {
			return strings.TrimSpace(lines.Text()[at+1:])
		}
	}
	return ""
}
