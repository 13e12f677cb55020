// Package daemon joins the rooms to a running gatepostd. It is the only one that
// knows all doors.
//
// # Start
//
// [Start] looks up what the configuration names, locks the state directory,
// loads the directory and the usage that was saved, then opens the doors: they
// listen only when every question can be answered, so that nobody is told
// "unknown user" because the load has not come that far. Sockets that systemd
// passed (FileDescriptorName is a door's name) take the place of that door's
// default; peers that connect earlier wait in their backlog.
//
// # Running
//
// Every 5 s usage that Dovecot reported and logins that were seen are saved,
// if there are any. A snapshot is written at the start and every hour, when there
// is anything new. [Daemon.Reload] takes over what can change while running.
//
// # End
//
// [Daemon.Shutdown] drains: a door accepts no more, requests in progress are
// answered. The auth door is first, because it takes longest (see authsock), then
// the auth-master door, where its logins end; the others answer meanwhile, and
// follow all at the same time. Then the usage is saved, a snapshot is
// written if that takes milliseconds only, the committer ends, the store is
// closed. The metrics stay until the last step, so that /readyz says "draining"
// for as long as there is somebody to ask. Each goroutine ends before Shutdown
// returns.
//
// A door that ends by itself ends the daemon: [Daemon.Failed] tells.
package daemon
