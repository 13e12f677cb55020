package daemon

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/serve"
)

// listener is an open place and the door that answers there.
type listener struct {
	door config.Door
	net.Listener
}

// inherited returns the sockets that systemd passed (sd_listen_fds(3)). Their
// names are doors. The environment that announces them is cleared.
func inherited() ([]listener, error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("take the sockets of systemd: %w", err)
	}
	var all []listener
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		door := config.Door(name)
		if !slices.Contains(config.Doors(), door) {
			unknown = append(unknown, name)
		}
		for _, l := range named[name] {
			all = append(all, listener{door, l})
		}
	}
	if unknown != nil {
		closeAll(all)
		return nil, fmt.Errorf("systemd passed sockets that are named after no door: %s (FileDescriptorName= is one of %v)",
			strings.Join(unknown, ", "), config.Doors())
	}
	return all, nil
}

// taken returns which listeners of a configuration the passed sockets stand
// for: the default of the same door, and the same door at the same address.
func taken(passed []listener) func(config.Listener) bool {
	return func(l config.Listener) bool {
		return slices.ContainsFunc(passed, func(p listener) bool {
			return p.door == l.Door && (l.Default || addressOf(p) == l.Address.String())
		})
	}
}

// listen opens every place of the configuration, or none.
func listen(c *config.Config, r *config.Resolved) ([]listener, error) {
	var all []listener
	for i, place := range c.Listen {
		l, err := serve.Listen(place.Address.String(), r.Sockets[i])
		if err != nil {
			closeAll(all)
			return nil, fmt.Errorf("open the door %s: %w", place.Door, err)
		}
		all = append(all, listener{place.Door, l})
	}
	return all, nil
}

func closeAll(all []listener) {
	for _, l := range all {
		_ = l.Close() // nothing was accepted there
	}
}
