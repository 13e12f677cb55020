package scenario

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatepost/gatepost/e2e/dialogue"
	"github.com/gatepost/gatepost/e2e/rig"
)

// Scenario is a file that was read.
type Scenario struct {
	Name  string // the file's, without its folder and ".txt"
	Title string // its first line
	steps []step
}

// step is one statement with the lines that belong to it.
type step struct {
	line  int
	text  string // as written
	quiet bool   // not for a demonstration
	run   func(context.Context, *run) error
}

// Report is told what happens, as it happens.
type Report interface {
	Heading(text string)
	// Command tells what an administrator typed and the lines of its output that were expected.
	Command(line string, output []string)
	Exchange(Exchange)
	// Fact tells something that was found to be so.
	Fact(text string)
}

// Exchange is what a client sent on a connection, and a line of the server's reply.
type Exchange struct {
	Protocol   dialogue.Protocol
	Connection string // its name
	Sent       string // as written; "" for a further line of the same reply
	Line       string
}

// Load reads the scenario in the file at name.
func Load(name string) (*Scenario, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(strings.TrimSuffix(filepath.Base(name), ".txt"), string(text))
}

// Failure says where a scenario went wrong.
type Failure struct {
	Scenario string
	Line     int
	Text     string // the statement
	Err      error
	Dialogue string // what was said before, on the connection in use
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s:%d: %s\n%v%s", f.Scenario, f.Line, f.Text, f.Err, f.Dialogue)
}

func (f *Failure) Unwrap() error { return f.Err }

// Run runs the scenario against r and stops at the first thing that is not as
// it should be, with a *Failure.
func (s *Scenario) Run(ctx context.Context, r *rig.Rig, report Report) error {
	state := newRun(r, report)
	defer state.close()
	for _, step := range s.steps {
		state.quiet = step.quiet
		if err := step.run(ctx, state); err != nil {
			return &Failure{Scenario: s.Name, Line: step.line, Text: step.text, Err: err, Dialogue: state.said()}
		}
	}
	return nil
}

// run is a scenario under way.
type run struct {
	rig    *rig.Rig
	report Report
	quiet  bool // the step under way is not for the report

	conns   map[string]*conn // by name
	current *conn
	env     []string

	metrics map[string]float64 // series when the scenario began
	logs    map[string]int64   // sizes of the logs when it began
	outside int                // mails at the sink when it began
}

// conn is an open connection and what was said on it.
type conn struct {
	*dialogue.Conn
	name  string
	kind  kind
	reply dialogue.Reply
	fresh bool   // no S: has taken the reply yet
	owed  bool   // the client said something, and no reply was read since
	sent  string // what the client said last, as written, until it was reported
	said  []string
}

// kind is a door of the rig for mail clients.
type kind struct {
	protocol dialogue.Protocol
	port     func(rig.Ports) int
	tls      bool // from the beginning
	startTLS bool
}

// kinds are the words after "connect".
var kinds = map[string]kind{
	"mx":          {protocol: dialogue.SMTP, port: func(p rig.Ports) int { return p.MX }},
	"submission":  {protocol: dialogue.SMTP, port: func(p rig.Ports) int { return p.Submission }, startTLS: true},
	"submissions": {protocol: dialogue.SMTP, port: func(p rig.Ports) int { return p.Submissions }, tls: true},
	"imap":        {protocol: dialogue.IMAP, port: func(p rig.Ports) int { return p.IMAP }},
	"imaps":       {protocol: dialogue.IMAP, port: func(p rig.Ports) int { return p.IMAPS }, tls: true},
	"pop3":        {protocol: dialogue.POP3, port: func(p rig.Ports) int { return p.POP3 }},
	"lmtp":        {protocol: dialogue.LMTP, port: func(p rig.Ports) int { return p.LMTP }},
}

func newRun(r *rig.Rig, report Report) *run {
	s := &run{rig: r, report: report, conns: map[string]*conn{}, logs: r.LogSizes(), env: environment(r)}
	s.metrics = s.scrape(context.Background())
	s.outside = len(r.Sink.Messages())
	return s
}

func (s *run) close() {
	for _, c := range s.conns {
		c.Close()
	}
}

// said returns the end of the current connection's dialogue for a report of what went wrong.
func (s *run) said() string {
	if s.current == nil {
		return ""
	}
	last := s.current.said[max(0, len(s.current.said)-12):]
	return "\nthe dialogue before:\n  " + strings.Join(last, "\n  ")
}

// environment is what the commands of a scenario see.
func environment(r *rig.Rig) []string {
	p := r.Ports
	env := append(os.Environ(),
		"PATH="+r.Bin()+":/usr/sbin:/sbin:"+os.Getenv("PATH"),
		"GATEPOST_SOCKET="+r.AdminSocket(), "MAIL_CONFIG="+r.MailConfig(), "DOVECOT_CONF="+r.DovecotConf(), "RIG="+r.Dir)
	for name, port := range map[string]int{
		"MX": p.MX, "SUBMISSION": p.Submission, "SUBMISSIONS": p.Submissions,
		"IMAP": p.IMAP, "IMAPS": p.IMAPS, "POP3": p.POP3, "LMTP": p.LMTP, "METRICS": p.Metrics,
	} {
		env = append(env, fmt.Sprintf("%s=%d", name, port))
	}
	return env
}

// insecure is right for a certificate that was made for this rig a second ago.
var insecure = &tls.Config{InsecureSkipVerify: true}
