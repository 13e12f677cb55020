package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/authsock"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/login"
)

// Reload puts another configuration in force, as far as that goes while
// running; what needs a restart is named in the log. When something that the
// configuration names is missing on this machine it changes nothing and
// returns the [config.Mistakes].
func (d *Daemon) Reload(c *config.Config) error {
	c = c.Without(taken(d.passed))
	resolved, warnings, err := c.Resolve()
	if err != nil {
		return err
	}
	d.warn(warnings)
	if err := d.apply(c, resolved); err != nil {
		return err
	}
	if keys := restartKeys(d.config, c); keys != nil {
		d.log.Warn("changed in the configuration, in force only after a restart", "keys", keys)
	}
	d.log.Info("configuration reloaded")
	return nil
}

// apply puts in force what can change while running. What is being answered
// meanwhile keeps the old values. An error has changed nothing.
func (d *Daemon) apply(c *config.Config, r *config.Resolved) error {
	mail, err := authsock.NewMail(authsock.MailOptions{UID: r.UID, GID: r.GID, Home: c.Mail.Home, QuotaRoot: c.Mail.QuotaRoot})
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	d.master.Mail.Store(mail)
	d.directory.Configure(directorySettings(c))
	d.delegation.Modes.Store(c.Modes)
	d.retention.Store(int64(c.Audit.Retention))
	d.settings.Store(&adminsock.Settings{Scheme: d.config.Password.Scheme, Policy: c.Password.Policy})
	if delay := c.Login.FailureDelay; d.checker.Load() == nil || delay != d.delay {
		d.delay = delay
		d.checker.Store(login.New(login.Options{
			Directory: d.directory, Verifier: d.verifier, FailureDelay: loginDelay(delay),
			Hooks: d.metrics.Login(), Log: d.root.With("component", "login"),
		}))
	}
	return nil
}

// loginDelay writes "no delay" as package login does.
func loginDelay(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// passwords returns how passwords are to be set now.
func (d *Daemon) passwords() adminsock.Settings { return *d.settings.Load() }

// directorySettings are the values that lookups need.
func directorySettings(c *config.Config) directory.Settings {
	return directory.Settings{DefaultQuota: c.Quota.Default, Delimiters: c.Mail.Delimiters}
}

// restartKeys returns the keys that differ between what was started and what
// the file says now, and that cannot change while running. The scheme is among
// them because what an unknown name costs has to stay like a wrong password.
func restartKeys(running, now *config.Config) []string {
	var keys []string
	for _, k := range []struct {
		key     string
		changed bool
	}{
		{"state_dir", running.StateDir != now.StateDir},
		{"listen", !slices.EqualFunc(running.Listen, now.Listen, samePlace)},
		{"password.scheme", running.Password.Scheme != now.Password.Scheme},
	} {
		if k.changed {
			keys = append(keys, k.key)
		}
	}
	return keys
}

func samePlace(a, b config.Listener) bool {
	return a.Door == b.Door && a.Address == b.Address && a.Mode == b.Mode && a.Owner == b.Owner && a.Group == b.Group
}
