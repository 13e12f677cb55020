// Degraded takes from a running gatepostd what its store needs, and looks whether
// it goes on answering.
//
//	go run ./e2e/degraded               every case, some minutes, as root
//	go run ./e2e/degraded -case full    some of them
//	go run ./e2e/degraded -h            how long, how large, where
//
// gatepostd is the real program, built for this. This program holds its sockets,
// as systemd does, and starts it again when it ends. All the while clients ask
// the policy door and log in, and an administrator makes ten users a second over
// the admin socket. At the end stands a table; the exit status is 1 when a promise
// was broken.
//
//	full       another program takes the last byte of a small tmpfs and keeps it
//	kill       the same, and gatepostd is killed meanwhile: it starts on the full disk
//	read-only  an ext4 becomes read-only under it, as after an error; then it starts
//	           on one that is mounted so, and the mount changes while it serves
//	fault      the file system of the database alone fails with EIO: what Badger
//	           has mapped faults
//	owner      the database belongs to somebody else
//	second     a second gatepostd for the same state directory
//
// # What is promised
//
// Every answer is right and comes within two seconds, over restarts too. The
// process dies at most once. A change that is refused says why: 503 read_only with
// the reason, which `gatepost_degraded` has in a word. No acknowledged change is
// lost and none that was refused is there. Changes are taken again within ten
// seconds after the trouble has ended.
package main
