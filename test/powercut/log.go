// Package powercut finds every content that a disk may have after the power
// went, from a log of what a machine wrote to it.
//
// The log is that of QEMU's blklogwrites driver in the format of Linux'
// dm-log-writes. A write is taken to be in doubt until a flush that follows it
// in the log. Limits: of several writes in doubt the prefixes in the order of
// the log are tried, short writes torn at every sector, each write alone and
// each missing, but not all subsets; a machine that discards blocks or uses FUA is
// not understood.
package powercut

import (
	"encoding/binary"
	"fmt"
)

// An Event is a write or a flush.
type Event struct {
	End    int64 // length of the log with it
	Offset int64 // on the disk, in bytes
	Data   []byte
	Flush  bool // what was written before is safe; comes before Data, if it has any
}

// The format: kernel, Documentation/admin-guide/device-mapper/log-writes.rst.
const (
	logMagic   = 0x6a736677736872
	logVersion = 1

	flagFlush   = 1 << 0
	flagForce   = 1 << 1
	flagDiscard = 1 << 2
)

// ReadLog reads a whole log, as QEMU leaves it when it ends by itself. The
// data of the events is that of log, not a copy.
func ReadLog(log []byte) ([]Event, error) {
	le := binary.LittleEndian
	if len(log) < 512 || le.Uint64(log) != logMagic || le.Uint64(log[8:]) != logVersion {
		return nil, fmt.Errorf("write log: no header of version %d", logVersion)
	}
	count, sector := le.Uint64(log[16:]), int64(le.Uint32(log[24:]))
	var events []Event
	at := sector
	for n := range count {
		if at+sector > int64(len(log)) {
			return nil, fmt.Errorf("write log: entry %d of %d: the log ends before it", n, count)
		}
		head := log[at:]
		flags, size := le.Uint64(head[16:]), int64(le.Uint64(head[8:]))*sector
		at += sector
		if flags&(flagForce|flagDiscard) != 0 {
			return nil, fmt.Errorf("write log: entry %d: writes that are safe at once and discards (flags %#x) are not supported", n, flags)
		}
		if size < 0 || size > int64(len(log))-at {
			return nil, fmt.Errorf("write log: entry %d: %d bytes of data are not there", n, size)
		}
		e := Event{Offset: int64(le.Uint64(head)) * sector, Data: log[at : at+size], Flush: flags&flagFlush != 0}
		at += size
		e.End = at
		events = append(events, e)
	}
	return events, nil
}
