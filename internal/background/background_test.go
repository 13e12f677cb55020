package background

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRun: the work runs alone on a thread of lower priority, with a processor
// more, and nothing of that is left.
func TestRun(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var lane Lane
	before, own := runtime.GOMAXPROCS(0), syscall.Gettid()
	var procs, thread int
	var work *unix.SchedAttr
	var err error
	lane.Run(func() {
		procs, thread = runtime.GOMAXPROCS(0), syscall.Gettid()
		work, err = unix.SchedGetAttr(0, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	usual, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := min(usual.Nice+behind, lowest); work.Nice != want || work.Policy != unix.SCHED_BATCH || usual.Policy == unix.SCHED_BATCH {
		t.Errorf("nice %d of policy %d, the caller %d of %d; want nice %d of policy %d", work.Nice, work.Policy, usual.Nice, usual.Policy, want, unix.SCHED_BATCH)
	}
	if thread == own || procs != before+1 {
		t.Errorf("thread %d of %d with %d processors, want another one with %d", thread, own, procs, before+1)
	}
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS = %d afterwards, want %d", got, before)
	}
}

// TestRunTogether: pieces of work that run at the same time count one by one.
func TestRunTogether(t *testing.T) {
	var told []bool
	lane := Lane{Busy: func(busy bool) { told = append(told, busy) }}
	before := runtime.GOMAXPROCS(0)
	var both, all sync.WaitGroup
	both.Add(2)
	procs := make([]int, 2)
	for i := range procs {
		all.Go(func() {
			lane.Run(func() {
				both.Done()
				both.Wait()
				procs[i] = runtime.GOMAXPROCS(0)
				both.Wait()
			})
		})
	}
	all.Wait()
	if max(procs[0], procs[1]) != before+2 || runtime.GOMAXPROCS(0) != before {
		t.Errorf("GOMAXPROCS = %v, then %d; want up to %d, then %d", procs, runtime.GOMAXPROCS(0), before+2, before)
	}
	if len(told) != 2 || !told[0] || told[1] {
		t.Errorf("Busy was told %v, want once that there is work and once that there is none", told)
	}
}

func TestRunPanics(t *testing.T) {
	var lane Lane
	defer func() {
		if p := recover(); p != "bug" {
			t.Errorf("recover() = %v, want the work's panic", p)
		}
		if lane.running != 0 {
			t.Errorf("%d pieces are counted as running", lane.running)
		}
	}()
	lane.Run(func() { panic("bug") })
}

func TestNilLane(t *testing.T) {
	ran := false
	(*Lane)(nil).Run(func() { ran = true })
	if !ran {
		t.Error("the work did not run")
	}
}

// TestProcess looks at all threads of a process of its own, which makes threads
// meanwhile.
func TestProcess(t *testing.T) {
	if os.Getenv("GATEPOST_TEST_PROCESS") == "" {
		usual, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			cmd := exec.Command(os.Args[0], "-test.run=^TestProcess$")
			cmd.Env = append(os.Environ(), "GATEPOST_TEST_PROCESS="+strconv.Itoa(int(min(usual.Nice+behind, lowest))))
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
		}
		return
	}
	var over atomic.Bool
	var makers sync.WaitGroup
	for range 4 {
		makers.Go(func() {
			for !over.Load() {
				made := make(chan struct{})
				go func() {
					runtime.LockOSThread() // not unlocked: the thread is nobody else's
					close(made)
				}()
				<-made
			}
		})
	}
	Process()
	over.Store(true)
	makers.Wait()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil || len(threads) == 0 {
		t.Fatal(len(threads), err)
	}
	want := os.Getenv("GATEPOST_TEST_PROCESS")
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		has, err := unix.SchedGetAttr(id, 0)
		if err == nil && (strconv.Itoa(int(has.Nice)) != want || has.Policy != unix.SCHED_BATCH) {
			t.Errorf("a thread has nice %d and policy %d, want %s and %d", has.Nice, has.Policy, want, unix.SCHED_BATCH)
		}
	}
}
