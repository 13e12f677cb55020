package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// CPU is processor time that was used.
type CPU struct {
	Total time.Duration // user and system
	User  time.Duration // as clock ticks say: to 10 ms
}

// Sub returns what was used since before.
func (c CPU) Sub(before CPU) CPU { return CPU{c.Total - before.Total, c.User - before.User} }

// Memory is what a process holds.
type Memory struct{ Anonymous, Resident int64 } // bytes

// clockTick is USER_HZ, which Linux has at 100 on every common architecture.
const clockTick = time.Second / 100

// Tree returns a process and its descendants.
func Tree(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		if f := statFields(pid); len(f) > 1 {
			parent, _ := strconv.Atoi(string(f[1]))
			children[parent] = append(children[parent], pid)
		}
	}
	tree := []int{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i]]...)
	}
	return tree
}

// statFields returns the fields of /proc/PID/stat from the third on: the second
// holds a name that may hold anything.
func statFields(pid int) [][]byte {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
}

// Used returns the CPU time that the processes have used so far. The scheduler's
// nanoseconds of the living threads are preferred to the clock ticks.
func Used(pids []int) CPU {
	var sum CPU
	for _, pid := range pids {
		f := statFields(pid)
		if len(f) < 13 {
			continue
		}
		user, _ := strconv.ParseInt(string(f[11]), 10, 64)
		system, _ := strconv.ParseInt(string(f[12]), 10, 64)
		ticks := time.Duration(user+system) * clockTick
		if exact := onCPU(pid); exact > ticks*9/10 {
			ticks = exact
		}
		sum.Total += ticks
		sum.User += time.Duration(user) * clockTick
	}
	return sum
}

// onCPU sums the first field of each thread's schedstat.
func onCPU(pid int) time.Duration {
	var sum int64
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		first, _, _ := bytes.Cut(b, []byte(" "))
		n, _ := strconv.ParseInt(string(first), 10, 64)
		sum += n
	}
	return time.Duration(sum)
}

// Held returns the memory that the processes hold together.
func Held(pids []int) Memory {
	var sum Memory
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range bytes.Lines(b) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			kib, _ := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			switch string(name) {
			case "RssAnon":
				sum.Anonymous += kib << 10
			case "VmRSS":
				sum.Resident += kib << 10
			}
		}
	}
	return sum
}
