package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// holdSyncs holds every fdatasync of this process from now on, in all of its
// threads, before the kernel has done anything of it: seccomp(2) asks a listener
// what is to become of it, and nobody listens. Only kill -9 ends the wait. So a
// frame of the journal that is written now stays in the page cache. A sync that
// has begun goes on: the kernel ends it even when the process is killed.
func holdSyncs() error {
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FDATASYNC, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // the privileges belong to a thread; the filter goes to all
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil // the listener stays open: without it the calls would fail
}

// unsynced reports whether the page cache has something of the journal's last
// segment that the disk does not have: cachestat(2), Linux 6.5.
func unsynced(dir string) (bool, error) {
	list, err := filepath.Glob(filepath.Join(dir, "journal", "*.journal"))
	if err != nil || len(list) == 0 {
		return false, err
	}
	file, err := os.Open(list[len(list)-1])
	if err != nil {
		return false, err
	}
	defer file.Close()
	var pages unix.Cachestat_t
	if err := unix.Cachestat(uint(file.Fd()), &unix.CachestatRange{}, &pages, 0); err != nil {
		return false, fmt.Errorf("cachestat: %w", err)
	}
	return pages.Dirty+pages.Writeback > 0, nil
}
