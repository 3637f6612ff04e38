package supervise

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// A page is a program that makes the calls of a list. PID 1 writes it into
// memory and forks it: an ELF file of one segment with the code of runPage
// (shim_page_*.s), which is the same in each, and behind it the calls and what they point to.
// It starts in a fiftieth of the time of a Go program, on architectures that have that code.
const (
	pageBase = 0x400000
	pageHead = 64 + 56 // of the file: its header and that of the segment
	pageCode = 512     // room for runPage
	callsAt  = pageBase + pageHead + pageCode
	callSize = 8 * 8 // number, six arguments, and outcome with the excuse above it
)

// hasPages tells whether this architecture has the code; tests also do without.
var hasPages = pageMachine != unix.EM_NONE

// written is memory that a call writes to, with what it holds before.
type written []byte

// pageWriter writes pages, one after the other into the same memory.
type pageWriter struct {
	list []call // room for whoever makes the calls
	text []byte
	at   map[string]uint64 // what is pointed to, each once
}

// page is the program that makes the calls, until the next one is written.
func (w *pageWriter) page(list []call) []byte {
	if w.at == nil {
		w.at = map[string]uint64{}
	}
	clear(w.at)
	const callsIn = callsAt - pageBase // from the begin of the file
	w.text = append(w.text[:0], make([]byte, callsIn+callSize*len(list))...)
	place := func(b []byte) uint64 {
		address, known := w.at[string(b)]
		if !known {
			for len(w.text)%8 != 0 {
				w.text = append(w.text, 0)
			}
			address = pageBase + uint64(len(w.text))
			w.at[string(b)] = address
			w.text = append(w.text, b...)
		}
		return address
	}
	access := uint32(unix.PF_R | unix.PF_X)
	at := callsIn
	word := func(n uint64) {
		binary.LittleEndian.PutUint64(w.text[at:], n)
		at += 8
	}
	for _, c := range list {
		word(uint64(c.number))
		for _, arg := range c.args {
			switch arg := arg.(type) {
			case int:
				word(uint64(arg))
			case string:
				word(place(append([]byte(arg), 0)))
			case []byte:
				word(place(arg))
			case written:
				access |= unix.PF_W
				word(place(arg))
			case []string:
				var pointers []byte
				for _, s := range arg {
					pointers = binary.LittleEndian.AppendUint64(pointers, place(append([]byte(s), 0)))
				}
				word(place(binary.LittleEndian.AppendUint64(pointers, 0)))
			default:
				word(0)
			}
		}
		word(uint64(c.then) | uint64(c.excuse)<<16)
	}
	w.head(access)
	copy(w.text[pageHead:], pageText())
	return w.text
}

// keptRoom is how many bytes a pageWriter may keep: a usual page is a tenth of it.
const keptRoom = 64 << 10

// forget lets go of what the last page was made of.
func (w *pageWriter) forget() {
	clear(w.list)
	clear(w.at)
	if cap(w.text) > keptRoom {
		w.text = nil
	}
}

// head writes the header of the file and that of its one segment.
func (w *pageWriter) head(access uint32) {
	size := uint64(len(w.text))
	file := append(w.text[:0], 0x7f, 'E', 'L', 'F', unix.ELFCLASS64, unix.ELFDATA2LSB, unix.EV_CURRENT, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	file, _ = binary.Append(file, binary.LittleEndian, []uint16{unix.ET_EXEC, pageMachine}) // it cannot fail
	file, _ = binary.Append(file, binary.LittleEndian, uint32(unix.EV_CURRENT))
	file, _ = binary.Append(file, binary.LittleEndian, []uint64{pageBase + pageHead, 64, 0}) // entry, segments, no sections
	file, _ = binary.Append(file, binary.LittleEndian, uint32(0))
	file, _ = binary.Append(file, binary.LittleEndian, []uint16{64, 56, 1, 0, 0, 0}) // sizes of this and of the one segment
	file, _ = binary.Append(file, binary.LittleEndian, []uint32{unix.PT_LOAD, access})
	_, _ = binary.Append(file, binary.LittleEndian, []uint64{0, pageBase, pageBase, size, size, 0x10000})
}

// pageReport reads what a page says of a failure: the error number and the
// address of the call, of eight bytes each.
func pageReport(report []byte, stages []string) (stage string, errno syscall.Errno, ok bool) {
	if len(report) != 16 {
		return "", 0, false
	}
	errno = syscall.Errno(binary.LittleEndian.Uint64(report))
	i := (binary.LittleEndian.Uint64(report[8:]) - callsAt) / callSize
	if i >= uint64(len(stages)) {
		return fmt.Sprintf("call %d", i), errno, true
	}
	return stages[i], errno, true
}
