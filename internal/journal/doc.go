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
// # Damage
//
// A crash can leave the last frame incomplete. Such a torn tail was never
// acknowledged; Open cuts it off and logs what it cut. It is one only if nothing
// intact follows and the caller does not know better (Options.Known): anything
// else that is wrong is a [DamageError] with segment and offset, and nothing is
// cut. A journal that is opened read-only ends before a torn tail and keeps it.
//
// A write that fails is cut back: the frame never appears. When that fails, or
// when fdatasync fails, nobody can know what is on the disk (the kernel may have
// dropped the pages); Append answers [ErrUnknown], and the journal takes
// nothing more until it is opened again.
//
// One goroutine appends; reading may go on beside it.
package journal
