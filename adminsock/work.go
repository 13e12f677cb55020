package adminsock

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/adminsock/command"
)

// longWork is from when on `status` tells of a change for which others wait.
const longWork = time.Second

// Stages of long work, as `status` names them.
const (
	stageReading = "reading" // the body, and checking it
	stageHashing = "hashing" // passwords
	stageWaiting = "waiting" // for its turn
	stageStoring = "storing" // all other changes wait
)

// desk knows the long work that is being done.
type desk struct {
	mu    sync.Mutex // guards tasks
	tasks []*task
}

// task is one piece of long work.
type task struct {
	call  *Call
	stage atomic.Pointer[string]
	users atomic.Int64 // read so far
}

func (t *task) is(stage string) { t.stage.Store(&stage) }

// begin notes long work; end forgets it.
func (d *desk) begin(c *Call) *task {
	t := &task{call: c}
	t.is(stageReading)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = append(d.tasks, t)
	return t
}

func (d *desk) end(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = slices.DeleteFunc(d.tasks, func(o *task) bool { return o == t })
}

// working says what takes long at the moment, the oldest first.
func (s *Server) working() []command.Work {
	committer, busy := s.Directory.Work()
	list := []command.Work{}
	s.desk.mu.Lock()
	defer s.desk.mu.Unlock()
	for _, t := range s.desk.tasks {
		w := command.Work{Command: t.call.name(), Actor: t.call.Actor, Request: t.call.Request,
			Since: t.call.start.UTC(), Stage: *t.stage.Load(), Users: t.users.Load()}
		if busy && committer.Cause.Request == t.call.Request {
			w.Stage, w.Waiting, busy = stageStoring, committer.Waiting, false
		}
		list = append(list, w)
	}
	if busy && time.Since(committer.Since) >= longWork {
		c := committer.Cause
		list = append(list, command.Work{Command: c.Command, Actor: c.Actor, Request: c.Request,
			Since: committer.Since.UTC(), Stage: stageStoring, Waiting: committer.Waiting})
	}
	now := time.Now()
	for i := range list {
		list[i].Seconds = int64(now.Sub(list[i].Since) / time.Second)
	}
	slices.SortFunc(list, func(a, b command.Work) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Request, b.Request))
	})
	return list
}
