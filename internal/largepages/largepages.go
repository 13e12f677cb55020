// Package largepages lets the kernel map in large pages what this process keeps
// in memory for long.
//
// Lookups in a large directory read a few bytes here and there in hundreds of
// megabytes. With pages of 4 KiB each of these reads also misses the processor's
// table of pages, and so do the kernel's own around it; on a virtual machine such
// a miss walks two tables. Go leaves its memory in small pages unless the
// administrator has switched transparent huge pages on for every process, which
// few do. [Collapse] asks for those ranges only that are nearly full already, so
// that next to nothing is added: madvise(2), MADV_COLLAPSE, Linux 6.1. It is a
// hint. Where the kernel has no such thing, where the administrator has said
// "never", or where /proc does not tell, nothing happens.
//
// Measured on a virtual machine with a million users: collapsing takes 30 ms, the
// daemon's memory grows by 5 MB, to 135, and a policy request costs 0.4 µs of 6.9
// less, with a million active users as with 10 000.
package largepages

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	settings = "/sys/kernel/mm/transparent_hugepage/"

	// full is which part of a range must be in memory already: what is missing is
	// added to what the process holds.
	full = 7.0 / 8
)

// Keep calls Collapse now and every so often until ctx ends: what is written
// anew lies in small pages at first.
func Keep(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		_, _ = Collapse() // a hint
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Collapse asks for large pages, and returns how many bytes lie in ranges that
// got one now or had one. It may be called at any time; memory that is being
// collapsed can be used meanwhile.
func Collapse() (collapsed int, err error) {
	size := pageSize()
	if size == 0 {
		return 0, nil
	}
	ranges, err := anonymous()
	if err != nil {
		return 0, err
	}
	present, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return 0, err
	}
	defer func() { _ = present.Close() }()
	entries := make([]byte, int(size)/os.Getpagesize()*entrySize)
	for _, r := range ranges {
		for at := (r.from + size - 1) &^ (size - 1); at+size <= r.to; at += size {
			if _, err := present.ReadAt(entries, int64(at)/int64(os.Getpagesize())*entrySize); err != nil {
				return collapsed, err
			}
			if float64(resident(entries)) >= full*float64(len(entries)/entrySize) && collapse(at, size) {
				collapsed += int(size)
			}
		}
	}
	return collapsed, nil
}

// pageSize returns the size of a large page; 0: there are none to be had.
func pageSize() uintptr {
	enabled, err := os.ReadFile(settings + "enabled")
	if err != nil || bytes.Contains(enabled, []byte("[never]")) {
		return 0
	}
	text, err := os.ReadFile(settings + "hpage_pmd_size")
	if err != nil {
		return 0
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil || size&(size-1) != 0 {
		return 0
	}
	return uintptr(size)
}

// addresses are a range of the process's memory.
type addresses struct{ from, to uintptr }

// anonymous returns the writable private memory that belongs to no file, as
// proc_pid_maps(5) lists it.
func anonymous() ([]addresses, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	var all []addresses
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 || fields[1] != "rw-p" || fields[4] != "0" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		first, err := strconv.ParseUint(from, 16, 64)
		if err != nil {
			return nil, err
		}
		last, err := strconv.ParseUint(to, 16, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, addresses{uintptr(first), uintptr(last)})
	}
	return all, nil
}

// An entry of /proc/PID/pagemap is 64 bits, the highest of which says that the
// page is in memory: proc_pid_pagemap(5).
const (
	entrySize  = 8
	entryThere = 1 << 63
)

func resident(entries []byte) (pages int) {
	for ; len(entries) > 0; entries = entries[entrySize:] {
		if binary.NativeEndian.Uint64(entries)&entryThere != 0 {
			pages++
		}
	}
	return pages
}

func collapse(at, size uintptr) bool {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, at, size, unix.MADV_COLLAPSE)
	return errno == 0
}
