package vt

import (
	"bytes"
	"strconv"
)

// csi collects a control sequence. Control bytes within one act at once.
func (t *Terminal) csi(b byte) {
	switch {
	case b == 0x1b:
		t.fault("cut off sequence CSI %q", t.params)
		t.parse = (*Terminal).escape
	case b < ' ':
		t.control(b)
	case b == '[' && len(t.params) == 0 && t.level == Linux: // a function key sent back
		t.skip = 1
		t.parse = (*Terminal).skipping
	case b < '@':
		if len(t.params) < 256 {
			t.params = append(t.params, b)
		}
	default:
		t.parse = nil
		t.sequence(b)
	}
}

// numbers are parameters; an absent one is 0.
func numbers(params []byte) []int {
	fields := bytes.Split(params, []byte(";"))
	out := make([]int, len(fields))
	for i, f := range fields {
		out[i], _ = strconv.Atoi(string(f))
	}
	return out
}

// sequence obeys CSI params final.
func (t *Terminal) sequence(final byte) {
	private := byte(0)
	params := t.params
	if len(params) > 0 && params[0] >= '<' {
		private, params = params[0], params[1:]
	}
	if i := bytes.IndexFunc(params, func(r rune) bool { return r < '0' }); i >= 0 {
		t.intermediates(params[i:], final)
		return
	}
	p := numbers(bytes.ReplaceAll(params, []byte(":"), []byte(";")))
	if private != 0 {
		t.private(private, p, final)
		return
	}
	n := max(p[0], 1) // most count from 1, and 0 means the same
	second := 0
	if len(p) > 1 {
		second = p[1]
	}
	switch final {
	case 'A':
		t.up(n)
	case 'B':
		t.down(n)
	case 'C':
		t.moveTo(t.row, t.col+n)
	case 'D':
		t.moveTo(t.row, t.col-n)
	case 'H', 'f':
		t.position(n-1, max(second, 1)-1)
	case 'J':
		t.eraseDisplay(p[0])
	case 'K':
		t.eraseLine(p[0])
	case 'm':
		t.sgr(p)
	case 'r':
		t.setRegion(n-1, second)
	case 'h', 'l':
		for _, m := range p {
			t.mode(m, final == 'h')
		}
	case 'n':
		t.report(p[0])
	case 'c':
		t.identify()
	case 'g':
		t.clearTabs(p[0])
	case 'q', 'y': // keyboard lights, self test
	case 'L', 'M':
		t.needs(VT102, "CSI %c", final)
		if t.inRegion() && final == 'L' {
			t.scrollDown(t.row, t.bottom, n)
		} else if t.inRegion() {
			t.scrollUp(t.row, t.bottom, n)
		}
		t.pending = false
	case '@':
		t.needs(VT102, "CSI @")
		t.insertCells(n)
		t.pending = false
	case 'P':
		t.needs(VT102, "CSI P")
		t.deleteCells(n)
		t.pending = false
	default:
		t.newer(final, n)
	}
}

// newer are the sequences that came after the VT102.
func (t *Terminal) newer(final byte, n int) {
	least := Linux
	switch final {
	case 'E':
		t.down(n)
		t.col = 0
	case 'F':
		t.up(n)
		t.col = 0
	case 'G', '`':
		t.moveTo(t.row, n-1)
	case 'X':
		t.erase(t.row, t.col, min(t.col+n, t.cols))
	case 'a':
		t.moveTo(t.row, t.col+n)
	case 'b':
		for range min(n, t.rows*t.cols) {
			t.print(t.last)
		}
	case 'd':
		t.position(n-1, t.col)
	case 'e':
		t.down(n)
	case 's':
		t.saved = t.cursor
	case 'u':
		t.cursor = t.saved
	case 'I', 'S', 'T', 'Z', 't':
		least = XTerm
		t.xterm(final, n)
	default:
		t.fault("unknown CSI %s%c", t.params, final)
		return
	}
	t.needs(least, "CSI %c", final)
}

func (t *Terminal) xterm(final byte, n int) {
	switch final {
	case 'S':
		t.scrollUp(t.top, t.bottom, n)
	case 'T':
		t.scrollDown(t.top, t.bottom, n)
	case 'I':
		for range min(n, t.cols) {
			t.tab()
		}
	case 'Z':
		for range min(n, t.cols) {
			for t.moveTo(t.row, t.col-1); t.col > 0 && !t.tabs[t.col]; {
				t.col--
			}
		}
	}
}

func (t *Terminal) eraseDisplay(how int) {
	switch how {
	case 0:
		t.eraseLine(0)
		t.eraseRows(t.row+1, t.rows)
	case 1:
		t.eraseLine(1)
		t.eraseRows(0, t.row)
	case 2:
		t.eraseRows(0, t.rows)
	case 3:
		t.needs(Linux, "CSI 3 J")
	default:
		t.fault("unknown CSI %d J", how)
	}
	t.pending = false
}

func (t *Terminal) eraseRows(from, to int) {
	for i := from; i < to; i++ {
		t.grid[i] = t.blankRow()
	}
}

func (t *Terminal) eraseLine(how int) {
	switch how {
	case 0:
		t.erase(t.row, t.col, t.cols)
	case 1:
		t.erase(t.row, 0, t.col+1)
	case 2:
		t.erase(t.row, 0, t.cols)
	default:
		t.fault("unknown CSI %d K", how)
	}
	t.pending = false
}

// setRegion takes the rows top..bottom-1; bottom 0 is the last. The cursor goes home.
func (t *Terminal) setRegion(top, bottom int) {
	if bottom == 0 || bottom > t.rows {
		bottom = t.rows
	}
	if top >= bottom-1 && bottom-top < t.rows {
		t.fault("scroll region of rows %d to %d", top, bottom)
		return
	}
	t.top, t.bottom = top, bottom
	t.position(0, 0)
}

func (t *Terminal) clearTabs(which int) {
	switch which {
	case 0:
		t.tabs[t.col] = false
	case 3:
		clear(t.tabs)
	}
}
