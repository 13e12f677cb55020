package socketmap

import (
	"bytes"

	"github.com/gatepost/gatepost/internal/exchange"
)

// ahead prepares what the next answers of an event loop look up, for all of them
// together.
type ahead struct {
	server *Server
	names  [][]byte
}

func (a *ahead) prefetch(asked []exchange.Asked[*prompted]) {
	for _, q := range asked {
		a.note(q.Request)
	}
	a.server.Directory.View().Prefetch(a.names)
	clear(a.names)
	a.names = a.names[:0]
}

// note takes what one answer looks up, where the request lies.
func (a *ahead) note(request []byte) {
	query, _, _ := decode(request)
	_, key, _ := bytes.Cut(query, []byte(" "))
	a.names = append(a.names, key)
}
