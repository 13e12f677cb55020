package transcript

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Kind is the protocol of a connection.
type Kind string

// The protocols a dialogue can hold, named after gatepost's doors.
const (
	Auth      Kind = "auth"        // Dovecot auth, client side
	Master    Kind = "auth-master" // Dovecot auth, master side
	Dict      Kind = "quota"       // Dovecot dict
	Policy    Kind = "policy"      // SMTP access policy delegation
	Socketmap Kind = "socketmap"
)

// Dialogue is one file of recorded connections.
type Dialogue struct {
	Name  string // the file's name without its folder and ".txt"
	Conns []*Conn
}

// Conn is one recorded connection.
type Conn struct {
	Name  string // as the recording names it
	Kind  Kind
	Steps []Step
	// Partial reports that the recording began after the connection did, so
	// that its handshake is missing.
	Partial bool
}

// Step is what one side sent at once.
type Step struct {
	FromClient bool
	Data       []byte
	at         int // place in the file: the order across connections
}

// Request is one raw policy request with its closing blank line.
type Request struct {
	Name string // the file's name without ".req"
	Data []byte
}

//go:embed testdata/postfix testdata/dovecot
var recorded embed.FS

// Parse reads a dialogue from text. A file without any connection is an error.
func Parse(name string, text []byte) (*Dialogue, error) {
	p := parser{rest: string(text), open: map[string]*Conn{}}
	if err := p.run(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(p.conns) == 0 {
		return nil, fmt.Errorf("%s: no connection in it", name)
	}
	return &Dialogue{Name: strings.TrimSuffix(name, ".txt"), Conns: p.conns}, nil
}

// Postfix returns the dialogues recorded from Postfix that hold a policy, a
// socketmap or an auth connection.
func Postfix() ([]*Dialogue, error) { return dialogues("testdata/postfix/dialogues") }

// Dovecot returns the dialogues recorded from Dovecot that hold a connection.
func Dovecot() ([]*Dialogue, error) { return dialogues("testdata/dovecot/dialogues") }

// Requests returns the raw policy requests recorded from Postfix.
func Requests() ([]Request, error) {
	const dir = "testdata/postfix/requests"
	var all []Request
	err := eachFile(dir, func(name string, data []byte) error {
		all = append(all, Request{Name: strings.TrimSuffix(name, ".req"), Data: data})
		return nil
	})
	return all, err
}

// dialogues leaves out the recordings that only tell what a mail client saw.
func dialogues(dir string) ([]*Dialogue, error) {
	var all []*Dialogue
	err := eachFile(dir, func(name string, text []byte) error {
		if !holdsConnection(text) {
			return nil
		}
		d, err := Parse(name, text)
		if err == nil {
			all = append(all, d)
		}
		return err
	})
	return all, err
}

func eachFile(dir string, visit func(name string, data []byte) error) error {
	entries, err := fs.ReadDir(recorded, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := fs.ReadFile(recorded, path.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if err := visit(e.Name(), data); err != nil {
			return err
		}
	}
	return nil
}
