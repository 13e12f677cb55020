package metrics

import (
	"testing"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/policy"
)

func TestRuleCounts(t *testing.T) {
	m := New("x")
	h := m.Delegation(serve.Hooks{})
	for range 2 {
		h.Decision(policy.AtRecipient, policy.RecipientOverQuota, policy.Reject, time.Microsecond)
	}
	h.Decision(policy.AtEndOfMessage, policy.RecipientOverQuota, policy.Reject, time.Microsecond)
	h.Decision(policy.AtEndOfMessage, policy.RecipientOverQuota, policy.Defer, time.Microsecond)
	h.Decision(policy.AtRecipient, policy.NoRule, policy.Pass, time.Microsecond)
	h.Watched(policy.AtRecipient, policy.SenderNotOwner, policy.Shadow)
	h.Watched(policy.AtRecipient, policy.SenderNotOwner, policy.Warn)
	want := adminsock.RuleCounts{
		policy.RecipientOverQuota: {Rejected: 3, Deferred: 1},
		policy.SenderNotOwner:     {Warned: 1, Shadowed: 1},
	}
	if got := m.RuleCounts(); got != want {
		t.Errorf("RuleCounts = %+v, want %+v", got, want)
	}
}
