package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Hostname is what the rig's Postfix and Dovecot call themselves.
const Hostname = "mx.rig.test"

// mainBefore is what an installed Postfix has before gatepost is connected.
const mainBefore = `compatibility_level = 3.7
config_directory = %[1]s/etc
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log/postfix.log
maillog_file_prefixes = %[1]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = %[2]s
myorigin = $myhostname
mydestination =
local_recipient_maps =
local_transport = error:5.1.1 no local delivery
alias_maps =
alias_database =
biff = no
append_dot_mydomain = no
mailbox_size_limit = 0
message_size_limit = 20480000
smtpd_tls_security_level = may
smtpd_tls_cert_file = %[1]s/tls/cert.pem
smtpd_tls_key_file = %[1]s/tls/key.pem
`

// mainAfter overrides for a machine without DNS, whose outside is the sink, and
// for tests that do not wait.
const mainAfter = `
default_transport = smtp:[127.0.0.1]:%[1]d
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_rate_limit = 0
anvil_status_update_time = 600s
in_flow_delay = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
service_throttle_time = 1s
`

// debianMaster is Debian's master.cf as packaged, chroots included.
const debianMaster = "/usr/share/postfix/master.cf.dist"

var smtpInet = regexp.MustCompile(`(?m)^smtp +inet .*\n`)

// configurePostfix makes its queue directory too, where the others put sockets.
func (r *Rig) configurePostfix(ctx context.Context) error {
	if err := r.writeMain(); err != nil {
		return err
	}
	if err := r.writeMaster(); err != nil {
		return err
	}
	if err := r.dataDirectory(ctx); err != nil {
		return err
	}
	return r.postfix(ctx, "check")
}

func (r *Rig) writeMain() error {
	documented, err := r.substituted(mainBlock,
		substitution{"reject_unknown_recipient_domain,", ""}, // asks DNS
	)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(mainBefore, r.Dir, Hostname) + documented + fmt.Sprintf(mainAfter, r.Sink.Port())
	if err := r.write("etc/main.cf", text, 0o644); err != nil {
		return err
	}
	// Postfix waits until a main.cf that was just written has settled: seconds.
	settled := time.Now().Add(-time.Minute)
	return os.Chtimes(r.path("etc/main.cf"), settled, settled)
}

func (r *Rig) writeMaster() error {
	debian, err := os.ReadFile(debianMaster)
	if err != nil {
		return err
	}
	on := func(service string, port int) substitution {
		return substitution{"\n" + service + " ", fmt.Sprintf("\n127.0.0.1:%d ", port)}
	}
	r.blocks[masterBlock] = "\n" + strings.TrimLeft(r.blocks[masterBlock], "\n")
	documented, err := r.substituted(masterBlock,
		on("smtp", r.Ports.MX), on("submission", r.Ports.Submission), on("submissions", r.Ports.Submissions))
	if err != nil {
		return err
	}
	return r.write("etc/master.cf", smtpInet.ReplaceAllString(string(debian), "")+documented, 0o644)
}

// dataDirectory belongs to Postfix's user.
func (r *Rig) dataDirectory(ctx context.Context) error {
	return r.run(exec.CommandContext(ctx, "install", "-d", "-o", "postfix", "-m", "0700", r.path("data")))
}

func (r *Rig) postfix(ctx context.Context, command string) error {
	return r.run(exec.CommandContext(ctx, "postfix", "-c", r.path("etc"), command))
}

// MailConfig is Postfix's configuration directory, which its commands take from
// the environment's MAIL_CONFIG.
func (r *Rig) MailConfig() string { return r.path("etc") }

// ReloadPostfix ends every smtpd, and with it what it remembers. It waits for
// them: until it has ended, one may still take the next connection. A smtpd
// ends when its session does.
func (r *Rig) ReloadPostfix(ctx context.Context) error {
	old, err := r.smtpds()
	if err != nil {
		return err
	}
	if err := r.postfix(ctx, "reload"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for slices.ContainsFunc(old, runs) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("a smtpd did not end after postfix reload; is a session open? %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// smtpds returns the process ids of Postfix's SMTP servers.
func (r *Rig) smtpds() ([]string, error) {
	master, err := os.ReadFile(r.path("spool/pid/master.pid"))
	if err != nil {
		return nil, err
	}
	pids, err := exec.Command("pgrep", "-x", "-P", strings.TrimSpace(string(master)), "smtpd").Output()
	var none *exec.ExitError
	if errors.As(err, &none) && none.ExitCode() == 1 {
		return nil, nil
	}
	return strings.Fields(string(pids)), err
}

func runs(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}
