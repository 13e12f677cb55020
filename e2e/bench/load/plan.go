package load

import (
	"context"
	"errors"
	"net"
	"time"
)

// Dialogue is one connection's side of a protocol.
type Dialogue interface {
	// Open makes the connection ready for requests.
	Open(conn net.Conn) error

	// Request appends the next request to dst.
	Request(dst []byte) []byte

	// Reply looks at what came since the request. It reports whether that is the
	// whole reply; an error says that it is not the right one.
	Reply(got []byte) (whole bool, err error)
}

// Plan is one run.
type Plan struct {
	Network, Address string
	Conns            int
	Dialogue         func(conn int) Dialogue // makes each connection's own
	Rate             float64                 // requests a second; 0: closed loop
	Warmup, Duration time.Duration           // only what begins in Duration is counted
	Seed             uint64                  // of the Poisson process
	Stop             <-chan struct{}         // ends the run before Duration, when it is closed; nil: nothing does

	// Begin and End are called when counting begins and ends, if not nil.
	Begin, End func()
}

// Result is what a run has measured.
type Result struct {
	Requests uint64        // counted, each with its right reply
	Took     time.Duration // from Begin to End
	Latency  Histogram
	Client   time.Duration // CPU time of the client's thread from Begin to End
}

// Throughput returns requests per second.
func (r *Result) Throughput() float64 { return float64(r.Requests) / r.Took.Seconds() }

// Run carries the plan out. It fails when a connection cannot be opened, ends,
// or gets a wrong reply.
func Run(ctx context.Context, p Plan) (*Result, error) {
	if p.Conns < 1 || p.Duration <= 0 {
		return nil, errors.New("load: a plan needs connections and a duration")
	}
	conns, err := dial(ctx, p)
	defer closeAll(conns)
	if err != nil {
		return nil, err
	}
	type outcome struct {
		result *Result
		err    error
	}
	done := make(chan outcome, 1)
	go func() { // ends with the run: the loop looks at ctx
		r, err := run(ctx, p, conns)
		done <- outcome{r, err}
	}()
	o := <-done
	return o.result, o.err
}
