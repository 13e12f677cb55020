package report

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// parts names what a function's time is spent on. The innermost function of a
// stack that stands here decides, unless it says that its caller does; what no line
// knows is the Go scheduler's.
var parts = []struct{ prefix, what string }{
	{"internal/poll.setDeadlineImpl", partDeadline},
	{"internal/poll.(*FD).Read", partRead},
	{"internal/poll.(*FD).Write", partWrite},
	{module + "internal/serve.raw", partCaller},
	{module + "e2e/bench/echo.raw", partCaller},
	{module + "internal/serve.read", partRead},
	{module + "e2e/bench/echo.read", partRead},
	{module + "e2e/bench/echo.write", partWrite},
	{module + "internal/serve.write", partWrite},
	{"golang.org/x/sys/unix.EpollWait", partScheduler},
	{"time.Now", partClock},
	{"time.Since", partClock},
	{module + "policy/delegation.(*decoder)", partParse},
	{module + "policy/delegation.(*memory)", partMemory},
	{module + "policy/delegation.(*shard)", partMemory},
	{module + "policy/delegation.(*index)", partMemory},
	{module + "policy/delegation.", partDoor},
	{module + "policy.", partRules},
	{module + "internal/directory.", partLookup},
	{module + "internal/mailaddr.", partAddress},
	{module + "internal/quota.", partRules},
	{module + "metrics.", partMetrics},
	{module + "internal/exchange.", partDoor},
	{module + "internal/serve.", partDoor},
	{module + "e2e/bench/echo.", partDoor},
	{"github.com/prometheus/", partMetrics},
	{"runtime.gcBgMarkWorker", partCollector},
	{"runtime.bgsweep", partCollector},
	{"github.com/dgraph-io/", partStore},
	{module + "internal/store.", partStore},
}

const (
	module        = "github.com/gatepost/gatepost/"
	partCaller    = ""
	partRead      = "read(2)"
	partWrite     = "write(2), which wakes the client"
	partScheduler = "waiting for requests: poller and scheduler"
	partParse     = "reading the request"
	partAddress   = "folding addresses"
	partLookup    = "looking names up"
	partRules     = "gathering facts and asking the rules"
	partMemory    = "the memory of messages"
	partMetrics   = "counting"
	partClock     = "reading the clock"
	partDeadline  = "setting deadlines"
	partDoor      = "the connection's loop and the reply"
	partCollector = "garbage collection"
	partStore     = "the store"
)

// ReadProfile reads a CPU profile and divides cpu, the microseconds of a
// request, into parts, the largest first.
func ReadProfile(ctx context.Context, binary, file string, cpu float64) ([]Part, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", binary, file)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w: %s", err, said.Bytes())
	}
	return divide(out, cpu)
}

func divide(traces []byte, cpu float64) ([]Part, error) {
	spent, total := map[string]time.Duration{}, time.Duration(0)
	err := eachTrace(traces, func(d time.Duration, stack []string) {
		spent[partOf(stack)] += d
		total += d
	})
	if err != nil || total == 0 {
		return nil, fmt.Errorf("a profile without samples: %w", err)
	}
	var list []Part
	for what, d := range spent {
		list = append(list, Part{What: what, CPU: cpu * float64(d) / float64(total)})
	}
	slices.SortFunc(list, func(a, b Part) int { return int(1e6 * (b.CPU - a.CPU)) })
	return list, nil
}

// eachTrace yields the stacks of pprof's -traces: between lines of dashes a
// duration and the innermost function, then its callers.
func eachTrace(traces []byte, take func(time.Duration, []string)) error {
	var spent time.Duration
	var stack []string
	flush := func() {
		if len(stack) > 0 && spent > 0 {
			take(spent, stack)
		}
		spent, stack = 0, nil
	}
	lines := bufio.NewScanner(bytes.NewReader(traces))
	started := false
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case strings.HasPrefix(lines.Text(), "----"):
			flush()
			started = true
		case !started || len(fields) == 0:
		case len(stack) == 0 && len(fields) > 1:
			d, err := time.ParseDuration(fields[0])
			if err != nil {
				return fmt.Errorf("profile line %q: %w", lines.Text(), err)
			}
			spent, stack = d, append(stack, fields[1])
		default:
			stack = append(stack, fields[0])
		}
	}
	flush()
	return lines.Err()
}

func partOf(stack []string) string {
	for _, function := range stack {
		if what := whatOf(function); what != partCaller {
			return what
		}
	}
	return partScheduler
}

func whatOf(function string) string {
	for _, p := range parts {
		if strings.HasPrefix(function, p.prefix) {
			return p.what
		}
	}
	return partCaller
}

// Distance returns what we spend on each part beyond what the echo server does, less
// than zero where that is less, the largest first.
func (p Profiles) Distance() []Part {
	var list []Part
	for _, ours := range p.Gatepost {
		list = append(list, Part{ours.What, ours.CPU - of(p.Echo, ours.What)})
	}
	for _, theirs := range p.Echo {
		if of(p.Gatepost, theirs.What) == 0 {
			list = append(list, Part{theirs.What, -theirs.CPU})
		}
	}
	slices.SortFunc(list, func(a, b Part) int { return int(1e6 * (b.CPU - a.CPU)) })
	return list
}
