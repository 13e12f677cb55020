// Package transcript reads recorded protocol dialogues and plays their client
// side against a live server. Tests of the doors import it; nothing else does.
//
// # Formats
//
// A dialogue file holds what passed on one or several connections. Three forms
// are understood, and everything else in a file is a comment:
//
//   - Our own testdata: lines C> "bytes" and S> "bytes", the bytes quoted as in
//     Go. A line "# connect KIND" opens a connection, KIND being one of the
//     Kind constants. A file of one connection needs it once.
//   - Recorded from Dovecot: the same lines behind a time and a connection name,
//     as in 04:02:16.100 auth#3 C> "VERSION\t1\t2\n".
//   - Recorded from Postfix: sections "=== policy ===", "=== socketmap ===" and
//     "=== auth ===", each event behind a time and [conn N]. A policy request is
//     announced with its size in bytes and follows raw; a socketmap line holds
//     both payloads without their netstring frames.
//
// Postfix and Dovecot return everything that is embedded here, Requests the raw
// policy requests alone.
//
// # Playing
//
// Replay and Play send the client side as it was recorded and wait for replies
// where the recording has them. What a recording cannot know is put in its
// place: the cookie of the live server, and this process's id as the
// session_pid, which the server may compare with the socket's peer. A recording
// that begins in the middle of a connection gets a handshake first.
//
// Every request that asks for a reply must get exactly one: a missing reply, a
// connection closed early and a surplus reply fail the test, whatever the
// recorded server did. What the replies should be is for the caller to compare.
package transcript
