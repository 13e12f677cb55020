package policy_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy"
)

func TestNoAllocation(t *testing.T) {
	recipients := func(to ...string) (all [][]byte) {
		for _, r := range to {
			all = append(all, []byte(at(r)))
		}
		return all
	}
	tests := []struct {
		name string
		req  policy.Request
		to   []string
	}{
		{"from outside", sized(10), []string{"alice"}},
		{"refused", sized(0), []string{"disabled"}},
		{"full", sized(0), []string{"full"}},
		{"alias", sized(0), []string{"nested"}},
		{"submission", from("alice"), []string{"bob"}},
		{"local-only outside", from("localonly"), []string{"outside"}},
		{"sends as an alias", policy.Request{Stage: policy.AtRecipient, Login: []byte("bob@example.test"), Sender: []byte("nested@example.test")}, []string{"alice"}},
		{"at the end", policy.Request{Stage: policy.AtEndOfMessage, Size: 10, Reserve: true}, []string{"busy", "full", "team"}},
		{"unreadable recipient", sized(0), []string{"\xff@example.test"}},
	}
	h := open(t)
	m := modes(t, map[string]string{"sender-disabled": "shadow"}, 452)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Now, tt.req.Recipients = testkit.Noon, recipients(tt.to...)
			allocs := testing.AllocsPerRun(100, func() {
				if err := policy.Gather(h.View(), h.ledger, &tt.req, &h.facts); err != nil {
					t.Fatal(err)
				}
				policy.Decide(&h.facts, m)
				h.facts.Release()
			})
			if allocs != 0 {
				t.Errorf("%v allocations per decision, want 0", allocs)
			}
		})
	}
}

// An alias that was written under another recipient_delimiter can lead back to
// itself. That is gatepost's trouble, and nothing stays reserved.
func TestExpansionError(t *testing.T) {
	h := open(t)
	testkit.Update(t, h.Directory, func(tx *directory.Tx) error {
		return tx.CreateAlias(directory.AliasFields{
			Address: testkit.Addr("loop@other.test"), Targets: []mailaddr.Addr{testkit.Addr("loop-x@other.test")},
		})
	})
	h.Configure(directory.Settings{Delimiters: "-"})
	req := policy.Request{Stage: policy.AtEndOfMessage, Now: testkit.Noon, Size: 10, Reserve: true,
		Recipients: [][]byte{[]byte("busy@example.test"), []byte("loop@other.test")}}
	if err := policy.Gather(h.View(), h.ledger, &req, &h.facts); !errors.Is(err, directory.ErrExpansion) {
		t.Errorf("Gather = %v, want %v", err, directory.ErrExpansion)
	}
	if got := h.ledger.Flight(h.View().User(key("busy@example.test")).Mailbox(), testkit.Noon); got != 0 {
		t.Errorf("%d bytes stay reserved", got)
	}
	req = from("alice")
	req.Sender = []byte("loop@other.test")
	if err := policy.Gather(h.View(), h.ledger, &req, &h.facts); !errors.Is(err, directory.ErrExpansion) {
		t.Errorf("Gather of the sender = %v, want %v", err, directory.ErrExpansion)
	}
}

// BenchmarkDecide asks about users chosen at random: at RCPT from outside, and
// from one user to another.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("users=%d", n), func(b *testing.B) {
			d, l := doortest.Crowd(b, n)
			b.Run("outside", func(b *testing.B) { benchmark(b, d, l, n, false) })
			b.Run("submission", func(b *testing.B) { benchmark(b, d, l, n, true) })
		})
	}
}

func benchmark(b *testing.B, d *directory.Directory, l *quota.Ledger, n int, login bool) {
	addresses := make([][]byte, 1<<16)
	for i := range addresses {
		addresses[i] = fmt.Appendf(nil, "user%d@example.test", rand.IntN(n))
	}
	var f policy.Facts
	m := &policy.Modes{}
	req := policy.Request{Stage: policy.AtRecipient, Now: testkit.Noon, Size: 1000, Recipients: make([][]byte, 1)}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		req.Recipients[0] = addresses[i%len(addresses)]
		if login {
			req.Login = addresses[(i+1)%len(addresses)]
			req.Sender = req.Login
		}
		if err := policy.Gather(d.View(), l, &req, &f); err != nil {
			b.Fatal(err)
		}
		if got := policy.Decide(&f, m); got.Reply != policy.Dunno {
			b.Fatalf("decision %v", got.Reply)
		}
	}
}
