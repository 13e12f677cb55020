package adminsock

import (
	"context"
	"iter"

	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/policy"
)

// RuleCount is what a rule has done since the start.
type RuleCount struct {
	Rejected, Deferred uint64 // requests that it decided
	Warned, Shadowed   uint64 // requests that it applied to in that mode
}

// RuleCounts has a place for each rule.
type RuleCounts [policy.RuleCount]RuleCount

func (s *Server) rules(context.Context, *Call, *command.RulesInput) (iter.Seq2[command.Rule, error], error) {
	modes, counts := s.Modes(), s.RuleCounts()
	return func(yield func(command.Rule, error) bool) {
		order := 0
		for r := range policy.Rules() {
			order++
			n := counts[r.ID]
			if !yield(command.Rule{
				Order: order, Rule: r.Name, Mode: modes.Of(r.ID).String(), Stages: stagesOf(r.Stages), Applies: r.Doc,
				Rejected: n.Rejected, Deferred: n.Deferred, Warned: n.Warned, Shadowed: n.Shadowed,
			}, nil) {
				return
			}
		}
	}, nil
}

func stagesOf(joined policy.Stage) []string {
	var names []string
	for _, s := range []policy.Stage{policy.AtRecipient, policy.AtEndOfMessage} {
		if joined&s != 0 {
			names = append(names, s.String())
		}
	}
	return names
}
