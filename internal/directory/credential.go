package directory

import (
	"encoding/binary"
	"errors"
	"time"
)

// A credential's field: kind (1), services (1), flags (1), expiry as a uvarint
// of Unix seconds (0: never), length of the label (1), label, hash (see hash.go).
const credentialSingleUse = 1

func (c Credential) append(b []byte) []byte {
	var flags byte
	if c.SingleUse {
		flags |= credentialSingleUse
	}
	b = append(b, byte(c.Kind), byte(c.Services), flags)
	b = binary.AppendUvarint(b, uint64(unixOrZero(c.Expires)))
	b = append(b, byte(len(c.Label)))
	b = append(b, c.Label...)
	return appendHash(b, c.Hash)
}

func parseCredential(b []byte) (Credential, error) {
	c, hash, err := splitCredential(b)
	if err != nil {
		return Credential{}, err
	}
	c.Hash, err = readHash(hash)
	return c, err
}

// checkCredential reports why b is not a credential. It builds nothing: it is
// asked about every user when the directory is loaded.
func checkCredential(b []byte) error {
	_, hash, err := splitCredential(b)
	if err != nil {
		return err
	}
	return checkHash(hash)
}

// splitCredential reads a credential but for its hash, which it returns in its
// form.
func splitCredential(b []byte) (c Credential, hash []byte, err error) {
	if len(b) < 5 || b[0] >= byte(credentialKindEnd) || b[1] > byte(AllServices) || b[2] > credentialSingleUse {
		return c, nil, errors.New("not a credential")
	}
	expires, size := minimalUvarint(b[3:])
	if size <= 0 || expires > maxUnix || len(b) < 4+size {
		return c, nil, errors.New("not a credential's expiry")
	}
	label := b[4+size:]
	n := int(b[3+size])
	if len(label) <= n {
		return c, nil, errors.New("a credential without hash")
	}
	c = Credential{
		Kind:      CredentialKind(b[0]),
		Services:  Services(b[1]),
		SingleUse: b[2] == credentialSingleUse,
		Expires:   timeOrZero(int64(expires)),
		Label:     string(label[:n]),
	}
	return c, label[n:], nil
}

const maxUnix = 1 << 40 // far beyond the year 30000

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return min(max(t.Unix(), 1), maxUnix)
}

func timeOrZero(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}
