// Restart starts gatepostd again and again under load and counts what its clients
// lose.
//
//	go run ./e2e/restart                 both cases, in full: eight minutes
//	go run ./e2e/restart -case policy    one of them
//	go run ./e2e/restart -h              how often, how many, where
//
// In each case this program holds gatepostd's sockets, as systemd does with the
// units of the folder systemd, and passes them to each new process. gatepostd is
// the real program, built for this, and so is Dovecot. At the end stands a table.
// The exit status is 1 when a promise was broken.
//
//	policy   kill -9 and SIGTERM in turn, under clients that ask as Postfix's
//	         smtpd does: one request at a time on each connection; when the
//	         connection ends they wait a second, connect and ask again, once.
//	         Users are of several kinds, and each reply must be that of its user.
//	logins   mail clients log in to a real Dovecot (needs root), first over
//	         SIGTERM, then over kill -9. Every fifth thinks for up to 0.9 s
//	         between the greeting and its LOGIN.
//
// # What is promised
//
// No transaction fails beyond one retry, no reply is wrong, and a process that
// drains answers every request that it has read. That can be seen from outside:
// when a Unix socket is closed over bytes that nobody has read, its peer reads
// ECONNRESET, and the plain end otherwise. The first answer comes within 300 ms
// after the process was started.
//
// Over SIGTERM no login is told AUTHENTICATIONFAILED, and one in a thousand
// UNAVAILABLE at most. Over kill -9 only those fail whose LOGIN was under way
// when the process died, or whose login process was connecting.
//
// Under policy load the next restart comes when every client has been answered
// by the running process, so that no retry meets another restart.
package main
