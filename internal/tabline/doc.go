// Package tabline is the framing that Dovecot's auth and dict protocols share:
// one request a line, fields separated by one TAB, values escaped (Dovecot
// src/lib/strescape.c, str_tabescape).
//
// A line ends in LF; the master side of Dovecot 2.4 sends CRLF, so one CR
// before the LF is part of the line end. The escape character is SOH: NUL, SOH,
// TAB, CR and LF in a value are sent as SOH and one of 0 1 t r n. Lines are
// split at TABs first and unescaped field by field.
//
// A [Reader] holds at most one line of the limit it was made with, and 1 KiB
// while its peer is silent. A buffer beyond 2 KiB is part of 32 MiB that all
// connections of a server share (serve.Conn.Hold); a line that needs one when
// they are taken ends its connection. What is handed out lies in the buffer and
// is wiped by the next call, because lines of the auth protocol hold passwords.
// Readers are for one goroutine; the functions are pure.
package tabline
