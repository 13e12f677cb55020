// Package config reads gatepost.toml.
//
// The file is TOML 1.0. Every key has a default, so an empty file is a good
// one; a key that nobody knows is a mistake, because a misspelt limit would
// otherwise be no limit. [Parse] names every mistake at once, with its line and
// key, so that an administrator edits once and not once a mistake. (A strict
// decode of the TOML library lists all unknown keys, but it stops at the first
// value of a wrong type; therefore the document is decoded into plain values,
// which are then read key by key, and the lines come from its parser.)
//
// What the file says is checked in two steps. Parse looks at the file only: a
// reload can refuse a bad file without having touched anything. [Config.Resolve]
// looks at the machine: users, groups, directories. `gatepostd --check` prints
// both.
//
// A [Config] is not changed once it was made and may be read by any goroutine.
//
// The section [dovecot] is read and checked, and nothing acts on it yet: it is
// reserved for what gatepost will ask of Dovecot (mailbox sizes, the end of live
// sessions), and a file that has it must not be refused until then.
package config
