// Package debian tests the package, the units and what surrounds them on the
// Debian machine that it runs on, without changing that machine.
//
// Each test has a box: the machine's own files under an overlay in memory, in
// namespaces of its own, so that dpkg, users and units are real and nothing of
// it stays. A box may have systemd running as its first process, with sandboxes,
// sockets and control groups as on any machine; its network is loopback alone.
//
// It needs root, with the right to mount (CAP_SYS_ADMIN: a container needs
// --privileged), and the packages that tools/install-deps installs:
//
//	go test -tags e2e ./e2e/debian
//
// The programs are built for it, unless GATEPOST_BIN names a folder that has
// them. The folder must not hold a test's coverage or race build: the unit's
// limits are meant for the programs that are shipped.
package debian
