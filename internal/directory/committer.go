package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gatepost/gatepost/internal/bytesize"
)

// maxBatch is how many commands become durable together at most.
const maxBatch = 512

// ErrClosed refuses a change after Close.
var ErrClosed = &Error{Code: CodeReadOnly, Detail: "gatepost is shutting down"}

type request struct {
	ctx   context.Context
	cause Cause
	fn    func(*Tx) error
	large bool
	done  chan outcome // gets exactly one
}

type outcome struct {
	revision Revision
	err      error
}

// Update runs fn over the directory and makes what it changed durable and
// visible, all of it or nothing. It returns the revision of the change once the
// next request obeys it. fn runs alone, in the committer's goroutine; it must
// not block, and may be run again. When fn fails, nothing has changed and its
// error is returned. ctx counts only until the committer begins: a caller that
// gives up later does not undo the change.
//
// ErrReadOnly says that nothing was stored, ErrUnknown that it may have been.
func (d *Directory) Update(ctx context.Context, c Cause, fn func(*Tx) error) (Revision, error) {
	return d.update(&request{ctx: ctx, cause: c, fn: fn, done: make(chan outcome, 1)})
}

// UpdateMany is Update for a change of very many names. Other changes wait for
// it, and [Directory.Work] tells of it; those who ask are not disturbed, because
// it runs behind them. It is alone in what becomes durable together: fn sees what
// is committed, and may take its time.
func (d *Directory) UpdateMany(ctx context.Context, c Cause, fn func(*Tx) error) (Revision, error) {
	return d.update(&request{ctx: ctx, cause: c, fn: fn, large: true, done: make(chan outcome, 1)})
}

func (d *Directory) update(r *request) (Revision, error) {
	select {
	case <-d.stop:
		return 0, ErrClosed
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	case d.queue <- r:
	}
	select {
	case o := <-r.done:
		return o.revision, o.err
	case <-d.done: // the committer ended; it may have answered just before
	}
	select {
	case o := <-r.done:
		return o.revision, o.err
	default:
		return 0, ErrClosed
	}
}

// commit is the committer: it ends when Close is called and what it has begun
// is done.
func (d *Directory) commit() {
	defer close(d.done)
	for {
		select {
		case <-d.stop:
			return
		case first := <-d.queue:
			d.serve(d.waiting(first))
		}
		if r := d.next; r != nil {
			d.next = nil
			d.serve([]*request{r})
		}
	}
}

// waiting returns the request and those that wait behind it. A large one is
// alone: what becomes durable together must fit into one piece of the store's,
// and a change that replaces everything must see what is committed.
//
// Those who were answered just now may be about to ask again: they get a turn of
// the processor for as long as that brings somebody. Alone, it costs nothing.
func (d *Directory) waiting(first *request) []*request {
	batch := []*request{first}
	for yielded := false; !first.large && len(batch) < maxBatch; {
		select {
		case r := <-d.queue:
			if r.large {
				d.next = r
				return batch
			}
			batch = append(batch, r)
			yielded = false
		default:
			if yielded {
				return batch
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return batch
}

// serve runs the requests as one batch, a large one behind those who ask, and
// answers them.
func (d *Directory) serve(requests []*request) {
	first := requests[0]
	d.work.Store(&Work{Cause: first.cause, Since: d.now(), Commands: len(requests)})
	var outcomes []outcome
	if first.large {
		d.lane.Run(func() { outcomes = d.batch(requests) })
	} else {
		outcomes = d.batch(requests)
	}
	d.work.Store(nil)
	for i, r := range requests {
		r.done <- outcomes[i]
	}
}

// batch runs the requests and commits what they changed. When the commit fails
// everyone hears of it, also who only saw what it would have changed.
func (d *Directory) batch(requests []*request) []outcome {
	b := &Batch{}
	layer := newLayer()
	outcomes := make([]outcome, len(requests))
	for i, r := range requests {
		outcomes[i] = d.run(r, b, layer)
	}
	if len(b.Entries) == 0 {
		return outcomes
	}
	if err := d.persist(b, layer); err != nil {
		for i := range outcomes {
			outcomes[i] = outcome{0, err}
		}
		return outcomes
	}
	if b.Restores() {
		d.replace(b, layer)
	} else {
		d.apply(b)
	}
	return outcomes
}

// run runs one request over the layer and adds what it changed to the batch.
func (d *Directory) run(r *request, b *Batch, l *layer) outcome {
	if err := d.Refusing(); err != nil {
		return outcome{0, err}
	}
	if err := r.ctx.Err(); err != nil {
		return outcome{0, err}
	}
	last := d.Revision()
	if len(b.Entries) > 0 {
		last = b.Revision()
	}
	tx := &Tx{d: d, ctx: context.WithoutCancel(r.ctx), below: l, own: newLayer(), revision: last + 1, now: d.now()}
	if err := d.call(r, tx); err != nil {
		return outcome{0, err}
	}
	e := Entry{Revision: tx.revision, Time: tx.now, Cause: r.cause, Changes: tx.own.changes(tx), Users: tx.own.crowd(), Restores: tx.restores}
	if e.Len() == 0 {
		return outcome{last, nil}
	}
	if n := e.size(); n > MaxEntry {
		return outcome{0, &Error{Code: CodeTooLarge, Detail: fmt.Sprintf("a change of %s is too large to be stored at once: the limit is %s", bytesize.Size(n), bytesize.Size(MaxEntry))}}
	}
	l.merge(tx.own)
	b.Entries = append(b.Entries, e)
	return outcome{tx.revision, nil}
}

// call runs the function. A panic is a bug of ours: it fails this command only.
func (d *Directory) call(r *request, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("command panicked", "command", r.cause.Command, "err", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	if err := r.fn(tx); err != nil {
		return err
	}
	return tx.finish()
}

// persist commits the batch. An unknown outcome ends all writing: the next start
// finds out what is durable.
func (d *Directory) persist(b *Batch, l *layer) error {
	records := int64(l.added)
	counts := &d.memory.Load().counts
	for k := range counts {
		records += counts[k].Load()
	}
	b.Records = uint64(records)
	start := time.Now()
	err := d.store.Commit(context.Background(), b)
	if d.hooks.Committed != nil {
		d.hooks.Committed(len(b.Entries), time.Since(start), err)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnknown):
		d.refusing.Store(&Error{Code: CodeReadOnly, Detail: "an earlier change may or may not be stored; restart gatepost to find out", Err: err})
		d.log.Error("the outcome of a change is unknown, no further change is taken", "err", err)
	default:
		d.log.Error("a change was not stored", "err", err)
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	return &Error{Code: CodeReadOnly, Detail: "the change was not stored", Err: err}
}

// apply publishes a durable batch, what is pointed at before what points at it.
func (d *Directory) apply(b *Batch) {
	for _, entry := range b.Entries {
		d.publishAll(&entry)
	}
	d.revision.Store(uint64(b.Revision()))
}

// publishAll publishes new domains, users, what points at users, aliases; then
// what is deleted.
func (d *Directory) publishAll(e *Entry) {
	var there [kindEnd + 1]bool
	for c := range e.All() {
		there[rank(c)] = true
	}
	for r, wanted := range there {
		if !wanted {
			continue
		}
		for c := range e.All() {
			if int(rank(c)) == r {
				d.publish(c.Key, c.Value)
			}
		}
	}
}

// rank says when a change is published.
func rank(c Change) Kind {
	if c.Value == nil {
		return kindEnd
	}
	return Kind(c.Value[1])
}
