package socketmap

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/exchange"
	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/internal/transcript"
)

// fixture is a server over the standard directory.
type fixture struct {
	*Server
	doortest.Record
	t    testing.TB
	dial doortest.Dial
}

// prepare makes a server that does not run yet.
func prepare(t testing.TB) *fixture {
	t.Helper()
	d, _ := testkit.Standard(t)
	testkit.Update(t, d, furnish)
	f := &fixture{t: t}
	f.Server = &Server{Directory: d, Log: slog.New(slog.NewTextHandler(f, nil)), Hooks: Hooks{
		Query: func(m Map, r Result, took time.Duration) {
			f.Told("%v %v", m, r)
			if took < 0 {
				f.Told("took %v", took)
			}
		},
		Malformed: func(m Malformation) { f.Told("malformed %v", m) },
		Panicked:  func() { f.Told("panicked") },
	}}
	return f
}

// open runs a server on a Unix socket.
func open(t testing.TB) *fixture {
	t.Helper()
	f := prepare(t)
	f.dial = doortest.Unix(t, f)
	return f
}

// client is one connection to the server.
type client struct {
	*doortest.Client
	t testing.TB
}

func (f *fixture) connect() *client {
	f.t.Helper()
	return &client{doortest.Connect(f.t, f.dial), f.t}
}

// query asks and returns the reply without its frame.
func (c *client) query(text string) string {
	c.t.Helper()
	return unframe(c.t, c.Ask(netstring(text)))
}

// The recorded dialogues. Names that the standard directory holds as the
// recorded server did are compared; all must have one reply that Postfix takes.
func TestRecordedDialogues(t *testing.T) {
	compared := []string{"alice", "bob", "disabled", "sendonly", "Alice+x", "Alice+News", "ALICE", "alice+news", "alice+x", "sendonly+x", "nobody", "a b", "al ice"}
	dialogues, err := transcript.Postfix()
	if err != nil {
		t.Fatal(err)
	}
	played, same := 0, 0
	f := open(t)
	for _, d := range dialogues {
		for _, c := range d.Conns {
			if c.Kind != transcript.Socketmap {
				continue
			}
			for _, e := range transcript.Replay(t, c, f.dial).Exchanges {
				played++
				got := unframe(t, string(e.Answered))
				query, _, _ := decode(e.Request)
				_, key, _ := strings.Cut(string(query), " ")
				local, domain, _ := strings.Cut(key, "@")
				isDomain := strings.HasPrefix(string(query), "domains ") && slices.Contains([]string{"example.test", "sender.test", "elsewhere.invalid", "[10.0.0.1]"}, key)
				if key != "*" && !isDomain && (!strings.EqualFold(domain, "example.test") || !slices.Contains(compared, local)) {
					continue
				}
				if e.Recorded == nil || deliberate(string(e.Recorded)) {
					continue
				}
				same++
				if want := unframe(t, string(e.Recorded)); got != want {
					t.Errorf("%s %s: %q answered %q, recorded %q", d.Name, c.Name, query, got, want)
				}
			}
		}
	}
	if played < 500 || same < 300 {
		t.Errorf("%d exchanges played and %d compared", played, same)
	}
}

// deliberate reports whether the recorded server was told to answer wrongly.
func deliberate(frame string) bool {
	_, payload, _ := strings.Cut(strings.TrimSuffix(frame, ","), ":")
	word, data, _ := strings.Cut(payload, " ")
	return word != "OK" && payload != "NOTFOUND " || word == "OK" && (data == "" || strings.HasPrefix(data, "xx"))
}

// Every malformed query ends its connection without a reply, with one log line
// and one call of the hook; what was asked before it is answered.
func TestMalformed(t *testing.T) {
	tests := append(slices.Clone(malformed), []struct {
		name, text string
		want       Malformation
	}{
		{"half a length", "1", Truncated},
		{"half a query", "20:domains exam", Truncated},
		{"no comma and no more", "3:a b", Truncated},
	}...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			c := f.connect()
			c.query("mailboxes alice@example.test")
			f.Taken()
			c.Send(tt.text)
			c.CloseWrite()
			if rest := c.Rest(); rest != "" {
				t.Errorf("reply %q, want none", rest)
			}
			doortest.Stop(t, f)
			events, log := f.Taken()
			if want := []string{"malformed " + tt.want.String()}; !slices.Equal(events, want) {
				t.Errorf("events %q, want %q", events, want)
			}
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=WARN") || !strings.Contains(log, "reason="+tt.want.String()) {
				t.Errorf("log %q, want one warning", log)
			}
		})
	}
}

