package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMistakes(t *testing.T) {
	listen := func(door, address, more string) string {
		return "[[listen]]\ndoor = \"" + door + "\"\naddress = \"" + address + "\"\n" + more
	}
	for _, row := range []struct{ name, text, want string }{
		{"not TOML", "state_dir = \n", "line 1: column 13: "},
		{"twice", "[mail]\nuid = 5\nuid = 6", "line 3: "},
		{"unknown key", "statedir = \"/x\"", `line 1: statedir: unknown key; known here: state_dir, mail, quota, password, policy, login, dovecot, audit, listen`},
		{"unknown key in a table", "[quota]\n\nfullcode = 552", "line 3: quota.fullcode: unknown key; known here: default, warn_at, full_code"},
		{"unknown table", "[qouta]\nfull_code = 552", "line 1: qouta: unknown key; "},
		{"unknown key that needs quotes", `"a b" = 1`, `line 1: "a b": unknown key; `},
		{"value for a table", "mail = 3", "line 1: mail: a number where a table is expected"},
		{"number for a string", "state_dir = 5", "line 1: state_dir: a number where a string is expected"},
		{"string for a number", "[quota]\nfull_code = \"552\"", "line 2: quota.full_code: a string where a whole number is expected"},
		{"fraction for a number", "[quota]\nfull_code = 552.0", "line 2: quota.full_code: a number with a fraction where a whole number is expected"},
		{"string for a truth", "[password.policy]\nupper = \"yes\"", "line 2: password.policy.upper: a string where true or false is expected"},
		{"date", "state_dir = 2026-01-01", "line 1: state_dir: a date or time where a string is expected"},
		{"relative state_dir", `state_dir = "state"`, `line 1: state_dir: "state" is not an absolute path`},
		{"NUL in state_dir", `state_dir = "/a\u0000b"`, `line 1: state_dir: a path cannot hold a NUL byte`},
		{"uid 0", "[mail]\nuid = 0", "line 2: mail.uid: mail must not belong to root; Dovecot refuses it too"},
		{"uid 00", "[mail]\nuid = \"00\"", "line 2: mail.uid: mail must not belong to root; Dovecot refuses it too"},
		{"uid root", "[mail]\nuid = \"root\"", "line 2: mail.uid: mail must not belong to root; Dovecot refuses it too"},
		{"gid 0", "[mail]\ngid = \"0\"", "line 2: mail.gid: mail must not belong to root; Dovecot refuses it too"},
		{"uid of nobody", "[mail]\nuid = 4294967295", "line 2: mail.uid: 4294967295 is not the number of an account"},
		{"uid too large", "[mail]\nuid = 4294967296", "line 2: mail.uid: 4294967296 is not the number of an account"},
		{"uid negative", "[mail]\nuid = -1", "line 2: mail.uid: -1 is not the number of an account"},
		{"uid is no name", "[mail]\nuid = \"v mail\"", `line 2: mail.uid: "v mail" is neither a name nor a number of an account`},
		{"uid is empty", "[mail]\nuid = \"\"", `line 2: mail.uid: "" is neither a name nor a number of an account`},
		{"uid is a list", "[mail]\nuid = []", `line 2: mail.uid: an array where a name or a number is expected`},
		{"home is relative", "[mail]\nhome = \"%d/%n\"", `line 2: mail.home: "%d/%n" is not an absolute path`},
		{"home is shared", "[mail]\nhome = \"/var/vmail/%n\"", "line 2: mail.home: users would share a home; it needs %u, or %d and %n"},
		{"home that is not clean", "[mail]\nhome = \"/var/../%u\"", `line 2: mail.home: the path is not clean, write "/%u"`},
		{"home with a percent sign", "[mail]\nhome = \"/var/%u/%%\"", `line 2: mail.home: unknown variable "%%"; there are %u (address), %n (local part) and %d (domain)`},
		{"home is long", "[mail]\nhome = \"/%u" + strings.Repeat("x", 1024) + "\"", "line 2: mail.home: a home has at most 1024 bytes"},
		{"home with an unknown variable", "[mail]\nhome = \"/var/%u/%x\"", `line 2: mail.home: unknown variable "%x"; there are %u (address), %n (local part) and %d (domain)`},
		{"home with a tab", "[mail]\nhome = \"/var/\\t%u\"", "line 2: mail.home: a home cannot hold a control character"},
		{"delimiter", "[mail]\nrecipient_delimiter = \"+@\"", "line 2: mail.recipient_delimiter: '@' cannot separate a detail from a local part"},
		{"delimiter is a letter", "[mail]\nrecipient_delimiter = \"x\"", "line 2: mail.recipient_delimiter: 'x' cannot separate a detail from a local part"},
		{"quota root", "[mail]\nquota_root = \"\"", `line 2: mail.quota_root: "" is not the name of a quota root`},
		{"quota root with a slash", "[mail]\nquota_root = \"a/b\"", `line 2: mail.quota_root: "a/b" is not the name of a quota root`},
		{"size", "[quota]\ndefault = \"5X\"", `line 2: quota.default: size "5X": unknown unit "X"; K, M, G and T are binary, KB, MB, GB and TB decimal`},
		{"size is a number", "[quota]\ndefault = 5", `line 2: quota.default: a number where a string is expected`},
		{"full_code", "[quota]\nfull_code = 550", "line 2: quota.full_code: 550 is neither 552 nor 452"},
		{"percent", "[quota]\nwarn_at = [0, 80]", "line 2: quota.warn_at[0]: 0 is not between 1 and 100"},
		{"percent over 100", "[quota]\nwarn_at = [\n  80,\n  101,\n]", "line 4: quota.warn_at[1]: 101 is not between 1 and 100"},
		{"percents descend", "[quota]\nwarn_at = [95, 80]", "line 2: quota.warn_at[1]: 80 after 95; percentages ascend"},
		{"percents are no list", "[quota]\nwarn_at = 80", "line 2: quota.warn_at: a number where an array is expected"},
		{"scheme", "[password]\nscheme = \"MD5\"", "line 2: password.scheme: unknown password scheme; supported are ARGON2ID, BLF-CRYPT and SHA512-CRYPT"},
		{"policy", "[password]\npolicy = \"classic9\"", "line 2: password.policy: unknown password policy; there are classic8 and length8"},
		{"policy's figures", "[password.policy]\nmin_length = 20\nmax_length = 10", "line 2: password.policy.min_length: 20 is more than max_length, which is 10"},
		{"policy's figure", "[password]\npolicy = { min_length = 0 }", "line 2: password.policy.min_length: 0 is not between 1 and 1024"},
		{"rule", "[policy.rules]\nrecipient-fat = \"warn\"", "line 2: policy.rules.recipient-fat: unknown key; known here: sender-disabled, "},
		{"rule's mode", "[policy.rules]\nrecipient-over-quota = \"on\"", `line 2: policy.rules.recipient-over-quota: "on" is not one of enforce, warn, shadow, off`},
		{"rule's mode is no string", "[policy.rules]\nrecipient-over-quota = true", "line 2: policy.rules.recipient-over-quota: true or false where a string is expected"},
		{"delay", "[login]\nfailure_delay = \"2\"", `line 2: login.failure_delay: "2" is not a duration such as "2s" or "500ms"`},
		{"delay is a number", "[login]\nfailure_delay = 2", `line 2: login.failure_delay: a number where a string is expected`},
		{"delay is long", "[login]\nfailure_delay = \"1h\"", `line 2: login.failure_delay: 1h0m0s is not between 0s and 8s`},
		{"delay is negative", "[login]\nfailure_delay = \"-1s\"", `line 2: login.failure_delay: -1s is not between 0s and 8s`},
		{"retention", "[audit]\nretention = \"2y\"", `line 2: audit.retention: "2y" is neither "forever" nor a number of days such as "730d"`},
		{"retention without a unit", "[audit]\nretention = \"730\"", `line 2: audit.retention: "730" is neither "forever" nor a number of days such as "730d"`},
		{"retention is a number", "[audit]\nretention = 730", `line 2: audit.retention: a number where a string is expected`},
		{"no retention", "[audit]\nretention = \"0d\"", `line 2: audit.retention: 0d is not between 1d and 36500d; "forever" keeps everything`},
		{"retention is negative", "[audit]\nretention = \"-1d\"", `line 2: audit.retention: "-1d" is neither "forever" nor a number of days such as "730d"`},
		{"retention is long", "[audit]\nretention = \"36501d\"", `line 2: audit.retention: 36501d is not between 1d and 36500d; "forever" keeps everything`},
		{"network", "[login]\ntrusted_networks = [\"localhost\"]", `line 2: login.trusted_networks[0]: "localhost" is not a network such as "192.0.2.0/24"`},
		{"network with host bits", "[login]\ntrusted_networks = [\"192.0.2.1/24\"]", `line 2: login.trusted_networks[0]: 192.0.2.1/24 has bits beyond its length; the network is 192.0.2.0/24`},
		{"imap", "[dovecot]\nimap = \"imap.example.test\"", `line 2: dovecot.imap: `},
		{"doveadm", "[dovecot]\ndoveadm = \"127.0.0.1:8080\"\ndoveadm_key_file = \"/k\"", `line 2: dovecot.doveadm: want a URL such as "http://127.0.0.1:8080", without user or password`},
		{"doveadm with a password", "[dovecot]\ndoveadm = \"http://a:b@127.0.0.1:8080\"\ndoveadm_key_file = \"/k\"", `line 2: dovecot.doveadm: want a URL such as "http://127.0.0.1:8080", without user or password`},
		{"doveadm without key", "[dovecot]\ndoveadm = \"http://127.0.0.1:8080\"", `line 1: dovecot: doveadm and doveadm_key_file go together`},
		{"listen is a table", "[listen]\ndoor = \"policy\"", "line 1: listen: a table where an array of tables is expected; write [[listen]]"},
		{"listen holds a string", "listen = [\"policy\"]", "line 1: listen[0]: a string where a table is expected; write [[listen]]"},
		{"door", listen("plicy", "off", ""), `line 2: listen[0].door: "plicy" is not a door; there are policy, socketmap, auth, auth-master, quota, admin, metrics`},
		{"no door", "[[listen]]\naddress = \"off\"", "line 1: listen[0]: door is missing"},
		{"no address", "[[listen]]\ndoor = \"policy\"", "line 1: listen[0]: address is missing"},
		{"address", listen("policy", "127.0.0.1:10040", ""), `line 3: listen[0].address: address "127.0.0.1:10040": want "unix:/path" or "tcp:host:port"; or "off"`},
		{"relative socket", listen("policy", "unix:policy", ""), `line 3: listen[0].address: address "unix:policy": the path of a unix socket must be absolute; or "off"`},
		{"mode", listen("policy", "unix:/p", "mode = \"rw\""), `line 4: listen[0].mode: "rw" is not an octal mode such as "0660"`},
		{"mode is a number", listen("policy", "unix:/p", "mode = 0o660"), `line 4: listen[0].mode: a number where a string is expected`},
		{"mode with setuid", listen("policy", "unix:/p", "mode = \"4660\""), `line 4: listen[0].mode: "4660" is not an octal mode such as "0660"`},
		{"mode shuts the owner out", listen("policy", "unix:/p", "mode = \"0060\""), `line 4: listen[0].mode: the owner needs to read and write a socket (0600)`},
		{"mode on TCP", listen("policy", "tcp:127.0.0.1:1", "mode = \"0660\""), "line 4: listen[0].mode: only a unix socket has one"},
		{"group on TCP", listen("policy", "tcp:127.0.0.1:1", "group = \"postfix\""), "line 4: listen[0].group: only a unix socket has one"},
		{"owner on TCP", listen("metrics", "tcp:127.0.0.1:1", "owner = 5"), "line 4: listen[0].owner: only a unix socket has one"},
		{"auth to the world", listen("auth", "tcp:0.0.0.0:1", ""), "line 3: listen[0].address: the door auth opens on loopback or a unix socket only: "},
		{"auth-master to the world", listen("auth-master", "tcp:192.0.2.1:1", ""), "line 3: listen[0].address: the door auth-master opens on loopback or a unix socket only: "},
		{"quota to the world", listen("quota", "tcp:[::]:1", ""), "line 3: listen[0].address: the door quota opens on loopback or a unix socket only: "},
		{"admin on TCP", listen("admin", "tcp:127.0.0.1:1", ""), "line 3: listen[0].address: the door admin needs TLS on TCP, which gatepost does not offer yet; give it a unix socket"},
		{"address twice", listen("policy", "tcp:127.0.0.1:1", "") + listen("socketmap", "tcp:127.0.0.1:1", ""), "line 6: listen[1].address: the door policy listens there already"},
		{"another door's default", listen("policy", "unix:/run/gatepost/auth", ""), "unix:/run/gatepost/auth is the default address of the door auth; give that door another, or close it"},
		{"closed and open", listen("policy", "off", "") + listen("policy", "unix:/p", ""), `line 6: listen[1].address: the door policy is "off" elsewhere; "off" stands alone`},
		{"open and closed", listen("policy", "unix:/p", "") + listen("policy", "off", ""), `line 6: listen[1].address: the door policy is "unix:/p" elsewhere; "off" stands alone`},
		{"unknown key in a listener", listen("policy", "off", "acl = 1"), "line 4: listen[0].acl: unknown key; known here: door, address, mode, owner, group"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Parse([]byte(row.text))
			var mistakes Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) != 1 {
				t.Fatalf("Parse = %v, want one mistake", err)
			}
			if got := mistakes[0].String(); !strings.HasPrefix(got, row.want) || row.want[len(row.want)-1] != ' ' && got != row.want {
				t.Errorf("Parse says\n  %s\nwant\n  %s", got, row.want)
			}
		})
	}
}

