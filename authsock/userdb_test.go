package authsock

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/serve"
)

func mailOf(t testing.TB, home string) *Mail {
	t.Helper()
	m, err := NewMail(MailOptions{UID: 5000, GID: 5001, Home: home, QuotaRoot: "User quota"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMail(t *testing.T) {
	tests := []struct{ name, home, address, want string }{
		{"usual", "/var/vmail/%d/%n", "alice@example.test", "/var/vmail/example.test/alice"},
		{"address", "/var/vmail/%u", "alice@example.test", "/var/vmail/alice@example.test"},
		{"text around", "/srv/x-%n.mail/%d", "o'hara@example.test", "/srv/x-o'hara.mail/example.test"},
		{"no variable", "/var/vmail", "alice@example.test", "/var/vmail"},
		{"non-ASCII", "/var/vmail/%d/%n", "jürgen@xn--bcher-kva.test", "/var/vmail/xn--bcher-kva.test/jürgen"},
		{"parent", "/var/vmail/%d/%n", "..@example.test", ""},
		{"itself", "/var/vmail/%d/%n", ".@example.test", ""},
		{"hidden", "/var/vmail/%d/%n", ".ssh@example.test", ""},
		{"slash", "/var/vmail/%d/%n", "a/../../b@example.test", ""},
		{"NUL", "/var/vmail/%d/%n", "a\x00b@example.test", ""},
		{"TAB", "/var/vmail/%d/%n", "a\tuid=0@example.test", ""},
		{"slash in the address", "/var/vmail/%u", "a/b@example.test", ""},
		{"empty local part", "/var/vmail/%d/%n", "@example.test", ""},
		{"no domain", "/var/vmail/%d/%n", "alice", ""},
		{"domain is a parent", "/var/vmail/%d/%n", "alice@..", ""},
		{"too long", "/" + strings.Repeat("%n", 20), strings.Repeat("a", 250) + "@example.test", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mailOf(t, tt.home).appendFields(nil, []byte(tt.address), 20480)
			if tt.want == "" {
				if !errors.Is(err, errHome) {
					t.Errorf("appendFields(%q) = %q, %v, want an error", tt.address, got, err)
				}
				return
			}
			want := "\tuid=5000\tgid=5001\thome=" + tt.want + "\tquota_rule=*:bytes=20480\tquota/User quota/storage_size=20480"
			if string(got) != want || err != nil {
				t.Errorf("appendFields(%q) = %q, %v, want %q", tt.address, got, err, want)
			}
		})
	}
}

func TestNewMailRefuses(t *testing.T) {
	good := MailOptions{UID: 1, GID: 1, Home: "/var/vmail/%d/%n", QuotaRoot: "User quota"}
	tests := []struct {
		name string
		set  func(*MailOptions)
		want string
	}{
		{"root", func(o *MailOptions) { o.UID = 0 }, "uid: "},
		{"group root", func(o *MailOptions) { o.GID = 0 }, "gid: "},
		{"relative", func(o *MailOptions) { o.Home = "vmail/%n" }, "home: an absolute path"},
		{"empty", func(o *MailOptions) { o.Home = "" }, "home: an absolute path"},
		{"parent", func(o *MailOptions) { o.Home = "/var/../%n" }, "home: an absolute path"},
		{"unknown variable", func(o *MailOptions) { o.Home = "/var/%h" }, "home: only %d, %n and %u"},
		{"variable cut off", func(o *MailOptions) { o.Home = "/var/%" }, "home: only %d, %n and %u"},
		{"percent sign", func(o *MailOptions) { o.Home = "/var/%%n" }, "home: only %d, %n and %u"},
		{"TAB", func(o *MailOptions) { o.Home = "/var/a\tb" }, "home: holds a control"},
		{"long", func(o *MailOptions) { o.Home = "/" + strings.Repeat("a", 1024) }, "home: longer"},
		{"no root", func(o *MailOptions) { o.QuotaRoot = "" }, "quota root: "},
		{"root with a slash", func(o *MailOptions) { o.QuotaRoot = "a/b" }, "quota root: "},
		{"root with an equals sign", func(o *MailOptions) { o.QuotaRoot = "a=b" }, "quota root: "},
		{"root with a TAB", func(o *MailOptions) { o.QuotaRoot = "a\tb" }, "quota root: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.set(&o)
			if _, err := NewMail(o); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("NewMail(%+v): %v, want %q…", o, err, tt.want)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		mask, name string
		want       bool
	}{
		{"*", "", true}, {"*", "a", true}, {"", "", true}, {"", "a", false}, {"a", "", false},
		{"al*", "alice@x", true}, {"al*", "bal", false}, {"*@x", "a@x", true}, {"*@x", "a@xy", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"?", "é", true}, {"??", "é", false},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"**", "x", true}, {"a**", "a", true},
		{"a*", "b", false}, {"*aab", "aaaab", true}, {"*[a]*", "x[a]", true},
		{strings.Repeat("a*", 2000) + "b", strings.Repeat("a", 254), false},
	}
	for _, tt := range tests {
		if got := matches([]byte(tt.mask), []byte(tt.name)); got != tt.want {
			t.Errorf("matches(%.40q, %.40q) = %v, want %v", tt.mask, tt.name, got, tt.want)
		}
	}
}

// scratch is a masterConn that nobody listens to.
func scratch(t testing.TB) *masterConn {
	d, _ := doortest.Crowd(t, 1000)
	m := &Master{Directory: d, Requests: NewRequests()}
	m.once.Do(m.prepare)
	m.Mail.Store(mailOf(t, "/var/vmail/%d/%n"))
	return newMasterConn(m, &serve.Conn{})
}

func TestUserAllocatesNothing(t *testing.T) {
	c := scratch(t)
	for _, command := range []string{"USER\t1\tuser7@example.test\tservice=lmtp\tlip=127.0.0.1", "USER\t1\tUser7+list@example.test\tservice=lmtp", "USER\t1\tnobody@example.test"} {
		line := make([]byte, 0, 100)
		if n := testing.AllocsPerRun(100, func() {
			line = append(line[:0], command...)
			if _, err := c.command(line); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%q costs %v allocations, want 0", command, n)
		}
	}
}

func BenchmarkUser(b *testing.B) {
	c := scratch(b)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = append(buf[:0], "USER\t1\tuser7@example.test\tservice=lmtp\tlip=127.0.0.1\tlport=24"...)
		if _, err := c.command(buf); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(c.out)))
}

// The longest reply that the options allow stays below what Dovecot reads.
func TestLongestReply(t *testing.T) {
	long := strings.Repeat("a", 50)
	m, err := NewMail(MailOptions{UID: 1<<32 - 1, GID: 1<<32 - 1, Home: "/" + strings.Repeat("%u", 64) + strings.Repeat("h", 50), QuotaRoot: strings.Repeat("q", maxQuotaRoot)})
	if err != nil {
		t.Fatal(err)
	}
	b := appendWord(nil, "USER", 1<<32-1)
	b, err = m.appendFields(append(b, long+"@example.test"...), []byte(long+"@example.test"), 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 4000 || len(b) > 8191-200 {
		t.Errorf("%d bytes", len(b))
	}
}
