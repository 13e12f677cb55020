// Package directory holds everything that has a name: users, their further
// addresses and login names, aliases, groups, reserved names, tombstones of
// names that must not be given out again, and domains (under "@domain"). There
// is one table, so a name is held by at most one of them.
//
// # Reading
//
// The table is complete in memory: a miss means that there is no such name.
// [Directory.View] gives one request's reading; its lookups take no lock,
// allocate nothing and never touch the disk. A [Record] is immutable bytes: it
// stays what it was when it was looked up, whatever is written meanwhile.
// Records live in byte chunks without pointers (memory.go), so a garbage
// collection has nothing to walk. Several lookups of one request are not one
// snapshot: a change in between may be seen by the later ones, as if the
// request had come in the middle of it; a change publishes what is pointed at
// before what points at it. A restore is the exception: it fills a table of its own
// with everything and swaps that in (replace.go), so that one View sees all of it
// or nothing.
//
// In a large directory a lookup waits for main memory twice or three times.
// [View.Prefetch] lets many lookups wait at the same time.
//
// Beside the bytes of its address and its hash a user costs 12 bytes of index (10
// to 16 while a directory grows), 8 of frame, 17 of record header, 8 of
// credential header and what the last chunk of a shard leaves free: about 55
// bytes. But the Argon2id hashes that gatepost makes take 54 bytes instead of the
// 97 of their text (hash.go), which leaves 6 (tested). Records that were replaced
// or deleted are given back when they take more than half of a shard's bytes: where
// every user was changed, the records may take twice as much (tested). While a
// restore fills its table there are two. What is known of the mailbox is in the
// quota ledger.
//
// Only what a decision needs is in memory (the hot part of a record). Display
// names and profiles are read from the [Store] when an administrator asks.
//
// # Changing
//
// [Directory.Update] is the only way to change anything. One goroutine, the
// committer, runs the waiting functions one after another over the published
// memory plus the earlier commands of the batch, hands the batch to
// [Store.Commit], and only when that is durable publishes it and answers. So
// nobody sees what is not durable, and nobody gets an answer before the next
// request obeys it. A function that fails drops only its own changes.
//
// A command about very many names ([Users], [Directory.UpdateMany]) is prepared
// before it reaches the committer and runs in the background there, behind those
// who read; all other changes wait for it, and [Directory.Work] says so.
//
// [Tx] holds the rules of the table: validation, uniqueness with an error that
// names the holder, targets that exist, no alias loops, limits of a domain.
package directory
