package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/serve"
)

const (
	defaultPolicy     = "classic8"
	maxPasswordLength = password.MaxSecret
	maxFailureDelay   = 8 * time.Second // Postfix waits 10 s for an answer to AUTH
	maxRetention      = 36500           // days
	maxName           = 32              // useradd(8), groupadd(8)
	maxHome           = 1024
	maxQuotaRoot      = 255
)

// absolutePath reads a path that means the same wherever gatepostd is started.
func absolutePath(s string) (string, error) {
	switch {
	case strings.ContainsRune(s, 0):
		return "", errors.New("a path cannot hold a NUL byte")
	case !filepath.IsAbs(s):
		return "", fmt.Errorf("%q is not an absolute path", s)
	}
	return filepath.Clean(s), nil
}

// account reads the name or the number of a user or group.
func account(value any) (Account, error) {
	switch v := value.(type) {
	case int64:
		return account(strconv.FormatInt(v, 10))
	case string:
		return Account(v), checkAccount(v)
	}
	return "", fmt.Errorf("%s where a name or a number is expected", kindOf(value))
}

func checkAccount(s string) error {
	if _, err := strconv.ParseInt(s, 10, 64); err == nil {
		return checkID(s)
	}
	plain := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' || r == '/' || r == ',' }) < 0
	if s == "" || len(s) > maxName || !plain || s[0] == '-' {
		return fmt.Errorf("%q is neither a name nor a number of an account", s)
	}
	return nil
}

// checkID refuses 65535 and 4294967295, which mean "unchanged" to chown(2).
func checkID(s string) error {
	id, err := strconv.ParseUint(s, 10, 32)
	if err != nil || id == 1<<16-1 || id == 1<<32-1 {
		return fmt.Errorf("%s is not the number of an account", s)
	}
	return nil
}

// unprivileged reads an account that mail may belong to.
func unprivileged(value any) (Account, error) {
	a, err := account(value)
	if err != nil {
		return "", err
	}
	if id, err := strconv.ParseUint(string(a), 10, 32); err == nil && id == 0 || a == "root" {
		return "", errors.New("mail must not belong to root; Dovecot refuses it too")
	}
	return a, nil
}

// homeTemplate reads Dovecot's home: an absolute path with the variables that
// tell users apart.
func homeTemplate(s string) (string, error) {
	switch {
	case len(s) > maxHome:
		return "", fmt.Errorf("a home has at most %d bytes", maxHome)
	case strings.ContainsFunc(s, isControl):
		return "", errors.New("a home cannot hold a control character")
	case !path.IsAbs(s):
		return "", fmt.Errorf("%q is not an absolute path", s)
	case path.Clean(s) != s:
		return "", fmt.Errorf("the path is not clean, write %q", path.Clean(s))
	}
	rest := strings.NewReplacer("%u", "", "%n", "", "%d", "").Replace(s)
	if i := strings.IndexByte(rest, '%'); i >= 0 {
		return "", fmt.Errorf("unknown variable %.2q; there are %%u (address), %%n (local part) and %%d (domain)", rest[i:])
	}
	if !strings.Contains(s, "%u") && !(strings.Contains(s, "%n") && strings.Contains(s, "%d")) {
		return "", errors.New("users would share a home; it needs %u, or %d and %n")
	}
	return s, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// delimiters reads Postfix's recipient_delimiter: a set of characters.
func delimiters(s string) (string, error) {
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`@"\(),:;<>[]`, r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' {
			return "", fmt.Errorf("%q cannot separate a detail from a local part", r)
		}
	}
	return s, nil
}

// quotaRoot reads the name that Dovecot's configuration gives a quota root.
func quotaRoot(s string) (string, error) {
	if s == "" || len(s) > maxQuotaRoot || strings.ContainsAny(s, "/=") || strings.ContainsFunc(s, isControl) {
		return "", fmt.Errorf("%q is not the name of a quota root", s)
	}
	return s, nil
}

func between(low, high int64) func(int64) error {
	return func(n int64) error {
		if n < low || n > high {
			return fmt.Errorf("%d is not between %d and %d", n, low, high)
		}
		return nil
	}
}

func percent(n int64) error { return between(1, 100)(n) }

func fullCode(n int64) error {
	if n != 552 && n != 452 {
		return fmt.Errorf("%d is neither 552 nor 452", n)
	}
	return nil
}

// ascending refuses a list in which a number is not larger than the one before.
func (s *section) ascending(key string, list []int) {
	for i := 1; i < len(list); i++ {
		if list[i] <= list[i-1] {
			s.complain(join(s.name, key)+"["+strconv.Itoa(i)+"]", "%d after %d; percentages ascend", list[i], list[i-1])
		}
	}
}

func failureDelay(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf(`%q is not a duration such as "2s" or "500ms"`, s)
	}
	if d < 0 || d > maxFailureDelay {
		return 0, fmt.Errorf("%v is not between 0s and %v", d, maxFailureDelay)
	}
	return d, nil
}

// retention reads for how many days changes stay in the audit trail; 0: for ever.
// There is no shorter unit: nobody means to lose the trail of this morning.
func retention(s string) (time.Duration, error) {
	if s == "forever" {
		return 0, nil
	}
	digits, isDays := strings.CutSuffix(s, "d")
	days, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || !isDays {
		return 0, fmt.Errorf(`%q is neither "forever" nor a number of days such as "730d"`, s)
	}
	if days < 1 || days > maxRetention {
		return 0, fmt.Errorf(`%s is not between 1d and %dd; "forever" keeps everything`, s, maxRetention)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// network reads an address range, or one address.
func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf(`%q is not a network such as "192.0.2.0/24"`, s)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its length; the network is %s", p, p.Masked())
	}
	return p, nil
}

// dovecotAddress reads "host:port" or "unix:/path".
func dovecotAddress(s string) (string, error) {
	full := s
	if !strings.HasPrefix(s, "unix:") {
		full = "tcp:" + s
	}
	if _, err := serve.ParseAddress(full); err != nil {
		return "", fmt.Errorf(`%w; want "host:port" or "unix:/path"`, err)
	}
	return s, nil
}

func doveadmURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", errors.New(`want a URL such as "http://127.0.0.1:8080", without user or password`)
	}
	return s, nil
}
