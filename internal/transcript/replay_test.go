package transcript

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const authServer = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tc0ffee\nDONE\n"

// server answers every frame with what reply returns for it.
func server(greeting string, kind Kind, reply func(request string) string) func() (net.Conn, error) {
	return func() (net.Conn, error) {
		client, conn := net.Pipe()
		go func() {
			defer conn.Close()
			fmt.Fprint(conn, greeting)
			r := bufio.NewReader(conn)
			for {
				request, err := kind.readFrame(r)
				if err != nil {
					return
				}
				answer := reply(string(request))
				if answer == "close" {
					return
				}
				fmt.Fprint(conn, answer)
			}
		}()
		return client, nil
	}
}

// complaints is a testing.TB that keeps what it is told.
type complaints struct {
	testing.TB
	told []string
}

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.told = append(c.told, fmt.Sprintf(format, args...))
}

func parse(t *testing.T, text string) *Dialogue {
	t.Helper()
	d, err := Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReplayNeedsOneReply(t *testing.T) {
	const text = "# connect policy\nC> \"request=a\\n\\n\"\nS> \"action=DUNNO\\n\\n\"\nC> \"request=b\\n\\n\"\n"
	tests := []struct {
		name  string
		reply func(string) string
		want  string
	}{
		{"one", func(string) string { return "action=OK\n\n" }, ""},
		{"none", func(string) string { return "" }, `no reply within 10s: a reply to "request=a\n\n"`},
		{"two", func(string) string { return "action=a\n\naction=b\n\n" }, `a reply too many: "action=b\n\n"`},
		{"half", func(string) string { return "action=a\n" }, "no reply within"},
		{"closed", func(string) string { return "close" }, `closed the connection instead of a reply to "request=a\n\n"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := &complaints{TB: t}
				got := Replay(told, parse(t, text).Conns[0], server("", Policy, tt.reply))
				all := strings.Join(told.told, "; ")
				if (all == "") != (tt.want == "") || !strings.Contains(all, tt.want) {
					t.Errorf("Replay complained %q, want %q", all, tt.want)
				}
				if tt.want == "" && string(got.Exchanges[0].Answered) != "action=OK\n\n" {
					t.Errorf("answers %q", got.Exchanges)
				}
			})
		})
	}
}

// Replies may come in any order where requests have ids, a LIST has many lines
// in one reply, and what takes no reply waits for none.
func TestReplayPairsReplies(t *testing.T) {
	tests := []struct {
		name, text, greeting string
		kind                 Kind
		reply                func(string) string
		want                 []Exchange
	}{
		{
			name: "by id", kind: Auth, greeting: authServer,
			text: "# connect auth\nS> \"VERSION\\t1\\t2\\nCOOKIE\\told\\nDONE\\n\"\nC> \"VERSION\\t1\\t2\\nCPID\\t1\\n\"\n" +
				"C> \"AUTH\\t1\\tPLAIN\\n\"\nC> \"AUTH\\t2\\tPLAIN\\n\"\nS> \"FAIL\\t2\\n\"\nS> \"OK\\t1\\n\"\n",
			reply: func() func(string) string {
				return func(r string) string {
					if strings.HasPrefix(r, "AUTH\t2") {
						return "OK\t2\nOK\t1\n"
					}
					return ""
				}
			}(),
			want: []Exchange{
				{Request: []byte("AUTH\t1\tPLAIN\n"), Recorded: []byte("OK\t1\n"), Answered: []byte("OK\t1\n")},
				{Request: []byte("AUTH\t2\tPLAIN\n"), Recorded: []byte("FAIL\t2\n"), Answered: []byte("OK\t2\n")},
			},
		},
		{
			name: "cancel of a 2.4 client", kind: Auth, greeting: authServer,
			text:  "# connect auth\nS> \"DONE\\n\"\nC> \"VERSION\\t1\\t4\\n\"\nC> \"CANCEL\\t1\\n\"\n",
			reply: func(r string) string { return map[bool]string{true: "CANCELLED\t1\n"}[r[0] == 'C'] },
			want:  []Exchange{{Request: []byte("CANCEL\t1\n"), Answered: []byte("CANCELLED\t1\n")}},
		},
		{
			name: "cancel of a 2.3 client", kind: Auth, greeting: authServer,
			text:  "# connect auth\nS> \"DONE\\n\"\nC> \"VERSION\\t1\\t2\\n\"\nC> \"CANCEL\\t1\\n\"\n",
			reply: func(string) string { return "" },
		},
		{
			name: "list", kind: Master, greeting: "VERSION\t1\t1\nSPID\t7\n",
			text: "# connect auth-master\nS> \"VERSION\\t1\\t1\\nSPID\\t1\\n\"\nC> \"LIST\\t1\\n\"\n" +
				"S> \"LIST\\t1\\ta\\n\"\nS> \"LIST\\t1\\tb\\nDONE\\t1\\t\\n\"\nC> \"USER\\t2\\ta\\n\"\nS> \"NOTFOUND\\t2\\n\"\n",
			reply: func(r string) string {
				if r[0] == 'L' {
					return "LIST\t1\tx\nDONE\t1\t\n"
				}
				return "USER\t2\ta\n"
			},
			want: []Exchange{
				{Request: []byte("LIST\t1\n"), Recorded: []byte("LIST\t1\ta\nLIST\t1\tb\nDONE\t1\t\n"), Answered: []byte("LIST\t1\tx\nDONE\t1\t\n")},
				{Request: []byte("USER\t2\ta\n"), Recorded: []byte("NOTFOUND\t2\n"), Answered: []byte("USER\t2\ta\n")},
			},
		},
		{
			name: "dict", kind: Dict,
			text:  "# connect quota\nC> \"H3\\t2\\t0\\t\\tquota\\n\"\nC> \"B1\\tu\\nS1\\tk\\tv\\nC1\\n\"\nS> \"O1\\n\"\nC> \"I0\\t0\\tp\\n\"\nS> \"Ok\\tv\\n\\n\"\n",
			reply: func(r string) string { return map[byte]string{'C': "O1\n", 'I': "Oa\tb\nOc\td\n\n"}[r[0]] },
			want: []Exchange{
				{Request: []byte("C1\n"), Recorded: []byte("O1\n"), Answered: []byte("O1\n")},
				{Request: []byte("I0\t0\tp\n"), Recorded: []byte("Ok\tv\n\n"), Answered: []byte("Oa\tb\nOc\td\n\n")},
			},
		},
		{
			name: "socketmap", kind: Socketmap,
			text:  "=== socketmap ===\n1 [conn 1] \"a b\" -> \"NOTFOUND \"\n1 [conn 1] \"a c\" -> close\n",
			reply: func(r string) string { return "4:OK x," },
			want: []Exchange{
				{Request: []byte("3:a b,"), Recorded: []byte("9:NOTFOUND ,"), Answered: []byte("4:OK x,")},
				{Request: []byte("3:a c,"), Answered: []byte("4:OK x,")},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Replay(t, parse(t, tt.text).Conns[0], server(tt.greeting, tt.kind, tt.reply))
			if diff := cmp.Diff(tt.want, got.Exchanges, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("exchanges differ (-want +got):\n%s", diff)
			}
		})
	}
}

// A REQUEST is asked with the live server's cookie and our own process id, and
// a recording without its handshake gets one.
func TestPlayRewrites(t *testing.T) {
	d := parse(t, "# connect auth\nS> \"COOKIE\\told\\nDONE\\n\"\nC> \"AUTH\\t1\\tPLAIN\\n\"\nS> \"OK\\t1\\n\"\n"+
		"1 master#1 C> \"REQUEST\\t9\\t5\\t1\\told\\tsession_pid=3\\n\"\n1 master#1 S> \"USER\\t9\\tu\\n\"\n")
	var heard []string
	hear := func(greeting string, kind Kind, reply string) func() (net.Conn, error) {
		return server(greeting, kind, func(r string) string {
			heard = append(heard, r)
			return map[bool]string{true: reply}[r[0] == 'A' || r[0] == 'R']
		})
	}
	dials := map[Kind]func() (net.Conn, error){
		Auth:   hear(authServer, Auth, "OK\t1\n"),
		Master: hear("VERSION\t1\t1\nSPID\t7\n", Master, "USER\t9\tu\n"),
	}
	results := Play(t, d, func(k Kind) (net.Conn, error) { return dials[k]() })
	want := []string{"AUTH\t1\tPLAIN\n", "VERSION\t1\t0\n", fmt.Sprintf("REQUEST\t9\t5\t1\tc0ffee\tsession_pid=%d\n", os.Getpid())}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("the servers heard (-want +got):\n%s", diff)
	}
	if got := string(results[1].Exchanges[0].Answered); got != "USER\t9\tu\n" {
		t.Errorf("REQUEST answered %q", got)
	}
	if got := string(results[0].Greeting); got != authServer {
		t.Errorf("greeting %q, want %q", got, authServer)
	}
}
