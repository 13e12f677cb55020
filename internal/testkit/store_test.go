package testkit

import (
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
)

func TestStore(t *testing.T) {
	var s Store
	StoreSuite(t, func(*testing.T) directory.Store { return &s })
}
