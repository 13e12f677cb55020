package delegation

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/gatepost/gatepost/policy"
)

const (
	keptRecall     = 16 << 10 // bytes of remembered recipients that a connection keeps room for
	keptRecipients = 100
)

// session is one connection.
type session struct {
	decoder
	server *Server
	ctx    context.Context
}

// question is what a decision works with. It is not kept with a connection: most
// of them ask nothing most of the time, and what was used a moment ago for
// another one is still near to the processor (measured with 1000 connections: 15 %
// less for a decision).
type question struct {
	server   *Server
	ctx      context.Context
	request  policy.Request
	instance []byte
	facts    policy.Facts
	recalled []byte // remembered recipients
}

// Answer decides about the request that was decoded.
func (s *session) Answer(b []byte) ([]byte, error) {
	d, err := s.decide(b)
	return s.server.replies[d.Reply], err
}

func (s *session) decide(b []byte) (policy.Decision, error) {
	q := s.server.questions.Get().(*question)
	defer s.server.questions.Put(q)
	now := time.Now()
	q.ctx = s.ctx
	q.read(&s.decoder, b, now)
	d, err := q.decide()
	q.tell(d, now)
	q.rest()
	return d, err
}

// read takes the request apart.
func (q *question) read(d *decoder, b []byte, now time.Time) {
	q.instance = d.value(b, attrInstance)
	q.request = policy.Request{
		Stage:      stage(d.value(b, attrState)),
		Now:        now,
		Size:       parseSize(d.value(b, attrSize)),
		Login:      d.value(b, attrLogin),
		Sender:     d.value(b, attrSender),
		Recipients: q.request.Recipients[:0],
	}
	recipient := d.value(b, attrRecipient)
	if len(recipient) > 0 || q.request.Stage == policy.AtRecipient {
		q.request.Recipients = append(q.request.Recipients, recipient)
	}
}

func stage(state []byte) policy.Stage {
	switch string(state) {
	case "RCPT":
		return policy.AtRecipient
	case "END-OF-MESSAGE":
		return policy.AtEndOfMessage
	}
	return policy.OtherStage
}

// decide asks the rules. A panic is a bug of ours: the mail is deferred and the
// connection ends.
func (q *question) decide() (d policy.Decision, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			d, err = q.failed(cause)
		}
	}()
	switch q.request.Stage {
	case policy.AtRecipient:
		return q.atRecipient(), nil
	case policy.AtEndOfMessage:
		return q.atEndOfMessage(), nil
	}
	q.facts.Unknown = 0
	return policy.Decision{}, nil
}

func (q *question) failed(cause any) (policy.Decision, error) {
	q.facts.Release()
	q.server.log.Error("policy decision panicked", "err", cause, "stack", string(debug.Stack()))
	if q.server.Hooks.Panicked != nil {
		q.server.Hooks.Panicked()
	}
	return policy.Failed(), fmt.Errorf("panic: %v", cause)
}

// atRecipient decides about one recipient, and remembers it for the end.
func (q *question) atRecipient() policy.Decision {
	d := q.ask()
	if !d.Action.Refuses() && len(q.instance) > 0 {
		q.server.messages.remember(q.instance, q.request.Recipients[0], q.request.Now)
	}
	return d
}

// atEndOfMessage decides about the message as a whole.
func (q *question) atEndOfMessage() policy.Decision {
	q.request.Reserve = true
	if len(q.request.Recipients) == 0 {
		q.recall()
	}
	d := q.ask()
	if d.Action.Refuses() {
		q.facts.Release()
	} else if len(q.instance) > 0 {
		q.server.messages.forget(q.instance)
	}
	return d
}

// recall puts the remembered recipients into the request.
func (q *question) recall() {
	if len(q.instance) == 0 {
		return
	}
	recalled, all := q.server.messages.recall(q.recalled[:0], q.instance, q.request.Now)
	q.recalled, q.request.Partial = recalled, !all
	for rest := recalled; len(rest) > 0; {
		var recipient []byte
		recipient, rest = cutRecipient(rest)
		q.request.Recipients = append(q.request.Recipients, recipient)
	}
}

func (q *question) ask() policy.Decision {
	err := policy.Gather(q.server.Directory.View(), q.server.Ledger, &q.request, &q.facts)
	if err != nil {
		q.server.log.Warn("policy decision failed", "err", err)
		return policy.Failed()
	}
	return policy.Decide(&q.facts, q.server.Modes.Load())
}

// rest forgets what belongs to the connection, and gives back what a large
// message needed.
func (q *question) rest() {
	if cap(q.recalled) > keptRecall {
		q.recalled = nil
	}
	clear(q.request.Recipients)
	q.ctx, q.instance, q.request.Login, q.request.Sender = nil, nil, nil, nil
	if cap(q.request.Recipients) > keptRecipients {
		q.request.Recipients = nil
	}
}

// tell calls the hooks and writes the log.
func (q *question) tell(d policy.Decision, start time.Time) {
	took := time.Since(start)
	if h := q.server.Hooks.Decision; h != nil {
		h(q.request.Stage, d.Rule, d.Action, took)
	}
	if d.Warned|d.Shadow != 0 {
		q.tellWatched(d)
	}
	if h := q.server.Hooks.Unknown; h != nil && q.facts.Unknown != 0 {
		for u := range policy.UnknownCount {
			if q.facts.Unknown.Has(u) {
				h(u)
			}
		}
	}
	level, message := slog.LevelDebug, "mail passed"
	switch {
	case d.Action.Refuses():
		level, message = slog.LevelInfo, "mail refused"
	case d.Action == policy.Warned:
		level, message = slog.LevelWarn, "mail passed although a rule applies"
	}
	if q.server.log.Enabled(q.ctx, level) {
		q.logDecision(d, took, level, message)
	}
}

func (q *question) tellWatched(d policy.Decision) {
	h := q.server.Hooks.Watched
	if h == nil {
		return
	}
	for r := policy.NoRule + 1; r < policy.RuleCount; r++ {
		if d.Warned.Has(r) {
			h(q.request.Stage, r, policy.Warn)
		}
		if d.Shadow.Has(r) {
			h(q.request.Stage, r, policy.Shadow)
		}
	}
}

// logDecision writes a line. It is called only when the line is wanted:
// attributes allocate even when they are dropped.
func (q *question) logDecision(d policy.Decision, took time.Duration, level slog.Level, message string) {
	recipient := ""
	if len(q.request.Recipients) > 0 {
		recipient = shown(q.request.Recipients[0])
	}
	q.server.log.LogAttrs(q.ctx, level, message,
		slog.String("stage", q.request.Stage.String()),
		slog.String("rule", d.Rule.String()), slog.String("action", d.Action.String()),
		slog.String("user", shown(q.request.Login)), slog.String("sender", shown(q.request.Sender)),
		slog.String("recipient", recipient),
		slog.String("request", shown(q.instance)), slog.Duration("took", took))
}

// shown cuts what a client sent to what a log line may hold.
func shown(b []byte) string { return string(b[:min(len(b), 256)]) }
