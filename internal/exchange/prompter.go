package exchange

// Prompter answers requests that came whole and alone, of any connection, as
// [serve.Prompter]. Everything else is for Run, with a Peer of its own.
type Prompter struct {
	New  func() Peer // makes a Peer that depends on no connection
	peer Peer
}

// Prompt returns the reply to b, or none when b is not one whole request, or the
// Peer has none for it.
func (p *Prompter) Prompt(b []byte) (reply []byte, err error) {
	if p.peer == nil {
		p.peer = p.New()
	}
	if n, err := p.peer.Decode(b); err != nil || n != len(b) {
		p.peer = nil // it has begun to read
		return nil, nil
	}
	return p.peer.Answer(b)
}
