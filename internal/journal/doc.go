// Package journal appends frames of bytes to files, so that what [Journal.Append]
// has returned from is still there after a crash or a power cut, and so that a
// changed byte is found. It knows nothing of what the bytes mean.
//
// # Format, version 1
//
// A journal is a directory of segments, each named by the sequence number of
// its first frame (20 digits and ".journal"). A segment begins with
//
//	offset  bytes
//	0       20     "gatepost journal 1\n" and a zero byte
//	20      8      sequence number of its first frame, little endian, as all numbers
//	28      32     chain value before its first frame
//	60      4      CRC-32C of the 60 bytes before
//
// and goes on with frames, to its end:
//
//	0       4      length of the payload
//	4       8      first sequence number of the frame
//	12      8      last sequence number of the frame
//	20      32     chain value: SHA-256 of the chain value before, bytes 0 to 19, the payload
//	52      4      CRC-32C of the 52 bytes before
//	56      …      payload
//
// Sequence numbers have no gaps. The chain covers every byte of every payload
// and the order of the frames, also across segments.
//
// # Pruning
//
// [Journal.Prune] removes whole segments, the oldest first, each durably before
// the next, so that what is left never has a gap. What is left can still be
// proved: the head of each segment carries the chain value of everything before
// it. Before anything is removed, the file "anchor" is made durable (temporary
// file, sync, rename, sync of the directory). It tells pruning from loss:
//
//	0       26     "gatepost journal anchor 1\n"
//	26      1      1: pruned, 2: begun anew, since the segments before were lost
//	27      8      sequence number that the journal may begin with
//	35      8      when, Unix nanoseconds
//	43      32     chain value before it
//	75      4      CRC-32C of the 75 bytes before
//
// A journal without an anchor begins with 1. One that begins later than its
// anchor has lost a segment, which is named. One that begins earlier was
// interrupted while it was pruned; the next Prune goes on.
//
// # Damage
//
// A crash can leave the last frame incomplete. Such a torn tail was never
// acknowledged; Open cuts it off and logs what it cut. It is one only if nothing
// intact follows and the caller does not know better (Options.Known, and
// Options.Unsure when nobody can say): anything else that is wrong is a
// [DamageError] with segment and offset, and nothing is cut. A journal that is opened read-only ends before a torn tail and keeps it.
//
// A write that fails is cut back: the frame never appears. When that fails, or
// when fdatasync fails, nobody can know what is on the disk (the kernel may have
// dropped the pages); Append answers [ErrUnknown], and the journal takes
// nothing more until it is opened again.
//
// A process that dies between writing and fdatasync, or after one that failed,
// leaves a frame that may be in the page cache only. Who read it there and acted on
// it would be ahead of the journal after a power cut. So Open writes the last frame
// again, unless it is known to have been acknowledged, and syncs it. A journal that
// is opened read-only, because the disk takes nothing, tries that too: on a full disk
// it works.
//
// A large payload is written and hashed in pieces ([Journal.AppendFrom]), and its
// frame's head last, so that until then it is a torn tail.
//
// One goroutine appends; reading may go on beside it, and Prune leaves a journal
// alone that is being read ([ErrBusy]).
package journal
