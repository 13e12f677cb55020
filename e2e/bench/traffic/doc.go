// Package traffic holds the dialogues of a benchmark: what Postfix and Dovecot
// ask gatepost, and the peers that gatepost is compared with, about users who
// all exist. Requests have the shape of recorded ones, byte for byte but for
// the names; replies are compared with the right one.
package traffic
