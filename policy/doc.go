// Package policy holds the rules: who may send, and to whom mail is taken. It
// is pure: it does no I/O, reads no clock, logs and counts nothing.
//
// A question is answered in two steps. [Gather] reads the directory and the
// quota ledger and writes what it finds into [Facts]. [Decide] asks the rules,
// in the order of [Rules]: the first enforced rule that applies decides, and
// when none does the answer is DUNNO, so that Postfix goes on with its own
// restrictions. [Explain] tells the same evaluation step by step.
//
// # Stages
//
// Rules are asked at RCPT, about one recipient and the announced SIZE, and at
// END-OF-MESSAGE, about all recipients that are remembered and the real size.
// Every other protocol state is answered DUNNO.
//
// # The sender
//
// Sender rules look at messages of an authenticated client only. The login that
// Postfix names once got an OK from us; if it names no user now, the user was
// deleted in the session and is refused like a disabled one. A state other than
// active allows no submission, whichever it is. The rules about the switches of
// a user apply to active users only, so that a mode set for sender-disabled is
// not undone by another rule.
//
// Where a sender may send to is judged by the final targets of a recipient. A
// recipient that cannot be parsed, or is in no domain, is outside. An unknown
// name inside the own domain is inside: Postfix refuses it.
//
// An account's own sender addresses are its address and its further addresses,
// with any detail, and the aliases that lead to it ([Owners]); the null sender is
// everybody's. Forwards and catch-alls make no owner: the one who receives mail
// for another, or for names that nobody holds, must not write in their name.
//
// # The recipient
//
// A recipient is judged after expansion, through aliases, forwards and
// catch-alls, by the [Standing] of its final targets. It is refused when no
// target takes the message. If one of them only takes it later (frozen), the
// refusal is temporary, since a permanent one would lose that copy; else the
// first refusing target gives the reason. The state of a domain overlays every
// address in it, the recipient's own domain all of its targets. A name that is
// unknown, in an active domain of ours, neither takes nor refuses: Postfix
// refuses it.
//
// A message is over quota when every target that takes it is: used + size >
// limit. At RCPT the size is what the client announced, at least 1, so that a
// client that announces nothing is stopped by a full mailbox. No allowance is
// made for the 250–300 bytes of header that Postfix adds (measured): Dovecot's
// own quota has a grace for that, and reserving more than arrives would leave a
// remainder in flight with each message. When only mail in flight makes a
// mailbox full the refusal is temporary. At END-OF-MESSAGE the bytes are
// reserved first and the outcome is the fact, so that two messages at once
// cannot both take the last room; the caller releases them when the message is
// refused ([Facts.Release]).
//
// A fact that is unknown by nature decides nothing: it is noted in
// [Facts.Unknown], and Dovecot's own quota stands behind.
//
// # Modes
//
// [Modes] says for each rule whether it is enforced; see [Mode].
//
// # Concurrency and cost
//
// [Modes] and the rules are immutable. A Facts belongs to one goroutine and is
// used again for the next question; after the first few Gather and Decide
// allocate nothing.
package policy
