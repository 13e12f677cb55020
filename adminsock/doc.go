// Package adminsock is the administration's door: HTTP and JSON over a Unix
// socket. Which commands there are, with their paths, inputs and outputs, is
// data in adminsock/command; here they are bound to what they do.
//
// # A request's way
//
//	who (SO_PEERCRED) and may ──► body, bounded and strict ──► schema (huma) ──► run ──► log, metrics
//
// invoke is the one function that authorises, runs and accounts; a handler
// never asks who is calling. Root and the daemon's own user are administrators,
// everyone else is refused before a byte of the body is read. The identity is
// the one the peer had when it connected, so it holds for the connection.
//
// Slow work, above all password hashing, is done before [directory.Update],
// never in the committer. A caller that hangs up ends the slow work, but not a
// change that has reached the committer.
//
// # Bodies
//
// A body is at most [MaxBody] long and arrives within [DefaultBodyTimeout]; what is
// accepted is one JSON object in UTF-8 without duplicate or unknown fields,
// without anything after it, with numbers that are whole. Many users at once
// come as one object a line (POST /v1/users/batch), which has no limit of
// length, only of lines ([MaxLines], [MaxLine]) and of what is kept of them
// ([MaxBatch]); all of them are added or none. A large batch is read in the
// background, behind those who ask, one at a time; what is kept of it is bytes
// without pointers, checked as far as can be without the directory. `status`
// tells who does such work, and at what stage it is.
//
// A backup that is restored is a stream too. It is kept in a file without a name
// and checked whole before anything is touched; then what is there is saved, and
// one change replaces exactly that. One is restored at a time.
//
// # Answers
//
// Lists are JSON arrays written while they are read, ordered by domain and
// local part, or changes by revision; one that breaks off in the middle ends in a
// broken connection, never in a shorter list, and so does a backup. Errors are RFC 9457 problems with a stable code; see
// [Problem]. An unforeseen one says only "internal" and the request's id, under
// which the log has the reason. Refused values are never repeated, because they
// may be secrets.
//
// # Concurrency and limits
//
// One goroutine a connection (net/http), [DefaultMaxConns] connections; a
// request line and headers within [HeaderTimeout] and [MaxHeader] bytes. Write
// deadlines follow the progress, so that a long list may take its time and a
// peer that does not read is dropped after [DefaultWriteTimeout].
package adminsock
