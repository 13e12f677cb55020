package process

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"
)

// Pin binds every thread of the processes to one CPU: with one connection and
// two of them, what is measured is how long a sleeping CPU takes to wake.
func Pin(pids []int, cpu uint) error { return setAffinity(pids, 1<<cpu) }

// Unpin lets them run anywhere.
func Unpin(pids []int) error { return setAffinity(pids, ^uint64(0)) }

func setAffinity(pids []int, mask uint64) error {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		for _, name := range tasks {
			tid, _ := strconv.Atoi(filepath.Base(name))
			_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(tid),
				unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
			if errno != 0 && !errors.Is(errno, syscall.ESRCH) {
				return fmt.Errorf("pin thread %d: %w", tid, errno)
			}
		}
	}
	return nil
}
