// Package cli is the command line of gatepostctl. Its commands, flags, keys,
// help and completion are made from the table in adminsock/command; what is
// here is how a command line becomes a request, and how an answer is printed.
//
// Standard output has what was asked for: a table, a record, or one line that
// says what was done; with --json the server's own JSON document. Everything
// else is on standard error: "gatepostctl: error: …", and where it helps
// "gatepostctl: hint: …". The exit code is 0 when it was done, 1 when it was
// refused or failed, 2 when the command line is wrong.
//
// Secrets come from standard input or a prompt, never from the command line,
// where other users see them. Before anything is sent, the process behind the
// socket must be root's, the caller's, or that of the one whom both the socket
// and its directory belong to; see checkServer.
//
// [Command] returns the tree, for man pages and completion scripts.
package cli
