// Package background runs long work behind everything else: the checking of a
// million users must not delay a single answer.
//
// Go has no priorities among goroutines: one that computes holds a processor for
// up to 10 ms, and pausing it now and then only spreads the delay (measured with
// 10 000 policy requests a second on two processors: p90 2 to 20 times that of a
// quiet time, whatever the pauses). The kernel has them among threads. So the
// work gets a thread of its own that asks for long turns and a lower share, and
// Go one processor more for as long as it takes: whoever answers is woken on a
// processor that the kernel takes from the work at once. Measured so on an idle
// machine, while a million users are added: p50 0.9 to 1.1 times, p90 1.1 to 1.4
// times that of a quiet time, while the work gets all that is left.
//
// Neither the share nor the turns should go to the limit. A garbage collection
// waits for every thread, and everybody for it; where other programs take all
// processors, a thread with the lowest priority keeps it waiting for 30 ms and
// more, and one with turns of 100 ms, whose next one comes that much later, makes
// p99 110 to 160 ms where it is 45 to 55 with turns of 10 ms.
//
// The work should not hold a lock that answers wait for, and not call for long
// what the Go runtime cannot interrupt (one copy or hash of many megabytes): a
// garbage collection makes everybody wait for that too.
//
// A thread may always lower its own priority (sched_setattr(2)), unless a system
// call filter forbids it; then the work runs with the usual one.
package background

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// behind is by how much the nice value of the work is higher than that of the
	// process: a third of its share, where both want to run.
	behind = 5

	// lowest is the highest nice value that there is.
	lowest = 19

	// slice is for how long the work wants to run at a time. Since Linux 6.12 a
	// thread that is woken takes the processor at once from one with a longer
	// slice (sched(7), sched_setattr(2)); otherwise it waits for a millisecond or
	// two until that has had its turn. The usual slice is 3 ms at most.
	slice = 10 * time.Millisecond
)

// Lane runs work in the background. A process needs one; the zero Lane is ready,
// and a nil one runs the work in its caller's goroutine. Its methods may be
// called from any goroutine.
type Lane struct {
	// Busy is told when there is work and when there is none any more, if it is
	// not nil. It must not change once Run was called.
	Busy func(bool)

	mu      sync.Mutex // guards the fields below, and GOMAXPROCS
	running int        // pieces of work
	before  int        // GOMAXPROCS while none is running
}

// Run runs work on a thread of its own and returns when it is done. A panic of
// the work is the caller's.
func (l *Lane) Run(work func()) {
	if l == nil {
		work()
		return
	}
	l.enter()
	defer l.leave()
	done := make(chan struct{})
	var panicked any
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		// It is not unlocked: the thread ends with the goroutine, and nobody
		// inherits its priority.
		runtime.LockOSThread()
		stepBehind()
		work()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
}

// Process puts the whole process behind others: all threads that there are, and
// by inheritance those to come. It is for a program that nobody waits for as they
// wait for the daemon's answers; it is called once.
func Process() {
	attr, err := lowered()
	for again := err == nil; again; { // a thread may have made another before its own turn came
		again = false
		threads, _ := os.ReadDir("/proc/self/task")
		for _, thread := range threads {
			id, _ := strconv.Atoi(thread.Name())
			has, err := unix.SchedGetAttr(id, 0)
			if err == nil && (has.Policy != attr.Policy || has.Nice != attr.Nice) {
				again = unix.SchedSetAttr(id, attr, 0) == nil || again
			}
		}
	}
}

// self is the calling thread.
const self = 0

// stepBehind lowers the priority of the calling thread, if that is allowed.
func stepBehind() {
	if attr, err := lowered(); err == nil {
		_ = unix.SchedSetAttr(self, attr, 0)
	}
}

// lowered returns what the calling thread has, with a lower priority.
func lowered() (*unix.SchedAttr, error) {
	attr, err := unix.SchedGetAttr(self, 0)
	if err != nil {
		return nil, err
	}
	attr.Policy, attr.Nice, attr.Runtime = unix.SCHED_BATCH, min(attr.Nice+behind, lowest), uint64(slice)
	return attr, nil
}

// enter gives Go a processor for one more piece of work.
func (l *Lane) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running == 0 {
		l.before = runtime.GOMAXPROCS(0)
		l.tell(true)
	}
	l.running++
	runtime.GOMAXPROCS(l.before + l.running)
}

// leave takes it back. When none is left the runtime is to follow the limits of
// its control group again, as it does where nobody has set GOMAXPROCS.
func (l *Lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if l.running == 0 {
		l.tell(false)
	}
	if l.running == 0 && os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS()
		return
	}
	runtime.GOMAXPROCS(l.before + l.running)
}

func (l *Lane) tell(busy bool) {
	if l.Busy != nil {
		l.Busy(busy)
	}
}
