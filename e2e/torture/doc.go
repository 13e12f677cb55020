// Torture hurts the store in the ways that machines do, and counts what is lost.
//
//	go run ./e2e/torture                  every case, some minutes
//	go run ./e2e/torture -case kill,flip  some of them
//	go run ./e2e/torture -help            rounds, seed, where
//
// Each case runs a real directory over a real store, in processes of its own
// where they have to die. At the end stands a table: rounds, changes that were
// acknowledged, losses. The exit status is 1 when anything was lost, or anything
// wrong was served.
//
//	kill    kill -9 at a random moment, under concurrent writers
//	power   the same, up to three times in a round, and at the end the file system
//	        forgets what was not synced (needs root)
//	flip    one random bit of one random file is flipped
//	remove  each file is deleted, cut to half, cut to nothing, in turn
//	clock   the clock steps a day, both ways
//	full    the disk is full, from the first byte to the last (needs root)
//	batch   kill -9 of gatepostd while gatepostctl adds many users in one batch
//
// What durability costs is measured by e2e/bench.
//
// Every second state directory of kill and power has a clock that goes fast, and a
// short retention, so that its journal is pruned all the while. So was one of the
// directories that flip and remove damage, and whoever looks at one prunes too. At
// the end the real gatepostctl verifies what is left of the trail.
//
// # What nobody has synced
//
// A process that is killed between write and fdatasync leaves a frame in the page
// cache. The next one finds and serves it, and then the power is cut: so it must
// have been synced. The moment is short, and a sync that has begun is ended by the
// kernel, whatever becomes of the process. So some processes have every fdatasync
// held before it begins (seccomp), until they are killed; the page cache is asked
// what it has that the disk has not (cachestat). Of the restarts some change nothing
// before the power is cut, and some find a full disk.
//
// # What is compared
//
// The writers' commands are pure functions of a seed, the writer's number and a
// counter, and each writer has domains of its own. A command's name stands in
// its journal entry; so the journal says in which order the commands became
// durable, and a model, a second directory over a map, runs the same commands in
// that order. Then every byte of every record of the survivor must be that of
// the model's, every command that was acknowledged must be in the journal under
// the revision that its writer was told, and beside them there may be for each
// writer only the one command that it was waiting for. A command that was
// refused must not be there.
//
// Whatever was served must be there too. A process that has opened its directory
// tells the fingerprint of all records at their revision, which must be that of the
// model at this revision; while it runs it tells which commands can be seen, by the
// memory that the policy door asks and by the record that an administrator is shown.
package main
