// Command bench measures gatepostd: against two bare echo servers on the same
// kind of socket, with a goroutine for each connection (the targets' reference)
// and with an event loop (near to what the kernel allows), and against the
// programs that do the same work and are installed.
//
//	go run ./e2e/bench [-quick] [-rounds N] [-cache DIR] [-out DIR]
//
// It builds gatepostd, fills state directories with 1 000, 100 000 and
// 1 000 000 users (once; they are kept in the cache), starts every server, lets
// them take turns for some rounds, and writes performance.json, performance.md
// and performance.svg. It takes twenty minutes; -quick takes two minutes
// and is for trying things out. Servers that are not being asked are stopped
// with SIGSTOP. A target that is missed does not fail it: the page says so.
//
// # The measured program
//
// Everything is measured on bin/gatepostd as it is, except two things that
// nobody can do to it from outside, and that it therefore has no switch for: to
// force a garbage collection, and to take a CPU profile. For these bench runs
// the same package daemon in a process of its own (see instrumented.go).
//
// The packages below: load asks, traffic is what it asks, echo is the
// references, population fills the directories, peer runs the other programs,
// process asks the kernel, report judges and writes.
package main
