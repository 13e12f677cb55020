// Package quotadict takes the usage of mailboxes from Dovecot: the server side
// of the dict protocol (Dovecot src/lib-dict/dict-client.h, src/dict/dict-commands.c),
// major versions 3 (Dovecot 2.3) and 4 (2.4), for the plugin quota_clone. It
// writes how large a mailbox is after each delivery and after sessions that
// expunged something:
//
//	H3  2  0    quota          hello; there is no greeting and no answer
//	B1  alice@example.test     begin transaction 1 for a user
//	S1  priv/quota/storage  3359
//	S1  priv/quota/messages  1
//	C1                         commit; answered O1
//
// Fields are separated by TAB; the first one follows the command's letter.
// Recorded conversations are in internal/transcript.
//
// # What is answered
//
// Only the two keys above exist. A commit reports their values to the ledger as
// of the time it came; a value older than what is known is dropped, and O is
// answered all the same. Storage alone keeps the number of messages. F, which
// Dovecot logs and nobody else notices, since the mail is stored by then, is
// answered for a user who is not in the directory (under any of its names), for
// other keys, for values that are no sizes, and for unsetting without setting.
// N is answered for a commit that holds an increment (A): it makes Dovecot 2.3's
// dict quota backend count the mailbox and set absolute values. Increments are
// not added up here, because a lost one would never be made good.
//
// L and I read the usage; N and no rows stand for a mailbox that was never
// reported. Timestamps and hidden values (T, V) change nothing. Replies leave
// in the order of the requests, so the unordered form is not used; times are
// not told.
//
// # Limits
//
// Lines of 64 KiB, 100 open transactions a connection; unfinished lines of more
// than 2 KiB share 32 MiB, beyond which their connections end. What no Dovecot does
// (another first line, unknown commands, transactions that were not begun or
// begun twice) ends the connection with one log line. A connection is served by
// one goroutine; Dovecot opens one for each report, as the mail user.
package quotadict
