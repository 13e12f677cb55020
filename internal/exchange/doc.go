// Package exchange runs a connection on which the peer sends a request, waits
// for its one reply, and then may send the next: policy delegation and
// socketmap. Requests are decoded in the read buffer; a [Peer] knows the
// protocol.
//
// [Run] reads until Decode has found a whole request, asks Answer for the
// reply, and writes it with one Write. The usual request comes in one Read, is
// answered by one Write, and touches no deadline. Neither protocol pipelines,
// but a request that follows another in the same read is answered in its turn.
// [Complain] tells the log why Run ended a connection, in the same words for both.
//
// The buffer begins with 2 KiB, grows with a request up to the limit given, and is
// given back after a larger one, so that an idle connection holds little. A
// request that reaches the limit without being complete is refused, and so is one
// that begins when those of all connections take what they may (serve.Conn.Hold).
//
// A Run belongs to one goroutine, and so does a [Prompter], which answers
// without a connection what came whole and alone, nearly every request, and hears of
// several at a time, so that what they look up can be looked up ahead.
package exchange
