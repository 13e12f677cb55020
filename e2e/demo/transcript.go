package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/rig"
	"github.com/gatepost/gatepost/e2e/scenario"
)

// transcript prints what a scenario does. It is a scenario.Report.
type transcript struct {
	w       io.Writer
	colour  bool
	replies int // that were shown
}

func newTranscript(f *os.File) *transcript {
	stat, err := f.Stat()
	terminal := err == nil && stat.Mode()&os.ModeCharDevice != 0
	return &transcript{w: f, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

// The colours are those every terminal has (ECMA-48, SGR).
const (
	bold  = "1"
	red   = "31"
	green = "32"
	faint = "2"
)

func (t *transcript) paint(colour, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (t *transcript) title(text, dir string) {
	fmt.Fprintf(t.w, "%s\nAll of it is in %s, beside the mail system of this machine.\n", t.paint(bold, text), dir)
}

// Heading begins a part.
func (t *transcript) Heading(text string) { fmt.Fprintf(t.w, "\n%s\n", t.paint(bold, text)) }

// Command shows what was typed, and below it what came of it.
func (t *transcript) Command(line string, output []string) {
	fmt.Fprintln(t.w, "  $", line)
	for _, o := range output {
		t.replies++
		fmt.Fprintln(t.w, "      ", t.verdict(o))
	}
}

// macros are what a reader need not see: base64 and filler.
var (
	credentials = regexp.MustCompile(`\{plain (\S+) [^}]*\}`)
	mail        = regexp.MustCompile(`\{message (?:(\d+) )?([^}]*)\}`)
)

// Exchange shows a client's line and the server's on one line.
func (t *transcript) Exchange(e scenario.Exchange) {
	t.replies++
	sent := credentials.ReplaceAllString(e.Sent, "(as $1)")
	sent = mail.ReplaceAllStringFunc(sent, func(m string) string {
		parts := mail.FindStringSubmatch(m)
		if parts[1] == "" {
			return fmt.Sprintf("(the mail %q)", parts[2])
		}
		return fmt.Sprintf("(the mail %q, %s octets)", parts[2], parts[1])
	})
	fmt.Fprintf(t.w, "  %-4s %-8s %-42s %s\n", e.Protocol, e.Connection, sent, t.verdict(e.Line))
}

var refusal = regexp.MustCompile(`^(?:<[-~*]+ +)?(?:[45]\d\d |-ERR|\w+ NO )`)

// verdict paints a refusal red and what was granted green.
func (t *transcript) verdict(line string) string {
	if refusal.MatchString(line) {
		return t.paint(red, line)
	}
	return t.paint(green, shortened(line))
}

// shortened leaves out the list of capabilities in the middle of IMAP's OK.
func shortened(line string) string {
	before, rest, found := strings.Cut(line, "[CAPABILITY ")
	_, after, closed := strings.Cut(rest, "] ")
	if !found || !closed {
		return line
	}
	return before + after
}

// Fact shows something that was found to be so.
func (t *transcript) Fact(text string) { fmt.Fprintln(t.w, "  "+t.paint(faint, text)) }

func (t *transcript) done(took time.Duration) {
	fmt.Fprintf(t.w, "\n%s\n", t.paint(bold, fmt.Sprintf("All %d replies are as they should be. (%.1f s)", t.replies, took.Seconds())))
}

// kept tells how to talk to what was left running.
func (t *transcript) kept(r *rig.Rig) {
	p := r.Ports
	fmt.Fprintf(t.w, `
Everything still runs, in %[1]s. The passwords are Anna-demo-1, Bobo-demo-1, Dora-demo-1,
Scan-demo-1 and Kimi-demo-1; mail that leaves waits in Postfix's queue, for there is no world outside.

  administer   export GATEPOST_SOCKET=%[2]s; %[3]s/gatepostctl user list
               curl --unix-socket %[2]s http://gatepost/v1/users
  send         swaks --server 127.0.0.1:%[4]d --from you@sender.test --to bob@demo.test
  submit       swaks --server 127.0.0.1:%[5]d --tls --auth PLAIN --auth-user bob@demo.test --from bob@demo.test --to kim@demo.test
  read         curl --user bob@demo.test imap://127.0.0.1:%[6]d/INBOX
               curl --user bob@demo.test pop3://127.0.0.1:%[7]d/
  ask          MAIL_CONFIG=%[8]s postmap -q bob@demo.test proxy:socketmap:unix:gatepost/socketmap:mailboxes
               doveadm -c %[9]s user bob@demo.test
  watch        curl http://127.0.0.1:%[10]d/metrics; tail -f %[1]s/log/*.log
  stop         %[11]s
`, r.Dir, r.AdminSocket(), r.Bin(), p.MX, p.Submission, p.IMAP, p.POP3, r.MailConfig(), r.DovecotConf(), p.Metrics, r.StopScript())
}
