// Package socketmap is the door for Postfix's socketmap tables: domains,
// mailboxes, aliases, senders and transport, as views on the directory.
//
// # Protocol
//
// socketmap_table(5): a query is one netstring, the name of a map, a space, and
// the key, which may hold spaces itself; the reply is one netstring: "OK " and
// the data, "NOTFOUND ", or "TEMP " and a reason. A client waits for its reply
// before it asks again on the connection.
//
// "OK " never stands alone and "PERM " is never said: both make Postfix mail the
// postmaster for each query (measured). A map whose name is unknown, which is a
// typing error in main.cf, is answered TEMP, because NOTFOUND would refuse mail
// for good.
//
// A key that is not UTF-8 is answered TEMP where NOTFOUND would say "unknown
// user" (Postfix refuses such an address itself, unless smtputf8_enable=no).
// Beside these only trouble of ours is TEMP: an alias that leads too deep, a reply over
// MaxReply. smtpd keeps what it was told about domains and transport, a TEMP
// too, until its process ends (measured); these two maps only look into memory
// and never answer it. A panic ends the connection; Postfix connects and asks
// once more.
//
// # The maps
//
// Keys come in any case, with or without quotes, and whole: Postfix asks a
// socketmap for no parts of an address, so details and catch-alls are ours. A
// key that cannot be folded names nothing.
//
//   - domains (virtual_mailbox_domains): a domain of ours, in whatever state, in
//     A-labels.
//   - mailboxes (virtual_mailbox_maps): the address of the user whose address or
//     further address it is, with or without a detail, in whatever state:
//     refusing is for the policy, which has better words.
//   - aliases (virtual_alias_maps): where an alias, a reserved name, a user with
//     forwards, or a name that only a catch-all takes finally leads, comma
//     separated. Users who refuse mail are left out while another target takes
//     it, now or later; when none does all of them stand there, and the policy
//     refuses. A mailbox is not its own alias: Postfix would skip the transport
//     map's error for it. The names of a disabled domain lead nowhere.
//   - senders (smtpd_sender_login_maps): the addresses of the users who may send
//     in a name, see [policy.Owners].
//   - transport (transport_maps): nothing as a rule, so that virtual_transport
//     counts. A user who does not take mail gets error:, retry: or discard:;
//     that is all that stops mail from sendmail(1), about which no policy is
//     asked. The state of a domain counts for each name in it, except that an
//     alias of a frozen domain is left to its targets. A full mailbox is not
//     told here: the policy and Dovecot know sizes.
//
// # Malformed queries
//
// What is no netstring of a query ends the connection without a reply, with one
// line in the log and one call of [Hooks.Malformed]: a length over MaxQuery, of
// more than six digits or with a leading zero, no comma, no space behind the
// map's name, an end in the middle, one that does not come in
// RequestTimeout, or one of more than 2 KiB when incomplete ones take 32 MiB.
//
// # Limits and concurrency
//
// MaxConns connections, answered by an event loop as long as their queries come
// whole (package serve). An idle one stays; Postfix closes its own after 10 s without a query or 100 s. Queries take no lock, read no
// disk, and allocate nothing for ASCII addresses.
package socketmap