// Every mistake is named at once, in the order of the lines.
func TestEveryMistake(t *testing.T) {
	_, err := Parse([]byte(`state_dir = "x"
policy = { rules = { recipient-frozen = 1 } }

[[listen]]
door = "policy"
address = "tcp::1"
mode = "9"

[[listen]]
door = "quta"
address = "off"

[quota]
default = -1
warn_at = [95, "x", 120]

[other]
[mail]
uid = 0
gid = 0
`))
	want := []string{
		`line 1: state_dir: "x" is not an absolute path`,
		`line 2: policy.rules.recipient-frozen: a number where a string is expected`,
		`line 6: listen[0].address: address "tcp::1": no host; write 127.0.0.1, or 0.0.0.0 or [::] to be reached from other machines; or "off"`,
		`line 7: listen[0].mode: "9" is not an octal mode such as "0660"`,
		`line 10: listen[1].door: "quta" is not a door; there are policy, socketmap, auth, auth-master, quota, admin, metrics`,
		`line 14: quota.default: a number where a string is expected`,
		`line 15: quota.warn_at[1]: a string where a whole number is expected`,
		`line 15: quota.warn_at[2]: 120 is not between 1 and 100`,
		`line 17: other: unknown key; known here: state_dir, mail, quota, password, policy, login, dovecot, audit, listen`,
		`line 19: mail.uid: mail must not belong to root; Dovecot refuses it too`,
		`line 20: mail.gid: mail must not belong to root; Dovecot refuses it too`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("Parse: -want +got\n%s", diff)
	}
}