// Half a query has 5 s; an idle connection stays.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := prepare(t)
		f.dial = doortest.Pipes(t, f)
		idle := f.connect()
		time.Sleep(24 * time.Hour)
		if got := idle.query("domains example.test"); got != "OK example.test" {
			t.Errorf("after a day: %q", got)
		}
		begin := time.Now()
		half := f.connect()
		half.Send("20:domains")
		if rest := half.Rest(); rest != "" {
			t.Errorf("half a query was answered: %q", rest)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("half a query waited %v, want 5s", took)
		}
		synctest.Wait()
		if events, _ := f.Taken(); !slices.Equal(events, []string{"domains ok", "malformed timeout"}) {
			t.Errorf("events %q", events)
		}
	})
}

// The hook is told each query, and a wrong map is logged once a connection.
func TestHooks(t *testing.T) {
	f := open(t)
	c := f.connect()
	for _, q := range []string{"domains example.test", "mailboxes nobody@example.test", "typo x", "typo y"} {
		c.query(q)
	}
	doortest.Stop(t, f)
	events, log := f.Taken()
	if want := []string{"domains ok", "mailboxes notfound", "unknown temp", "unknown temp"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, "map=typo") {
		t.Errorf("log %q, want one line about the map", log)
	}
}

// A bug costs one connection and says nothing to Postfix.
func TestPanic(t *testing.T) {
	f := prepare(t)
	f.Directory = nil
	f.dial = doortest.Unix(t, f)
	c := f.connect()
	c.Send(netstring("domains example.test"))
	if rest := c.Rest(); rest != "" {
		t.Errorf("reply %q", rest)
	}
	doortest.Stop(t, f)
	events, log := f.Taken() // of the event loop's panic, and of the handler's
	if !slices.Equal(events, []string{"panicked", "panicked"}) || !strings.Contains(log, "level=ERROR") {
		t.Errorf("events %q, log %q", events, log)
	}
}

// FuzzConversation sends anything, in pieces of any size: each query that is one
// gets one reply that Postfix takes, written at once, and nothing else is said.
func FuzzConversation(f *testing.F) {
	dialogues, err := transcript.Postfix()
	if err != nil {
		f.Fatal(err)
	}
	for _, d := range dialogues {
		for _, c := range d.Conns {
			for _, s := range c.Steps {
				if c.Kind == transcript.Socketmap && s.FromClient && len(c.Steps) < 10 {
					f.Add(s.Data, uint16(len(s.Data)/2))
				}
			}
		}
	}
	for _, m := range malformed {
		f.Add([]byte(m.text), uint16(1))
		f.Add([]byte(netstring("domains example.test")+m.text), uint16(30))
	}
	for _, q := range []string{"aliases nested@example.test", `aliases "x y"@example.test`, "senders team@example.test", "transport *", "transport DISABLED@Example.test.", "domains straße.test"} {
		f.Add([]byte(netstring(q)+netstring(q)), uint16(7))
	}
	shared := newSession(f).server
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		queries := 0
		for rest := data; ; queries++ {
			_, n, err := decode(rest)
			if n < 0 || n > len(rest) || n > maxRequest || err != nil && n > 0 {
				t.Fatalf("decode = %d, %v of %d bytes", n, err, len(rest))
			}
			if n == 0 {
				break
			}
			rest = rest[n:]
		}
		c := doortest.Pieces(data, int(piece)+1)
		err := exchange.Run(c, &session{server: shared, log: shared.log}, maxRequest)
		if _, is := malformation(err); err != nil && !is {
			t.Fatalf("Run: %v", err)
		}
		if c.Writes != queries {
			t.Fatalf("%d queries got %d replies", queries, c.Writes)
		}
		for rest := c.Written.Bytes(); len(rest) > 0; {
			_, n, err := decode(rest)
			if n == 0 {
				t.Fatalf("reply %q: %v", rest, err)
			}
			unframe(t, string(rest[:n]))
			rest = rest[n:]
		}
	})
}
