// Package store keeps the directory durably, behind [directory.Store]: a journal
// that is the commit point, a Badger database that follows it, and snapshots.
//
// # Files, in the state directory
//
//	journal/         every change, hash-chained (package journal)
//	badger/          the records as they stand, for reading one and for starting
//	snapshots/       whole directories at one revision, each with its SHA-256
//	before-restore/  the same, of what restores have replaced
//
// # Committing
//
// A batch is one frame of the journal; when that is synced the batch is durable,
// all of it, however large it is. The follower, one goroutine, then takes the
// batches into Badger in order, many small ones together (each transaction costs
// a sync, which delays those of the journal), large ones in parts. With every
// part goes the head: the revision up to which Badger has everything, how far it
// is with the next frame, and the number of records and their digest. What Badger
// does not have yet is read from memory. A large batch is taken in slowly, with
// rests, unless somebody waits; when the store is closed its rest is left to the
// next start.
//
// A restore is taken into a fresh database instead, filled from the one that is
// there and the changes, in the order of the keys, so with little memory. What was
// written is compared with the number and the digest that must be, and read back.
// Then the fresh one takes the place of the other, which is read until then and
// removed behind it; for that moment those who read a record wait, because Badger
// must not be open while its directory gets another name. Usage comes along. A
// restore that changes little goes into the database that is there, in one
// transaction. So does one for which no fresh database can be made, for lack of
// room for example, though in parts, as any large batch.
//
// Badger trouble after the commit point does not undo anything: the change is in
// the journal. Further changes are refused with the reason, until a restart has
// applied the journal again.
//
// # A disk that takes nothing
//
// Badger writes through sparse mappings. When the disk is full there, or the file
// system has become read-only, or fails, the kernel ends the process (SIGBUS), in
// any of Badger's goroutines. So a change is refused when less than
// [Options].Reserve would be left, and nothing is given to Badger when half of
// that is gone or a byte cannot be written beside it; nor is Badger opened or
// closed then. Its write-ahead log has its blocks from the start. The ballast, a
// file of half the reserve, is given up when another program takes the disk, and
// made again when twice the reserve is free: with it, what is committed still
// comes into the database.
//
// [Open] serves what snapshots and journal hold, from memory, when the database
// cannot be opened for any such reason. [Store.Failure] says why changes are
// refused, [Reason] says it in a word. When the reason ends, changes are taken
// without a restart. Another program that takes the last bytes while Badger writes
// out a table can still end the process, once: the next start does not open
// Badger.
//
// # Starting
//
// A process that dies while a database is made or exchanged leaves badger.building,
// badger.new or badger.old. [Open] takes badger.new only where there is no badger,
// and removes the others: what badger lacks is in the journal.
//
// [Open] compares every block of every table with its checksum before Badger does
// anything with them, and applies what the journal has beyond Badger's head. Where
// this package reads mapped files itself, a page that the disk does not give is an
// error and not the end of the process. [Store.Load] then reads every record and
// compares each value's checksum, the number and the digest: Badger was measured to
// skip keys without an error when a table is damaged, so nothing that its iterator
// says is believed. What does not fit is rebuilt from the newest snapshot that
// verifies and the journal behind it, loudly, or the start fails with what can be
// done. A partial directory would bounce the mail of people who exist. What still
// dies of the database is counted (file "opening"): starts that did not come
// through, and processes whose last words ([Options].Crash) name Badger. After two
// in a row the database is rebuilt without being opened.
//
// How far changes were acknowledged is what database and snapshots say, whichever
// has more: a damaged frame up to there is never cut off the journal. When the
// database says nothing, only a frame that is visibly unfinished is.
//
// # Pruning
//
// [Store.Prune] removes segments of the journal in which every change is older
// than the retention, and which lie wholly behind the oldest intact snapshot: that
// and the segments are read whole before. So snapshot and journal always make the
// whole directory. Segments are closed by age too, else a small directory would
// never fill one. What a clock that was wrong said of a change is not believed:
// it counts as made when the next segment began.
//
// # Keys in Badger
//
// "d/" and a name for the directory's records, "u/" and an address for usage
// (telemetry: not in the journal, the number or the digest), "m/head" for the
// head. A value ends with the XXH64 of its key and its bytes; the digest is the
// sum of these. Every value stays below Badger's value threshold, so nothing
// lives in its value log, whose sync errors are only logged.
package store
