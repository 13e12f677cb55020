// Package delegation is the door for Postfix smtpd's check_policy_service: the
// SMTP access policy delegation protocol of SMTPD_POLICY_README. It reads
// requests, remembers the recipients of each message, and writes the replies;
// the rules are in package policy.
//
// # Protocol
//
// A request is a block of name=value lines ended by an empty line; the reply is
// one line action=… and an empty line. A client waits for its reply before it
// sends the next request on the connection, and keeps the connection for hours.
// Names may come in any order, unknown ones are ignored, of a repeated one the
// first counts, and a value may hold "=". Values come raw: 8-bit and control
// bytes other than NUL, CR and LF are the client's.
//
// Rules are asked in the protocol states RCPT and END-OF-MESSAGE. Every other
// state, known or not, is answered DUNNO. So is a fact that the request lacks:
// without recipients, or without an instance that is remembered, the rules that
// need them do not apply.
//
// # Malformed requests
//
// A request that is none gets no reply, because any reply could permit: the
// connection is closed, with one line in the log and one call of
// [Hooks.Malformed]. That is a line without a name, with CR or NUL, or over
// MaxLine; more than MaxAttributes or MaxRequest; a request that is not
// smtpd_access_policy; one that ends in the middle or does not come in
// RequestTimeout, or for which there is no room (below). Postfix tries once more and then defers the mail.
//
// # Own trouble
//
// When gatepost cannot decide, the reply is DEFER_IF_PERMIT 4.3.0; after a
// panic the connection ends too.
//
// # The memory of messages
//
// At END-OF-MESSAGE Postfix names a recipient only when there is one. For the
// others, what was asked for at RCPT and not refused is remembered under the
// message's instance, for all connections, since Postfix has one for each
// differently written service: 100 000 messages, 1 000 recipients and 256 KiB
// each, 64 MiB in all. A message is forgotten when its END-OF-MESSAGE is passed,
// an hour after its last RCPT (nothing tells that a message was abandoned), or
// when newer ones need the room. It is kept when END-OF-MESSAGE is refused,
// because Postfix before 3.7.22, 3.8.20, 3.9.14, 3.10.13 and 3.11.6 leaves the
// transaction open then. Recipients are kept as they came and expanded again at
// END-OF-MESSAGE, so that the answer follows the directory.
//
// # Limits, time and concurrency
//
// MaxConns connections. An event loop answers requests that come whole (package
// serve), so that a connection holds next to nothing; one that ever sent half a
// request has a goroutine and 2 KiB of buffer. While half a request is larger, up
// to MaxRequest, its buffer is part of 32 MiB for all connections. An idle connection stays: Postfix
// closes its own after 300 s without a request or 1 000 s. A decision takes no lock but the one of a shard of the memory, and
// never waits for the disk; it needs no deadline, because what it may look at is
// bounded. In the steady state nothing is allocated between the bytes of the
// request and those of the reply.
package delegation
