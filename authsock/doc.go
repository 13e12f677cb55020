// Package authsock answers who somebody is (the client protocol, for Postfix
// smtpd and Dovecot's login processes) and where a user lives (the master
// protocol, for Dovecot's imap, pop3, lmtp, lda and doveadm): Dovecot's auth
// protocol, version 1, without its auth service.
//
// The texts are Dovecot's doc/auth-protocol.txt (client and master interface)
// and the sources src/auth/auth-request-handler.c, src/auth/auth-master-connection.c
// and src/lib-auth-client of 2.3.19 and 2.4; Postfix's is
// src/xsasl/xsasl_dovecot_server.c. What the programs were seen to do is
// recorded in internal/transcript.
//
// # Two doors, one registry
//
//	login process ── AUTH, CONT ──► Server ── OK: a grant under (CPID, cookie, id) ──► Requests
//	imap process ─── REQUEST ─────► Master ◄── the grant, once ────────────────────────┘
//
// Both doors announce the same server process id (SPID), because Dovecot joins
// them by it, and share a [Requests]. A [Server] may have several listeners,
// one for Postfix and one for Dovecot. A grant is for one REQUEST that names
// the client's process id, the cookie of its connection and its request, within
// 150 s, as long as that connection stands; and for the process that it names
// as session_pid, if the socket knows its peer. The user is looked up again.
//
// # Client protocol
//
// The greeting leaves at once: version 1.2, which 2.3, 2.4 and Postfix were
// measured to take. Mechanisms are PLAIN and LOGIN. The rest is as in Dovecot's
// own server: what no client of ours sends ends the connection with one log
// line (unknown commands, id 0, an id that is in use, an unknown mechanism, no
// service, "resp" not last), and what people send is answered by FAIL (bad
// base64, a response that is not the mechanism's, a CONT that nobody waits
// for). CANCEL has no reply, except for clients of minor version 4 and later
// (Dovecot 2.4), which wait for CANCELLED. Unknown parameters are ignored;
// "protocol" is 2.4's word for "service".
//
// Postfix makes a permanent 535 of every FAIL, also of code=temp_fail. So when
// the trouble is ours a request of service "smtp" is answered by closing the
// connection, which Postfix turns into 454 and tries again with the next AUTH;
// others get code=temp_fail. Dovecot 2.3 would show "wrong password" for a
// closed connection.
//
// A denial's text is sent only after the right password. IMAP puts
// [CONTACTADMIN] before it; without it Dovecot would write [ALERT]. The other
// protocols would show the brackets to the user.
//
// # Master protocol
//
// Commands are USER, PASS (which never holds a hash), LIST, REQUEST and
// CACHE-FLUSH, answered in order. USER also finds disabled users: mail that was
// accepted must be delivered, and the way in is closed at AUTH and REQUEST. An
// alias is not a user. NOTFOUND makes Dovecot bounce, so it is said only of
// names that are not in the directory, which is complete; all trouble is FAIL.
// Dovecot 2.3 reads the quota limit from quota_rule and 2.4 from
// quota/ROOT/storage_size; both are always sent, 0 being unlimited, because
// without them the site's own limit counts.
//
// # Limits
//
// Lines have at most 16384 bytes, replies on the master door less than 8192
// (Dovecot's own limits). Unfinished lines of more than 2 KiB share 32 MiB on each
// door, beyond which their connections end. A connection may have 1024 verifications running and
// 1024 exchanges waiting for a CONT; more of the first are temporary failures,
// more of the second push out the oldest, because Postfix says nothing when a
// client gives up. When 65536 wait on all connections together, a connection may
// have 4. An exchange waits 150 s. A greeting that is not returned
// within 30 s ends the connection; after it a connection may be idle for ever,
// as login processes are.
//
// # Concurrency
//
// Each connection has a goroutine that reads, and one for each verification.
// Whoever finishes a request writes its reply under the connection's mutex, so
// replies are whole and in an order that makes sense: no OK after a CANCELLED.
// The goroutine that reads waits for the others before it ends.
//
// # Draining
//
// Dovecot 2.3 takes the end of a connection with a login under way for a wrong
// password (its lib-auth fails the request with a word that its login processes
// do not know), and sends the mail client away whose login process had not
// finished its first handshake. So a Server that drains lets connections linger
// that were used a second ago or less: their login processes have a mail client
// that is about to log in. They have one and a half seconds. A login process
// keeps its connection for one mail client, unless Dovecot is told otherwise, so
// all others are idle, and are closed at once. Then
// exchanges that wait for their client fail as temporary, and verifications too
// when they are not done two and a half seconds after the drain began.
//
// A Master that drains goes on accepting until the grants of the last four
// seconds were asked for, at most 4 s. Those whose login process has left are
// forgotten. Grants come from the Server, and a mail
// process that finds another SPID than its login process gives up: shut the
// Server down first, then the Master.
package authsock
