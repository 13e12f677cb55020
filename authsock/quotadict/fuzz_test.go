package quotadict

import (
	"bytes"
	"testing"
)

// Whatever lines come, each that wants an answer gets one line, or rows and an
// empty line for I, or ends the connection; the others get none. Nothing grows
// beyond its limit.
func FuzzCommand(f *testing.F) {
	for _, c := range recordings(f) {
		var lines []byte
		for _, s := range c.Steps {
			if s.FromClient {
				lines = append(lines, s.Data...)
			}
		}
		f.Add(lines)
	}
	f.Add([]byte("H3\t2\nI1\t0\tpriv/quota/\tbusy@example.test\nLpriv/quota/storage\tbusy@example.test\nB1\tx\nA1\tpriv/quota/storage\t-1\nD1\n"))
	f.Add([]byte("H4\t0\nB1\tbusy\x01t@example.test\nU1\tpriv/quota/storage\nV1\t1\nT1\t1\t2\nR1\nC1\n"))
	r := newRig(f)
	r.once.Do(r.prepare)
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := conn{server: r.Server, open: map[uint32]*transaction{}}
		lines := bytes.Split(sent, []byte("\n"))
		if hello(bytes.Clone(lines[0])) != nil {
			return
		}
		for _, line := range lines[1:] {
			reply, err := c.command(bytes.Clone(line))
			if err != nil {
				return
			}
			check(t, line, reply)
			c.out = reply
			if len(c.open) > maxTransactions {
				t.Fatalf("%d open transactions", len(c.open))
			}
		}
	})
}

func check(t *testing.T, line, reply []byte) {
	t.Helper()
	lines := bytes.Count(reply, []byte("\n"))
	switch line[0] {
	case 'L', 'C', 'D':
		if lines != 1 || !bytes.HasSuffix(reply, []byte("\n")) {
			t.Errorf("%q answered %q, want one line", line, reply)
		}
	case 'I':
		if refused := bytes.HasPrefix(reply, []byte("F")); refused && lines != 1 || !refused && !bytes.HasSuffix(append([]byte("\n"), reply...), []byte("\n\n")) {
			t.Errorf("%q answered %q, want rows and an empty line", line, reply)
		}
	default:
		if len(reply) > 0 {
			t.Errorf("%q answered %q, want nothing", line, reply)
		}
	}
	if len(reply) > 200 {
		t.Errorf("%q has a reply of %d bytes", line, len(reply))
	}
}
