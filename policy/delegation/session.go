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

	request  policy.Request
	instance []byte
	facts    policy.Facts
	recalled []byte // remembered recipients
	reply    []byte
}

// Answer decides about the request that was decoded.
func (s *session) Answer(b []byte) ([]byte, error) {
	now := time.Now()
	s.read(b, now)
	d, err := s.decide()
	s.tell(d, now)
	s.rest()
	s.reply = append(s.reply[:0], "action="...)
	s.reply = append(s.reply, d.Reply.String()...)
	s.reply = append(s.reply, "\n\n"...)
	return s.reply, err
}

// read takes the request apart.
func (s *session) read(b []byte, now time.Time) {
	s.instance = s.value(b, attrInstance)
	s.request = policy.Request{
		Stage:      stage(s.value(b, attrState)),
		Now:        now,
		Size:       parseSize(s.value(b, attrSize)),
		Login:      s.value(b, attrLogin),
		Sender:     s.value(b, attrSender),
		Recipients: s.request.Recipients[:0],
	}
	recipient := s.value(b, attrRecipient)
	if len(recipient) > 0 || s.request.Stage == policy.AtRecipient {
		s.request.Recipients = append(s.request.Recipients, recipient)
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
func (s *session) decide() (d policy.Decision, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			d, err = s.failed(cause)
		}
	}()
	switch s.request.Stage {
	case policy.AtRecipient:
		return s.atRecipient(), nil
	case policy.AtEndOfMessage:
		return s.atEndOfMessage(), nil
	}
	s.facts.Unknown = 0
	return policy.Decision{}, nil
}

func (s *session) failed(cause any) (policy.Decision, error) {
	s.facts.Release()
	s.server.log.Error("policy decision panicked", "err", cause, "stack", string(debug.Stack()))
	if s.server.Hooks.Panicked != nil {
		s.server.Hooks.Panicked()
	}
	return policy.Failed(), fmt.Errorf("panic: %v", cause)
}

// atRecipient decides about one recipient, and remembers it for the end.
func (s *session) atRecipient() policy.Decision {
	d := s.ask()
	if !d.Action.Refuses() && len(s.instance) > 0 {
		s.server.messages.remember(s.instance, s.request.Recipients[0], s.request.Now)
	}
	return d
}

// atEndOfMessage decides about the message as a whole.
func (s *session) atEndOfMessage() policy.Decision {
	s.request.Reserve = true
	if len(s.request.Recipients) == 0 {
		s.recall()
	}
	d := s.ask()
	if d.Action.Refuses() {
		s.facts.Release()
	} else if len(s.instance) > 0 {
		s.server.messages.forget(s.instance)
	}
	return d
}

// recall puts the remembered recipients into the request.
func (s *session) recall() {
	if len(s.instance) == 0 {
		return
	}
	recalled, all := s.server.messages.recall(s.recalled[:0], s.instance, s.request.Now)
	s.recalled, s.request.Partial = recalled, !all
	for rest := recalled; len(rest) > 0; {
		var recipient []byte
		recipient, rest = cutRecipient(rest)
		s.request.Recipients = append(s.request.Recipients, recipient)
	}
}

func (s *session) ask() policy.Decision {
	err := policy.Gather(s.server.Directory.View(), s.server.Ledger, &s.request, &s.facts)
	if err != nil {
		s.server.log.Warn("policy decision failed", "err", err)
		return policy.Failed()
	}
	return policy.Decide(&s.facts, s.server.Modes.Load())
}

// rest gives back what a large message needed.
func (s *session) rest() {
	if cap(s.recalled) > keptRecall {
		s.recalled = nil
	}
	clear(s.request.Recipients)
	if cap(s.request.Recipients) > keptRecipients {
		s.request.Recipients = nil
	}
}

// tell calls the hooks and writes the log.
func (s *session) tell(d policy.Decision, start time.Time) {
	took := time.Since(start)
	if h := s.server.Hooks.Decision; h != nil {
		h(s.request.Stage, d.Rule, d.Action, took)
	}
	if d.Warned|d.Shadow != 0 {
		s.tellWatched(d)
	}
	if h := s.server.Hooks.Unknown; h != nil && s.facts.Unknown != 0 {
		for u := range policy.UnknownCount {
			if s.facts.Unknown.Has(u) {
				h(u)
			}
		}
	}
	s.logDecision(d, took)
}

func (s *session) tellWatched(d policy.Decision) {
	h := s.server.Hooks.Watched
	if h == nil {
		return
	}
	for r := policy.NoRule + 1; r < policy.RuleCount; r++ {
		if d.Warned.Has(r) {
			h(s.request.Stage, r, policy.Warn)
		}
		if d.Shadow.Has(r) {
			h(s.request.Stage, r, policy.Shadow)
		}
	}
}

// logDecision writes a line when its level is wanted: attributes allocate even
// when they are dropped.
func (s *session) logDecision(d policy.Decision, took time.Duration) {
	level, message := slog.LevelDebug, "mail passed"
	switch {
	case d.Action.Refuses():
		level, message = slog.LevelInfo, "mail refused"
	case d.Action == policy.Warned:
		level, message = slog.LevelWarn, "mail passed although a rule applies"
	}
	if !s.server.log.Enabled(s.ctx, level) {
		return
	}
	recipient := ""
	if len(s.request.Recipients) > 0 {
		recipient = shown(s.request.Recipients[0])
	}
	s.server.log.LogAttrs(s.ctx, level, message,
		slog.String("stage", s.request.Stage.String()),
		slog.String("rule", d.Rule.String()), slog.String("action", d.Action.String()),
		slog.String("user", shown(s.request.Login)), slog.String("sender", shown(s.request.Sender)),
		slog.String("recipient", recipient), slog.Duration("took", took))
}

// shown cuts what a client sent to what a log line may hold.
func shown(b []byte) string { return string(b[:min(len(b), 256)]) }
