package powercut

import (
	"bytes"
	"slices"
)

// A Cut is one content that a disk may have.
type Cut struct {
	Event int    // how many events of the log came before the power went
	How   string // Written, or how the last writes went wrong
	Torn  int    // Torn: how many bytes of the next event's data are there
	Disk  []byte // only during the call
}

// What happened to the writes that no flush has made safe.
const (
	Written = "all writes are there"
	Torn    = "the last write is torn"
	Alone   = "of the writes in doubt only one is there"
	Missing = "of the writes in doubt one is missing"
)

// EachCut calls look with every disk that may be left when the power goes
// before, in or after any event of log, on a disk that held base before it.
// base is used up.
func EachCut(base []byte, log []Event, look func(Cut)) {
	d := disk{safe: base}
	for i, e := range log {
		told := func(c Cut, doubtful ...Event) {
			d.with(doubtful, func() { c.Disk = d.safe; look(c) })
		}
		if e.Flush {
			for n, w := range d.doubtful {
				told(Cut{Event: i, How: Alone}, w)
				told(Cut{Event: i, How: Missing}, slices.Delete(slices.Clone(d.doubtful), n, n+1)...)
			}
			d.flush()
		}
		if len(e.Data) == 0 {
			continue
		}
		for _, n := range d.tears(e) {
			torn := Event{Offset: e.Offset, Data: e.Data[:n]}
			told(Cut{Event: i, How: Torn, Torn: n}, append(slices.Clip(d.doubtful), torn)...)
		}
		d.doubtful = append(d.doubtful, e)
		told(Cut{Event: i + 1, How: Written}, d.doubtful...)
	}
}

const (
	sectorSize = 512 // what a disk writes whole or not at all
	longWrite  = 32 << 10
)

// disk is what surely is on a disk, and what may be.
type disk struct {
	safe     []byte
	doubtful []Event
}

func (d *disk) flush() {
	for _, w := range d.doubtful {
		copy(d.safe[w.Offset:], w.Data)
	}
	d.doubtful = nil
}

// tears returns after how many bytes of a write the power may go so that the
// disk is another than with fewer bytes, and than with all. Writes that are
// longer than longWrite are torn in their middle only.
func (d *disk) tears(w Event) []int {
	if len(w.Data) > longWrite {
		return []int{len(w.Data) / 2 / sectorSize * sectorSize}
	}
	var ends []int
	d.with(d.doubtful, func() {
		for n := 0; n < len(w.Data); n += sectorSize {
			if !bytes.Equal(w.Data[n:n+sectorSize], d.safe[w.Offset+int64(n):][:sectorSize]) {
				ends = append(ends, n+sectorSize)
			}
		}
	})
	return ends[:max(0, len(ends)-1)]
}

// with calls look while the writes are on the disk.
func (d *disk) with(writes []Event, look func()) {
	var before []Event
	for _, w := range writes {
		before = append(before, Event{Offset: w.Offset, Data: slices.Clone(d.safe[w.Offset:][:len(w.Data)])})
		copy(d.safe[w.Offset:], w.Data)
	}
	look()
	for _, w := range slices.Backward(before) {
		copy(d.safe[w.Offset:], w.Data)
	}
}

// After returns base, changed by all of log. base is used up.
func After(base []byte, log []Event) []byte {
	for _, e := range log {
		copy(base[e.Offset:], e.Data)
	}
	return base
}
