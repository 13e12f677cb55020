// Package serve accepts connections for the doors and ends them in order. A
// door passes a handler that speaks its protocol; everything that is the same
// for all of them is here: listening ([Listen]), accepting with a limit and a
// back-off, who the peer is, deadlines, panics, and draining.
//
// # The handler's loop
//
//	for c.Idle() {                       // false: drain, leave
//		n, err := c.Read(buf)            // waits for the next request
//		for err == nil && !complete(buf[:n]) {
//			c.Busy()                     // half a request: the rest has RequestTimeout
//			m, err = c.Read(buf[n:])
//			...
//		}
//		c.Write(answer(buf[:n]))
//	}
//
// A whole request that came in one Read needs no call to Busy, so the usual
// case touches no deadline: Idle is two atomic loads, and Write renews its
// deadline once in a tenth of WriteTimeout.
//
// # Event loops
//
// Nearly every request of a door that asks and answers in turn comes whole, and
// its reply is taken at once. With a [Prompter] such requests need no handler:
// an event loop waits for many connections in one epoll instance, reads what has
// come on up to [Together] of them, has all of that answered, and writes. A
// connection costs it no stack, no buffer and no switch of goroutines, so that
// what it works with stays near to the processor however many there are; what is
// answered together can wait for main memory together; and replies that are
// written in a row wake their reader once. Measured with a million users: against
// a goroutine for each connection a policy request costs 1.4 µs less with 64 connections
// and 3.8 µs less with 1000, and answering together takes another 1.2 µs of 6.0
// and 1.6 of 7.3.
//
// Everything else is the handler's, which gets the connection with what was read
// or could not be written, and keeps it: half a request, two at once, a peer that
// leaves or does not read, a request that the Prompter declines, and those that it
// did not come to because it panicked. So a loop waits for nobody, and has neither
// deadlines nor protocol errors. A connection without descriptor, a pipe, is the
// handler's from the beginning.
//
// A loop takes its connections from the Go runtime, which would be woken for
// each event else, and gives them back with the connection ([detached]). It
// blocks a thread while it waits. It is level-triggered: that costs no read, and
// whatever a read left in a socket is told again. When draining begins it answers what has come,
// and closes the rest; LingerIdle is for handlers only.
//
// # Draining
//
// Postfix and Dovecot keep connections open for hours, so waiting for them to
// leave is not a drain. Shutdown closes the listeners, then wakes each
// connection that waits for a request by an expired read deadline. Three
// things make this exact:
//
//   - Only reads are touched. A handler that has its whole request answers it,
//     then learns from Idle that it must leave.
//   - Busy and the wake-up exclude each other by the connection's mutex. Either
//     Busy comes first and the wake-up leaves the connection alone, or Busy
//     replaces the expired deadline by the request's own.
//   - A read that was woken looks once more, for lastLook, because a request may
//     have arrived in the socket that nobody had read yet. It is answered.
//
// The client of some protocols cannot repeat a request that met the end of its
// connection. Nothing that a server does prevents that meeting, so LingerIdle
// makes it rare: a connection that is being used is closed only after it has
// been idle for that long, so that the end does not meet a request that is
// about to be sent. Waiting for the peers to leave is bounded by LingerMax.
//
// A connection that nobody has accepted waits in the backlog for the next
// process, if somebody else holds the socket. One that was accepted just as the
// drain began is looked at like the others.
//
// When the context of Shutdown ends, what is left is closed, and the contexts
// of the handlers are cancelled. Serve and Shutdown return after the last
// handler has.
//
// # Limits
//
// MaxConns connections at once for one Server, more are closed at once; a
// request that began is complete within RequestTimeout; a Write ends within
// WriteTimeout. A buffer beyond 2 KiB is part of 32 MiB that all connections of
// a Server share (Hold), so that no number of half requests takes more. An idle connection may stay for ever unless the handler calls
// SetIdleTimeout: Postfix closes its own after max_idle, and a server that
// closes first costs the client a second. The mutex of a Server is never held
// while a handler runs.
package serve
