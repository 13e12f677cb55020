package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

func TestHealthy(t *testing.T) {
	d, _ := testkit.Standard(t)
	h := newHealth(d, d.Refusing)
	if err := errors.Join(h.alive(), h.ready()); err != nil {
		t.Errorf("a healthy daemon says %v", err)
	}
	h.draining.Store(true)
	if err := h.ready(); !errors.Is(err, errDraining) {
		t.Errorf("ready while draining = %v", err)
	}
	if err := h.alive(); err != nil {
		t.Errorf("alive while draining = %v", err)
	}
}

// addDomain changes something.
func addDomain(d *directory.Directory, name string) error {
	_, err := d.Update(context.Background(), directory.Cause{}, func(tx *directory.Tx) error {
		return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain(name), Quota: directory.InheritLimit})
	})
	return err
}

// When the outcome of a commit is unknown no change is taken any more, and a
// load balancer hears of it; but the process does its work.
func TestReadOnlyIsNotReady(t *testing.T) {
	s := &testkit.Store{Fail: func(*directory.Batch) error { return directory.ErrUnknown }}
	d := testkit.Open(t, s, &quota.Ledger{})
	if err := addDomain(d, "example.test"); !errors.Is(err, directory.ErrUnknown) {
		t.Fatalf("Update = %v", err)
	}
	h := newHealth(d, d.Refusing)
	if err := h.ready(); err == nil {
		t.Error("ready although no change is taken")
	}
	if err := h.alive(); err != nil {
		t.Errorf("alive = %v", err)
	}
}

// A store that hangs is found; asking does not pile up goroutines.
func TestStuckIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		s := &testkit.Store{Fail: func(*directory.Batch) error { <-hang; return nil }}
		d := testkit.Open(t, s, &quota.Ledger{})
		go addDomain(d, "example.test")
		synctest.Wait()
		h := newHealth(d, d.Refusing)
		for range 3 {
			if err := h.alive(); !errors.Is(err, errStuck) {
				t.Errorf("alive with a store that hangs = %v", err)
			}
		}
		close(hang)
		synctest.Wait()
		if err := h.alive(); err != nil {
			t.Errorf("alive after that = %v", err)
		}
	})
}
