// Package e2e runs the scenarios of the folder scenarios, in the order of their
// numbers, against one gatepostd with a real Postfix and a real Dovecot. A new
// scenario is one more file there; package scenario describes its format. Each
// uses domains of its own, since all share the servers.
//
// It needs root and the packages that tools/install-deps installs:
//
//	go test -tags e2e ./e2e
//	go test -tags e2e ./e2e -run Scenarios/07 -v
//
// gatepostd and gatepostctl are built for it, unless GATEPOST_BIN names a folder
// that has them. GOFLAGS=-race builds them with the race detector.
package e2e
