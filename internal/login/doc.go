// Package login turns a credential into an outcome: may this client in, as
// whom, and if not, how much may it be told.
//
// # The order
//
//	look the name up ─► match the secret ─► look it up again ─► rules ─► use up ─► answer
//
// Matching is slow, so the user may have changed meanwhile: when the record's
// revision moved, everything starts over, at most three times. The cache says
// only that this secret matched this hash a moment ago; whether the account may
// log in is asked of the record each time, so disabling is obeyed by the next
// attempt.
//
// A name is an address, a further address or a login name, in any case and
// without "+detail". There is no master user yet: "user*master" is a name like
// any other, and an authorization identity (RFC 4616, section 2) must lead to
// the same user as the authentication identity.
//
// # Credentials
//
// App passwords and one-time passwords are random, made here and hashed fast
// (password.HashRandom); a secret of another form never reaches their hashes,
// and a hash of another scheme on one of them is never matched. They are looked
// at first: microseconds each, so that nobody costs more than one slow
// verification, whatever they have. The main password comes last. Who has none,
// and a name without a user, is verified against a decoy. A single-use password
// is deleted durably before its OK; if that fails, the outcome is temporary and
// the password may still be good. Only main passwords are remembered in the
// cache.
//
// # What a client learns
//
// Unknown name, wrong password, no password and an expired one are the same
// outcome, [Refused]. Only after the right secret a rule may say more
// ([Denied]). Both leave [Options.FailureDelay] after the attempt was received,
// however long matching took; [OK] and [Temporary] leave at once. An attempt
// whose context ends while it waits is Temporary: no refusal leaves early.
//
// # Limits and concurrency
//
// Matching is bounded by password.Verifier, in number and time; too much of it
// is Temporary. A [Checker] may be used by any number of goroutines, keeps no
// secret and starts no goroutine. Names that belong to nobody are not logged:
// people type passwords into the wrong field.
package login
