package delegation

import (
	"time"

	"github.com/gatepost/gatepost/policy"
)

// Hooks are called as the server works, from the goroutines of its connections.
// A nil field is skipped. They must not block.
type Hooks struct {
	// Decision is called for each reply.
	Decision func(s policy.Stage, r policy.RuleID, a policy.Action, took time.Duration)
	// Watched is called for each rule in mode warn or shadow that applied.
	Watched func(s policy.Stage, r policy.RuleID, m policy.Mode)
	// Unknown is called for each fact that a decision had to do without.
	Unknown func(policy.Unknown)
	// Malformed is called for each request that was none.
	Malformed func(Malformation)

	Conns    func(open int) // see serve.Hooks
	Refused  func()         // see serve.Hooks
	Panicked func()         // a decision failed by a bug
}
