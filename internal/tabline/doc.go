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
// while its peer is silent. What it hands out lies in its buffer and is wiped
// by the next call, because lines of the auth protocol hold passwords. Readers
// are for one goroutine; the functions are pure.
package tabline
