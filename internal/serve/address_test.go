package serve

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given, network, path, hostPort string
		loopback                       bool
	}{
		"unix":         {"unix:/run/gatepost/policy", "unix", "/run/gatepost/policy", "", true},
		"unix, colon":  {"unix:/run/a:b", "unix", "/run/a:b", "", true},
		"unix, long":   {"unix:/" + strings.Repeat("x", 106), "unix", "/" + strings.Repeat("x", 106), "", true},
		"IPv4":         {"tcp:127.0.0.1:10040", "tcp", "", "127.0.0.1:10040", true},
		"other IPv4":   {"tcp:127.9.9.9:10040", "tcp", "", "127.9.9.9:10040", true},
		"IPv6":         {"tcp:[::1]:10040", "tcp", "", "[::1]:10040", true},
		"mapped":       {"tcp:[::ffff:127.0.0.1]:1", "tcp", "", "[::ffff:127.0.0.1]:1", true},
		"localhost":    {"tcp:localhost:0", "tcp", "", "localhost:0", true},
		"everybody":    {"tcp:0.0.0.0:10040", "tcp", "", "0.0.0.0:10040", false},
		"everybody, 6": {"tcp:[::]:10040", "tcp", "", "[::]:10040", false},
		"network":      {"tcp:192.0.2.1:65535", "tcp", "", "192.0.2.1:65535", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := ParseAddress(test.given)
			if err != nil || a.Network() != test.network || a.Path() != test.path || a.HostPort() != test.hostPort || a.IsLoopback() != test.loopback || a.String() != test.given {
				t.Errorf("ParseAddress(%q) = %s %q %q loopback %t, %v, want %+v", test.given, a.Network(), a.Path(), a.HostPort(), a.IsLoopback(), err, test)
			}
		})
	}
}

func TestParseAddressRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ given, want string }{
		"nothing":        {"", `want "unix:/path" or "tcp:host:port"`},
		"bare path":      {"/run/x", `want "unix:/path" or "tcp:host:port"`},
		"other network":  {"udp:127.0.0.1:1", `want "unix:/path" or "tcp:host:port"`},
		"no path":        {"unix:", "must be absolute"},
		"relative":       {"unix:run/x", "must be absolute"},
		"abstract":       {"unix:@gatepost", "must be absolute"},
		"NUL":            {"unix:/run/\x00", "NUL"},
		"not clean":      {"unix:/run//x/", `write "/run/x"`},
		"root":           {"unix:/", "is a directory"},
		"long":           {"unix:/" + strings.Repeat("x", 107), "has 108 bytes, a unix socket's may have 107"},
		"no port":        {"tcp:127.0.0.1", `want "tcp:host:port"`},
		"no host":        {"tcp::10040", "no host; write 127.0.0.1, or 0.0.0.0"},
		"host name":      {"tcp:mail.example.test:1", `"mail.example.test" is neither an IP address nor localhost`},
		"naked IPv6":     {"tcp:::1:10040", "brackets"},
		"named port":     {"tcp:127.0.0.1:smtp", `port "smtp" is not a number`},
		"port too large": {"tcp:127.0.0.1:65536", `port "65536" is not a number from 0 to 65535`},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := ParseAddress(test.given)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseAddress(%q) = %v, %v, want an error with %q", test.given, a, err, test.want)
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"unix:/run/gatepost/policy", "tcp:127.0.0.1:10040", "tcp:[::1]:1", "tcp:localhost:0", "unix:", "tcp:[fe80::1%lo]:1", "tcp:[]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if a.String() != s || (a.Path() == "") == (a.HostPort() == "") || len(a.Path()) > maxUnixPath {
			t.Errorf("ParseAddress(%q) = %q, path %q, host and port %q", s, a, a.Path(), a.HostPort())
		}
	})
}
