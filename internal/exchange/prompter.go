package exchange

import "github.com/gatepost/gatepost/internal/serve"

// Prompter answers requests that came whole and alone, of any connection, as
// [serve.Prompter]. Everything else is for Run, with a Peer of its own.
type Prompter[P Peer] struct {
	New func() P // makes a Peer that depends on no connection

	// Ahead is told what Answer will be asked next, if not nil: what these will
	// look up can be looked up together.
	Ahead func([]Asked[P])

	peers []P // [serve.Together]
	asked []Asked[P]
	at    [serve.Together]int // of asked, in what came together
}

// Asked is a whole request and the Peer that has decoded it.
type Asked[P Peer] struct {
	Peer    P
	Request []byte
}

// Prompt sets the replies to those that are one whole request, if the Peer has
// one for it.
func (p *Prompter[P]) Prompt(together []serve.Exchange) {
	p.decode(together)
	if p.Ahead != nil && len(p.asked) > 0 {
		p.Ahead(p.asked)
	}
	for i, a := range p.asked {
		x := &together[p.at[i]]
		x.Reply, x.Err = a.Peer.Answer(a.Request)
	}
}

// decode finds those that are one whole request.
func (p *Prompter[P]) decode(together []serve.Exchange) {
	p.asked = p.asked[:0]
	for i, x := range together {
		n := len(p.asked)
		if n == len(p.peers) {
			p.peers = append(p.peers, p.New())
		}
		if size, err := p.peers[n].Decode(x.Request); err != nil || size != len(x.Request) {
			p.peers[n] = p.New() // it has begun to read
			continue
		}
		p.asked = append(p.asked, Asked[P]{p.peers[n], x.Request})
		p.at[n] = i
	}
}
