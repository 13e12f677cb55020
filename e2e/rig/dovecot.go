package rig

import (
	"context"
	"fmt"
	"os/exec"
)

// dovecotBefore is what an installed Dovecot has before gatepost is connected:
// Debian's defaults where they matter, with this instance's directory and ports.
const dovecotBefore = `base_dir = %[1]s/dovecot/run
state_dir = %[1]s/dovecot/state
instance_name = %[2]s
log_path = %[1]s/log/dovecot.log
hostname = %[2]s
postmaster_address = postmaster@%[2]s
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <%[1]s/tls/cert.pem
ssl_key = <%[1]s/tls/key.pem
shutdown_clients = yes
service imap-login {
  inet_listener imap {
    port = %[3]d
  }
  inet_listener imaps {
    port = %[4]d
  }
}
service pop3-login {
  inet_listener pop3 {
    port = %[5]d
  }
  inet_listener pop3s {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    port = %[6]d
  }
}
`

func (r *Rig) startDovecot(ctx context.Context) error {
	if err := r.writeDovecot(); err != nil {
		return err
	}
	if err := r.run(exec.CommandContext(ctx, "doveconf", "-n", "-c", r.DovecotConf())); err != nil {
		return err
	}
	return r.run(exec.CommandContext(ctx, "dovecot", "-c", r.DovecotConf()))
}

func (r *Rig) writeDovecot() error {
	documented, err := r.substituted(dovecotBlock,
		substitution{"/run/gatepost/", r.path("run") + "/"},
		substitution{"/var/spool/postfix/", r.path("spool") + "/"},
	)
	if err != nil {
		return err
	}
	p := r.Ports
	text := fmt.Sprintf(dovecotBefore, r.Dir, Hostname, p.IMAP, p.IMAPS, p.POP3, p.LMTP) + documented
	return r.write("dovecot.conf", text, 0o644)
}

// DovecotConf is the configuration file for doveadm -c.
func (r *Rig) DovecotConf() string { return r.path("dovecot.conf") }
