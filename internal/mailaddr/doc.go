// Package mailaddr knows mail addresses: it checks the ones people type, and
// folds the ones peers send into the one form under which gatepost keeps and
// finds everything that has a name.
//
// # The canonical form
//
// Everything is kept under its internal form, which is what [Addr.Internal]
// and [Key.Bytes] hold:
//
//	local part, unquoted, case-folded, NFC  +  "@"  +  domain as lower-case A-labels, no trailing dot
//
// The domain starts after the LAST "@", because the local part of a quoted
// address may itself hold "@", blanks and control bytes: Postfix unquotes
// "a b"@example.test before it asks a policy server. A domain stands under
// "@" and its name, a login name under itself; the three can never be equal,
// since a local part is never empty, a domain never holds "@" and a login name
// neither.
//
// Local parts are folded by full Unicode case folding (ß becomes ss, final
// sigma becomes sigma), not merely lower-cased, because that is what Postfix
// does to the keys it asks for (util/casefold.c, on ICU; postmap -s of Postfix
// 3.7 shows Straße as strasse, Νίκος as νίκοσ): under any other form the owner
// of such a name would be an unknown user to smtpd and a known one to cleanup,
// which sends the client's spelling.
// Composition before and after makes the result independent of the client's
// normal form; the fold runs until nothing changes, so folding twice is
// folding once. For ASCII all of this is "lower case".
//
// Domains go through the IDNA lookup profile (UTS 46, non-transitional, STD3
// rules, bidi rule). Postfix folds the case of U-label domains too, so a domain
// with ß or final sigma must be used by its A-label.
//
// # What is an address
//
// [Parse] takes RFC 5321 section 4.1.2 dot-atoms and quoted strings with the
// UTF-8 of RFC 6531, within the limits of RFC 5321 section 4.5.3.1: 64 octets
// of local part, 255 of domain (253 without the root), 254 in all, counted on
// the internal form. It refuses address literals and route addresses.
// [ParseMailbox] is stricter: a user's own local part becomes a path, a mask
// and a login. A local part whose text itself begins and ends with a double
// quote is refused by both, because the internal form could not be told from
// a quoted one.
//
// [AppendKey] is for what peers send, which is anything: it refuses only what
// cannot name anything we hold, with an error a caller may read as "unknown".
//
// # Concurrency and cost
//
// All types are values and all functions are pure. The Append functions do not
// allocate for ASCII input when the buffer holds [MaxKey] bytes.
package mailaddr
