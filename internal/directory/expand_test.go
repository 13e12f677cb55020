package directory_test

import (
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/testkit"
)

func TestExpand(t *testing.T) {
	d, _ := testkit.Standard(t)
	for _, c := range []struct {
		address string
		want    []string
	}{
		{"alice@example.test", []string{"alice@example.test"}},
		{"alice+x@example.test", []string{"alice@example.test"}},
		{"al@example.test", []string{"alice@example.test"}},
		{"team@example.test", []string{"alice@example.test", "bob@example.test"}},
		{"nested@example.test", []string{"alice@example.test", "bob@example.test", "x@elsewhere.test"}},
		{"nested+detail@example.test", []string{"alice@example.test", "bob@example.test", "x@elsewhere.test"}},
		{"forward@example.test", []string{"bob@example.test"}},
		{"keep@example.test", []string{"keep@example.test", "bob@example.test"}},
		{"anything@other.test", []string{"carol@other.test"}},
		{"nobody@example.test", []string{"nobody@example.test"}},
		{"x@elsewhere.test", []string{"x@elsewhere.test"}},
	} {
		key := mailaddr.KeyOf(testkit.Addr(c.address))
		targets, err := d.View().Expand(nil, key)
		if err != nil {
			t.Errorf("Expand(%s): %v", c.address, err)
		}
		var got []string
		for _, to := range targets {
			got = append(got, string(to.Address))
			if to.User.Exists() && string(to.User.Address()) != string(to.Address) {
				t.Errorf("Expand(%s): target %s with user %s", c.address, to.Address, to.User.Address())
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("Expand(%s) = %v, want %v", c.address, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("Expand(%s) = %v, want %v", c.address, got, c.want)
			}
		}
		buf := make([]directory.Target, 0, 16)
		if n := testing.AllocsPerRun(100, func() { _, _ = d.View().Expand(buf, key) }); n != 0 {
			t.Errorf("Expand(%s): %v allocations, want 0", c.address, n)
		}
	}
}
