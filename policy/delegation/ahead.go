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
		a.note(q.Peer, q.Request)
	}
	a.server.Directory.View().Prefetch(a.names)
	a.server.messages.prefetch(a.instances)
	clear(a.names)
	clear(a.instances)
	a.names, a.instances = a.names[:0], a.instances[:0]
}

// note takes what one answer looks up, where the request lies.
func (a *ahead) note(s *session, request []byte) {
	login, sender := s.value(request, attrLogin), s.value(request, attrSender)
	a.names = append(a.names, login, s.value(request, attrRecipient))
	if len(login) > 0 && !bytes.Equal(login, sender) {
		a.names = append(a.names, sender)
	}
	a.instances = append(a.instances, s.value(request, attrInstance))
}
