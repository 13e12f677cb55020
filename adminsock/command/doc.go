// Package command is the one table of administration commands, as data. A
// [Spec] says what a command is called, how it is reached over HTTP, which
// permission it needs, and, by the types of its input and output, what goes in
// and what comes out. Everything that knows a command reads it here: the routes
// and the OpenAPI document, the command line of gatepostctl with its help,
// completion and man pages, docs/commands.md, the permission check, the audit
// entry and the metrics label. There is no handler and no server in this
// package, so that gatepostctl links little.
//
// # Input
//
// An input is a struct. Its fields are parameters, a field named Body holds the
// JSON object of the request. Struct tags say where a parameter stands:
//
//	path:"address"     in the path
//	query:"match"      in the query
//	header:"If-Match"  a header
//	json:"quota"       in the body
//	doc:"…"            what it is, for every kind of documentation
//	complete:"user"    its values are names of this kind: user, alias, domain
//	values:"a,b"       its values are among these
//
// and how it is given on the command line, where its name is that of HTTP with
// "-" for "_" unless the tag names another after a colon:
//
//	cli:"arg"          an argument
//	cli:"args"         all further arguments
//	cli:"flag"         a flag
//	cli:"key"          a flag, or KEY=VALUE where the Spec says Assign
//	cli:"secret"       never on the command line: --NAME-stdin, or a prompt
//	cli:"instead"      a flag that takes the place of the secret
//	cli:"file"         --NAME FILE, sent as the body
//	cli:"source"       FILE, sent as the body
//	cli:"target"       FILE, into which the answer is written
//
// with ",size" for a number of bytes and ",limit" for a quota limit; short:"n"
// lets -n stand for a flag. A field without cli tag is for HTTP only: mostly a
// second name for one that has it. One without a place is for gatepostctl only.
//
// The table is read-only and may be used from any goroutine.
package command
