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
		query, _, _ := decode(q.Request)
		_, key, _ := bytes.Cut(query, []byte(" "))
		a.names = append(a.names, key)
	}
	a.server.Directory.View().Prefetch(a.names)
	clear(a.names)
	a.names = a.names[:0]
}
