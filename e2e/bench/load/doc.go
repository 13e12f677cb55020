// Package load asks a server many questions and measures the answers. It was
// made for servers on this machine whose protocol has one request in flight per
// connection, as Postfix asks: the client and the server share the cores, so
// what the client costs is taken from what it measures.
//
// One thread drives every connection through epoll, past the Go scheduler.
// Measured against the echo server with 8, 64 and 1000 connections it takes 3.7,
// 3.5 and 4.6 µs of CPU a request, most of them in the kernel to wake the
// server; a goroutine for each connection takes 5.0, 4.3 and 6.4 µs.
//
// A run is a closed loop ([Plan.Rate] zero): each connection sends its next
// request when the reply to the last has come. Or it is an open loop: requests
// are due at the times of a Poisson process, whatever the server does. A request
// that is due while every connection waits for a reply is sent later, and its
// latency is counted from when it was due: a server that stalls cannot hide the
// requests that it kept from being sent.
//
// Every reply is checked by the [Dialogue] that asked; a wrong one, and a
// connection that ends, fails the run.
//
// Linux only: epoll_pwait2 is of Linux 5.11.
package load
