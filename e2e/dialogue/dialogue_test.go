package dialogue

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReply(t *testing.T) {
	tests := []struct {
		name     string
		protocol Protocol
		command  string
		answer   string
		want     []string
		line     string
	}{
		{"smtp", SMTP, "NOOP", "250 Ok\r\n250 next\r\n", []string{"250 Ok"}, "250 Ok"},
		{"smtp of many lines", SMTP, "EHLO x", "250-a\r\n250-b\r\n250 c\r\n", []string{"250-a", "250-b", "250 c"}, "250 c"},
		{"smtp bare code", SMTP, "NOOP", "250\r\n", []string{"250"}, "250"},
		{"imap", IMAP, "a NOOP", "* 1 EXISTS\r\nb OK not ours\r\na OK done\r\n", []string{"* 1 EXISTS", "b OK not ours", "a OK done"}, "a OK done"},
		{"imap asks", IMAP, "a AUTHENTICATE PLAIN", "+ \r\n", []string{"+ "}, "+ "},
		{"pop3", POP3, "STAT", "+OK 1 2\r\n.\r\n", []string{"+OK 1 2"}, "+OK 1 2"},
		{"pop3 of many lines", POP3, "RETR 1", "+OK\r\nSubject: x\r\n.\r\n", []string{"+OK", "Subject: x", "."}, "+OK"},
		{"pop3 refused", POP3, "RETR 9", "-ERR no\r\n", []string{"-ERR no"}, "-ERR no"},
		{"pop3 list of one", POP3, "LIST 1", "+OK 1 9\r\n", []string{"+OK 1 9"}, "+OK 1 9"},
		{"closed", SMTP, "QUIT", "221-b", []string{Closed}, Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				bufio.NewReader(server).ReadString('\n')
				fmt.Fprint(server, tt.answer)
			}()
			c := &Conn{protocol: tt.protocol, conn: client, r: bufio.NewReader(client), tag: "*"}
			defer c.Close()
			if err := c.Send(tt.command); err != nil {
				t.Fatal(err)
			}
			got, err := c.Reply()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Lines); diff != "" {
				t.Errorf("reply to %q differs (-want +got):\n%s", tt.command, diff)
			}
			if got.Line() != tt.line {
				t.Errorf("Line() = %q, want %q", got.Line(), tt.line)
			}
		})
	}
}

// The answer to "+" carries no tag; the reply ends at the command's.
func TestReplyAfterContinuation(t *testing.T) {
	client, server := net.Pipe()
	go func() {
		r := bufio.NewReader(server)
		r.ReadString('\n')
		fmt.Fprint(server, "+ \r\n")
		r.ReadString('\n')
		fmt.Fprint(server, "a OK in\r\n")
	}()
	c := &Conn{protocol: IMAP, conn: client, r: bufio.NewReader(client), tag: "*"}
	defer c.Close()
	for _, exchange := range [][2]string{{"a AUTHENTICATE PLAIN", "+ "}, {"AGE=", "a OK in"}} {
		if err := c.Send(exchange[0]); err != nil {
			t.Fatal(err)
		}
		reply, err := c.Reply()
		if err != nil || reply.Line() != exchange[1] {
			t.Fatalf("reply to %q = %q, %v, want %q", exchange[0], reply.Lines, err, exchange[1])
		}
	}
}
