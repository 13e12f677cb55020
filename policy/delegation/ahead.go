package delegation

import (
	"bytes"

	"github.com/gatepost/gatepost/internal/exchange"
)

// ahead prepares what the next answers of an event loop look up, for all of them
// together.
type ahead struct {
	server    *Server
	names     [][]byte
	instances [][]byte
}

func (a *ahead) prefetch(asked []exchange.Asked[*session]) {
	for _, q := range asked {
		login, sender := q.Peer.value(q.Request, attrLogin), q.Peer.value(q.Request, attrSender)
		a.names = append(a.names, login, q.Peer.value(q.Request, attrRecipient))
		if len(login) > 0 && !bytes.Equal(login, sender) {
			a.names = append(a.names, sender)
		}
		a.instances = append(a.instances, q.Peer.value(q.Request, attrInstance))
	}
	a.server.Directory.View().Prefetch(a.names)
	a.server.messages.prefetch(a.instances)
	clear(a.names)
	clear(a.instances)
	a.names, a.instances = a.names[:0], a.instances[:0]
}
