package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/policy"
)

// complete uses every key, with values that are not the defaults.
const complete = `
state_dir = "/srv/gatepost/"

[[listen]]
door    = "policy"
address = "tcp:192.0.2.1:10040"

[[listen]]
door    = "auth"
address = "unix:/run/gatepost/auth"

[[listen]]
door    = "auth"
address = "unix:/run/gatepost/login"
mode    = "0600"
owner   = 120
group   = "dovenull"

[[listen]]
door    = "auth-master"
address = "tcp:[::1]:10041"

[[listen]]
door    = "metrics"
address = "off"

[mail]
uid = 5000
gid = "5001"
home = "/mail/%u"
recipient_delimiter = "+-"
quota_root = "Storage"

[quota]
default   = "0.5G"
warn_at   = [50, 90, 99]
full_code = 452

[password]
scheme = "sha512-crypt"
policy = { min_length = 12, max_length = 100, digit = true }

[policy.rules]
recipient-over-quota = "shadow"
sender-not-owner = "off"

[login]
failure_delay    = "500ms"
trusted_networks = ["192.0.2.0/24", "2001:db8::1"]

[dovecot]
imap = "unix:/run/dovecot/imap"
doveadm = "http://127.0.0.1:8080"
doveadm_key_file = "/etc/gatepost/doveadm.key"

[audit]
retention = "730d"
`

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return c
}

func TestComplete(t *testing.T) {
	c := parse(t, complete)
	want := &Config{
		StateDir: "/srv/gatepost",
		Mail:     Mail{UID: "5000", GID: "5001", Home: "/mail/%u", Delimiters: "+-", QuotaRoot: "Storage"},
		Quota:    Quota{Default: 512 * bytesize.MiB, WarnAt: []int{50, 90, 99}, FullCode: 452},
		Password: Password{Scheme: password.SHA512Crypt, Policy: password.Policy{MinLength: 12, MaxLength: 100, Digit: true}},
		Login: Login{FailureDelay: 500 * time.Millisecond, TrustedNetworks: []netip.Prefix{
			netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128"),
		}},
		Dovecot: Dovecot{IMAP: "unix:/run/dovecot/imap", Doveadm: "http://127.0.0.1:8080", DoveadmKeyFile: "/etc/gatepost/doveadm.key"},
		Audit:   Audit{Retention: 730 * 24 * time.Hour},
	}
	got := *c
	got.Listen = nil
	ignore := cmpopts.IgnoreFields(Config{}, "Modes", "lines")
	if diff := cmp.Diff(want, &got, ignore, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("Parse: -want +got\n%s", diff)
	}
	for rule, want := range map[policy.RuleID]policy.Mode{
		policy.RecipientOverQuota: policy.Shadow, policy.SenderNotOwner: policy.Off, policy.SenderDisabled: policy.Enforce,
	} {
		if got := c.Modes.Of(rule); got != want {
			t.Errorf("mode of %v = %v, want %v", rule, got, want)
		}
	}
	full := policy.Facts{Stage: policy.AtEndOfMessage, Recipients: policy.Recipients{Full: 1}}
	if got := policy.Decide(&full, parse(t, "[quota]\nfull_code = 452").Modes).Reply; got != policy.MailboxFullNow {
		t.Errorf("full_code 452: a full mailbox says %v", got)
	}
	wantListeners(t, c,
		"policy tcp:192.0.2.1:10040 ---- : file",
		"auth unix:/run/gatepost/auth 0660 :postfix file",
		"auth unix:/run/gatepost/login 0600 120:dovenull file",
		"auth-master tcp:[::1]:10041 ---- : file",
		"socketmap unix:/run/gatepost/socketmap 0660 :postfix default",
		"quota unix:/run/gatepost/quota 0660 :5001 default",
		"admin unix:/run/gatepost/admin 0660 :gatepost-admin default",
	)
}

func TestEmpty(t *testing.T) {
	c := parse(t, "")
	if c.StateDir != "/var/lib/gatepost" || c.Quota.FullCode != 552 || c.Password.Scheme != password.Argon2ID || !c.Password.Policy.Symbol {
		t.Errorf("Parse of nothing = %+v", c)
	}
	wantListeners(t, c,
		"policy unix:/run/gatepost/policy 0660 :postfix default",
		"socketmap unix:/run/gatepost/socketmap 0660 :postfix default",
		"auth unix:/run/gatepost/auth 0660 :postfix default",
		"auth-master unix:/run/gatepost/auth-master 0600 : default",
		"quota unix:/run/gatepost/quota 0660 :vmail default",
		"admin unix:/run/gatepost/admin 0660 :gatepost-admin default",
		"metrics tcp:127.0.0.1:9560 ---- : default",
	)
}

func TestWithout(t *testing.T) {
	c := parse(t, "[[listen]]\ndoor = \"policy\"\naddress = \"tcp:127.0.0.1:1\"")
	less := c.Without(func(l Listener) bool { return l.Default && l.Door != Metrics })
	wantListeners(t, less, "policy tcp:127.0.0.1:1 ---- : file", "metrics tcp:127.0.0.1:9560 ---- : default")
	if len(c.Listen) != len(Doors()) {
		t.Errorf("Without changed the configuration itself: %d listeners", len(c.Listen))
	}
}

func wantListeners(t *testing.T, c *Config, want ...string) {
	t.Helper()
	var got []string
	for _, l := range c.Listen {
		mode, accounts, from := "----", ":", "file"
		if l.Address.Path() != "" {
			mode = "0" + strings.TrimLeft(strings.ReplaceAll(strings.ReplaceAll(l.Mode.String(), "-rw-rw----", "660"), "-rw-------", "600"), "0")
			accounts = string(l.Owner) + ":" + string(l.Group)
		}
		if l.Default {
			from = "default"
		}
		got = append(got, strings.Join([]string{string(l.Door), l.Address.String(), mode, accounts, from}, " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listeners: -want +got\n%s", diff)
	}
}

func TestLoad(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "gatepost.toml")
	if _, err := Load(missing, true); err != nil {
		t.Errorf("Load of an absent default file: %v", err)
	}
	if _, err := Load(missing, false); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("Load of an absent file that was named = %v, want its name", err)
	}
	if err := os.WriteFile(missing, []byte("statedir = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(missing, true); err == nil {
		t.Error("Load of a wrong file = nil error")
	}
}
