// Package password keeps and checks passwords: the type a password in clear
// has, the schemes its hash may have, how many hashes are computed at a time,
// which passwords an administrator's policy accepts, and the memory of what
// was verified a moment ago.
//
// # Stored form
//
// A hash is kept as Dovecot writes it, the scheme in braces before it:
//
//	{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$SALT$KEY      RFC 9106, PHC string format
//	{BLF-CRYPT}$2y$10$SALTKEY                              crypt(5), $2a$, $2b$ and $2y$
//	{SHA512-CRYPT}$6$rounds=5000$SALT$KEY                  crypt(5); rounds=5000 when left out
//	{SHA256-RANDOM}$SALT$KEY                               ours, see [HashRandom]
//
// [Hash] makes the first three, [ParseHash] lets an administrator's own in. The
// vectors in testdata were made by doveadm pw, and doveadm pw -t accepts ours.
//
// # Limits
//
// A stored hash says how much work its verification is, so one given from
// outside is an attacker's bill: [ParseHash] refuses Argon2 over 256 MiB, ten
// passes or sixteen lanes, bcrypt over cost 14, SHA-crypt over a million
// rounds, and any text over 256 bytes. The same limits hold at each
// verification. At worst a [Verifier] uses Slots times 256 MiB; with hashes of
// our own making Slots times 19 MiB.
//
// # Passwords are bytes
//
// They are compared as bytes, as Dovecot does. No Unicode normalisation: the
// é that a telephone sends as one character and the one a laptop sends as two
// are different passwords, here as in every other SASL PLAIN server that does
// not implement RFC 8265. Normalising now would lock out owners of imported
// hashes, whose passwords nobody can normalise again. Empty passwords,
// passwords over [MaxSecret] bytes and passwords with a NUL never match: crypt(3)
// would stop at the NUL. bcrypt reads 72 bytes; a longer password matches a
// hash of its first 72, as with crypt(3), but none is hashed so from here.
//
// # Concurrency
//
// Everything may be called by several goroutines at once. The package starts
// no goroutine: a verification runs in its caller's, and one that has begun is
// finished, whatever became of its context. (x/crypto computes each lane of
// Argon2 in a goroutine of its own and waits for them.)
package password
