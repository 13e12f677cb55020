//go:build e2e

package debian

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// lifeUnderSystemd is that of the package where systemd runs, while peers ask.
func lifeUnderSystemd(t *testing.T, v versions) {
	b := newBox(t, systemd, v.dir)

	b.run("dpkg", "--install", v.first)
	b.serving()
	b.run("gatepostctl", "domain", "add", "example.test")
	b.run("gatepostctl", "user", "add", "alice@example.test", "--no-password")

	asked := b.asking()
	b.survivesReload()
	b.survivesKill()
	b.watched()
	before := b.pid()
	b.run("dpkg", "--install", v.second)
	if b.pid() == before {
		t.Error("the upgrade has not restarted the daemon")
	}
	b.serving()
	asked.end()

	b.networkProfile()
	b.closedDoor()

	b.run("dpkg", "--remove", "gatepost")
	b.says("", "systemctl", "list-units", "--no-legend", "--plain", "gatepost*")
	b.absent("/run/gatepost", "/var/spool/postfix/gatepost")
	b.run("dpkg", "--install", v.second)
	b.serving()
	b.run("gatepostctl", "user", "show", "alice@example.test")

	b.run("dpkg", "--purge", "gatepost")
	b.says("", "systemctl", "list-units", "--all", "--no-legend", "--plain", "gatepost*")
	b.absent(state, "/etc/gatepost", "/run/gatepost", "/var/spool/postfix/gatepost")
}

// serving checks that every door stands open, with its owner, and answers.
func (b *box) serving() {
	b.Helper()
	b.says("active", "systemctl", "is-active", "gatepost.service")
	for _, s := range sockets {
		b.says("active", "systemctl", "is-active", s.unit)
		if s.place != "" {
			b.owned(s.place, s.owned)
		}
	}
	b.says("ok", "curl", "--silent", "--show-error", "--fail", "http://127.0.0.1:9560/readyz")
	b.run("gatepostctl", "status")
	if err := b.ask(); err != nil {
		b.Errorf("the policy: %v%s", err, b.journal())
	}
}

const (
	question = "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=alice@example.test\n\n"
	answer   = "action=DUNNO\n"
)

// ask asks the policy once, on a connection of its own, as a new smtpd does.
func (b *box) ask() error {
	c, err := net.Dial("unix", b.path("/var/spool/postfix/gatepost/policy"))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write([]byte(question)); err != nil {
		return err
	}
	got, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && got != answer {
		return fmt.Errorf("answered %q", got)
	}
	return err
}

// pause is between two questions.
const pause = time.Millisecond

// asking is a peer that asks all the time.
type asking struct {
	stop func()
	done sync.WaitGroup

	box             *box
	answers, broken int
	refused         error // nobody listened
}

// asking starts to ask. A connection that breaks while the daemon goes down is
// asked again once, as Postfix does; nobody may ever be refused.
func (b *box) asking() *asking {
	stopped := make(chan struct{})
	a := &asking{box: b, stop: func() { close(stopped) }}
	a.done.Go(func() {
		for {
			select {
			case <-stopped:
				return
			case <-time.After(pause):
				a.once()
			}
		}
	})
	return a
}

func (a *asking) once() {
	err := a.box.ask()
	var dial *net.OpError
	if err != nil && !(errors.As(err, &dial) && dial.Op == "dial") {
		a.broken++
		err = a.box.ask()
	}
	if err != nil {
		a.refused = err
		return
	}
	a.answers++
}

// end stops asking and checks what came.
func (a *asking) end() {
	a.box.Helper()
	a.stop()
	a.done.Wait()
	a.box.Logf("%d answers, %d asked again", a.answers, a.broken)
	if a.refused != nil || a.answers == 0 {
		a.box.Errorf("%d answers, and %v", a.answers, a.refused)
	}
}

// pid returns the daemon's number, as the box knows it.
func (b *box) pid() string {
	b.Helper()
	return strings.TrimSpace(b.run("systemctl", "show", "--value", "--property=MainPID", "gatepost.service"))
}

// logged waits for a line of the daemon.
func (b *box) logged(text string) {
	b.Helper()
	b.eventually("the log says "+text, func() error {
		if said := b.run("journalctl", "--no-pager", "--output=cat", "--unit=gatepost.service"); !strings.Contains(said, text) {
			return errors.New("it does not")
		}
		return nil
	})
}

func (b *box) survivesReload() {
	b.Helper()
	before := b.pid()
	b.run("systemctl", "reload", "gatepost.service")
	b.logged("configuration reloaded")
	if b.pid() != before {
		b.Error("a reload has restarted the daemon")
	}
}

func (b *box) survivesKill() {
	b.Helper()
	before := b.pid()
	b.run("systemctl", "kill", "--signal=KILL", "gatepost.service")
	b.eventually("a new daemon after a kill", func() error {
		if now := b.pid(); now == before || now == "0" {
			return errors.New("there is none")
		}
		return b.ask()
	})
}

// watched checks the watchdog: a daemon that works is left alone for several of
// its periods, one that does not answer is replaced.
func (b *box) watched() {
	b.Helper()
	b.write("/etc/systemd/system/gatepost.service.d/watchdog.conf", "[Service]\nWatchdogSec=1s\n")
	b.run("systemctl", "daemon-reload")
	b.run("systemctl", "restart", "gatepost.service")
	before := b.pid()
	time.Sleep(3 * time.Second) // three periods
	if b.pid() != before {
		b.Errorf("the watchdog ended a daemon that works%s", b.journal())
	}
	b.run("systemctl", "kill", "--signal=STOP", "gatepost.service")
	b.eventually("a new daemon after one hung", func() error {
		if now := b.pid(); now == before || now == "0" {
			return errors.New("there is none")
		}
		return b.ask()
	})
	b.run("rm", "-r", "/etc/systemd/system/gatepost.service.d")
	b.run("systemctl", "daemon-reload")
	b.run("systemctl", "restart", "gatepost.service")
}

// networkProfile checks that the daemon has the machine's network with the
// drop-in, and one of its own without.
func (b *box) networkProfile() {
	b.Helper()
	own := []string{"sh", "-c", `[ "$(readlink /proc/1/ns/net)" = "$(readlink "/proc/$1/ns/net")" ] && echo shared || echo own`, "sh"}
	b.says("own", append(own, b.pid())...)
	b.network()
	b.run("systemctl", "daemon-reload")
	b.run("systemctl", "restart", "gatepost.service")
	b.says("shared", append(own, b.pid())...)
	b.serving()
	b.run("rm", "-r", "/etc/systemd/system/gatepost.service.d")
	b.run("systemctl", "daemon-reload")
	b.run("systemctl", "restart", "gatepost.service")
}

// closedDoor closes a door as docs/install.md says, and opens it again.
func (b *box) closedDoor() {
	b.Helper()
	b.write(configuration, "[[listen]]\ndoor = \"metrics\"\naddress = \"off\"\n")
	b.run("systemctl", "mask", "--now", "gatepost-metrics.socket")
	b.run("systemctl", "restart", "gatepost.service")
	if _, err := b.try("curl", "--silent", "http://127.0.0.1:9560/readyz"); err == nil {
		b.Error("the metrics answer, although their door is closed")
	}
	b.run("gatepostctl", "status")
	b.write(configuration, "")
	b.run("systemctl", "unmask", "gatepost-metrics.socket")
	b.run("systemctl", "restart", "gatepost.service")
	b.serving()
}
