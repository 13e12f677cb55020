package mailaddr

import "bytes"

// Canonical takes bytes that are in canonical form already, such as a name in a
// stored record, as the key they are. Nothing is checked and nothing copied.
func Canonical(b []byte) Key { return Key{b: b, at: bytes.LastIndexByte(b, '@')} }
