package transcript

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readFrame reads the smallest unit of a protocol: a line, a block of lines up
// to a blank one, or a netstring.
func (k Kind) readFrame(r *bufio.Reader) ([]byte, error) {
	switch k {
	case Policy:
		return readBlock(r)
	case Socketmap:
		return readNetstring(r)
	}
	return r.ReadBytes('\n')
}

func readBlock(r *bufio.Reader) ([]byte, error) {
	var block []byte
	for {
		line, err := r.ReadBytes('\n')
		block = append(block, line...)
		if err != nil || string(line) == "\n" {
			return block, err
		}
	}
}

func readNetstring(r *bufio.Reader) ([]byte, error) {
	digits, err := r.ReadString(':')
	if err != nil {
		return []byte(digits), err
	}
	var size int
	if _, err := fmt.Sscanf(digits, "%d:", &size); err != nil || size < 0 || size > 1<<20 {
		return []byte(digits), errors.New("not a netstring")
	}
	payload := make([]byte, size+1)
	n, err := io.ReadFull(r, payload)
	return append([]byte(digits), payload[:n]...), err
}

// frames cuts data into frames. A last one that is not complete counts as one.
func (k Kind) frames(data []byte) [][]byte {
	var all [][]byte
	r := bufio.NewReader(bytes.NewReader(data))
	for {
		frame, err := k.readFrame(r)
		if len(frame) > 0 {
			all = append(all, frame)
		}
		if err != nil {
			return all
		}
	}
}

// handshake returns what a client has to say first, "" where there is nothing.
func (k Kind) handshake() string {
	switch k {
	case Auth:
		return "VERSION\t1\t2\nCPID\t4711\n"
	case Master:
		return "VERSION\t1\t0\n"
	case Dict:
		return "H3\t2\t0\t\tquota\n"
	}
	return ""
}

// greetingEnds reports whether line is the last of the server's greeting.
func (k Kind) greetingEnds(line []byte) bool {
	if k == Auth {
		return string(line) == "DONE\n"
	}
	return bytes.HasPrefix(line, []byte("SPID\t"))
}

func (k Kind) greets() bool { return k == Auth || k == Master }

// wantsReply reports whether a request is one that must be answered.
// cancelled tells whether this client waits for the answer to CANCEL.
func (k Kind) wantsReply(request []byte, cancelled bool) bool {
	switch k {
	case Policy, Socketmap:
		return true
	case Dict:
		return bytes.ContainsAny(request[:1], "LICD")
	}
	word, _, _ := strings.Cut(strings.TrimRight(string(request), "\r\n"), "\t")
	switch word {
	case "VERSION", "CPID":
		return false
	case "CANCEL":
		return cancelled
	}
	return true
}

// goesOn reports whether the reply to request continues after this line of it.
func (k Kind) goesOn(request, line []byte) bool {
	switch {
	case k == Master && bytes.HasPrefix(request, []byte("LIST\t")):
		return bytes.HasPrefix(line, []byte("LIST\t"))
	case k == Dict && request[0] == 'I':
		return string(line) != "\n" && line[0] != 'F' && line[0] != 'N'
	}
	return false
}

// id returns what joins a request and its reply, "" where order does.
func (k Kind) id(frame []byte) string {
	if k != Auth && k != Master {
		return ""
	}
	fields := strings.SplitN(strings.TrimRight(string(frame), "\r\n"), "\t", 3)
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}
