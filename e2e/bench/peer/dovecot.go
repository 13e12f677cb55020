package peer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// mailID owns the mailboxes. It needs no entry in /etc/passwd.
const mailID = 5000

// dovecotHead is an instance of Dovecot 2.3 that serves no mail.
const dovecotHead = `base_dir = %[1]s/run
state_dir = %[1]s/state
instance_name = gatepost-bench
log_path = %[1]s/dovecot.log
ssl = no
protocols =
listen = 127.0.0.1
disable_plaintext_auth = no
first_valid_uid = 1000
mail_location = maildir:~/Maildir
service stats {
  chroot =
}
service anvil {
  chroot =
}
`

// quotaStatus counts mailboxes, as the quota driver does that Dovecot 2.4 kept.
const quotaStatus = `passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=%[2]d gid=%[2]d home=%[1]s/mail/%%u
}
service quota-status {
  executable = quota-status -p postfix
  client_limit = 1
  process_limit = 200
  unix_listener quota-status {
    mode = 0600
  }
}
mail_plugins = $mail_plugins quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
  quota_status_overquota = "552 5.2.2 Mailbox is full"
}
`

func startQuotaStatus(ctx context.Context, dir string) (*Peer, error) {
	users := traffic.Users{Count: 100}
	if err := makeMailboxes(dir, users); err != nil {
		return nil, err
	}
	return startDovecot(ctx, dir, fmt.Sprintf(dovecotHead+quotaStatus, dir, mailID), "quota-status",
		func(i int) load.Dialogue { return traffic.NewPolicy(users, false, i) })
}

// makeMailboxes makes an empty Maildir for each user.
func makeMailboxes(dir string, users traffic.Users) error {
	for n := range users.Count {
		home := filepath.Join(dir, "mail", users.Address(n))
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(home, "Maildir", sub), 0o700); err != nil {
				return err
			}
		}
	}
	return filepath.WalkDir(filepath.Join(dir, "mail"), func(name string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(name, mailID, mailID))
	})
}

// startDovecot starts Dovecot with a socket of the name given in its run
// directory.
func startDovecot(ctx context.Context, dir, config, socket string, d func(int) load.Dialogue) (*Peer, error) {
	path, err := installed("dovecot")
	if err != nil {
		return nil, err
	}
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("%w: Dovecot must be started by root", ErrAbsent)
	}
	file := filepath.Join(dir, "dovecot.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	address := filepath.Join(dir, "run", socket)
	s, err := process.Start(filepath.Join(dir, "log"), exec.CommandContext(ctx, path[0], "-F", "-c", file))
	if err != nil {
		return nil, err
	}
	if s, err = await(s, "unix", address); err != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "dovecot.log"))
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return &Peer{Server: s, Network: "unix", Address: address, Dialogue: d}, nil
}

const authUsers = 1000

// authService has Dovecot's fastest case: plain passwords from the cache, and
// no penalty, for which it would ask another process.
const authService = `auth_cache_size = 100M
auth_cache_ttl = 1 hour
auth_mechanisms = plain
auth_worker_max_count = 2
passdb {
  driver = sql
  args = %[1]s/sql.conf
}
userdb {
  driver = prefetch
}
userdb {
  driver = sql
  args = %[1]s/sql.conf
}
service auth {
  client_limit = 2000
  unix_listener auth-client {
    mode = 0600
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`

const sqlConf = `driver = sqlite
connect = %[1]s/users.db
default_pass_scheme = PLAIN
password_query = SELECT userid AS user, password FROM users WHERE userid = '%%u'
user_query = SELECT %[2]d AS uid, %[2]d AS gid, '/nonexistent' AS home FROM users WHERE userid = '%%u'
`

func startAuth(ctx context.Context, dir string) (*Peer, error) {
	users := traffic.Users{Count: authUsers}
	if err := makeDatabase(ctx, dir, users); err != nil {
		return nil, err
	}
	p, err := startDovecot(ctx, dir, fmt.Sprintf(dovecotHead+authService, dir), "auth-client",
		func(i int) load.Dialogue { return traffic.NewAuth(users, i) })
	if err != nil {
		return nil, err
	}
	return p, missingDriver(dir, p.Server)
}

// missingDriver says so when Dovecot has no SQLite: its auth service cannot be
// measured then.
func missingDriver(dir string, s *process.Server) error {
	text, _ := os.ReadFile(filepath.Join(dir, "dovecot.log"))
	if strings.Contains(string(text), "Unknown database driver") {
		return errors.Join(fmt.Errorf("%w: Dovecot's SQLite driver is not installed", ErrAbsent), s.Stop())
	}
	return nil
}

// makeDatabase makes the users that Dovecot knows.
func makeDatabase(ctx context.Context, dir string, users traffic.Users) error {
	path, err := installed("sqlite3")
	if err != nil {
		return err
	}
	var sql strings.Builder
	sql.WriteString("CREATE TABLE users (userid TEXT PRIMARY KEY, password TEXT);\nBEGIN;\n")
	for n := range users.Count {
		fmt.Fprintf(&sql, "INSERT INTO users VALUES ('%s', '%s');\n", users.Address(n), traffic.Password)
	}
	sql.WriteString("COMMIT;\n")
	conf := fmt.Sprintf(sqlConf, dir, mailID)
	if err := os.WriteFile(filepath.Join(dir, "sql.conf"), []byte(conf), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path[0], filepath.Join(dir, "users.db"))
	cmd.Stdin = strings.NewReader(sql.String())
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sqlite3: %w: %s", err, said)
	}
	return os.Chmod(filepath.Join(dir, "users.db"), 0o644)
}
