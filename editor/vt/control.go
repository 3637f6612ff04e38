package vt

// control obeys a control byte.
func (t *Terminal) control(b byte) {
	switch b {
	case 0, 7, 0x7f: // NUL, BEL, DEL
	case '\b':
		t.moveTo(t.row, t.col-1)
	case '\t':
		t.tab()
	case '\n', '\v', '\f':
		t.index()
		if t.newline {
			t.col = 0
		}
	case '\r':
		t.moveTo(t.row, 0)
	case 0x0e, 0x0f: // SO, SI
		t.shift = int(0x0f - b)
	case 0x1b:
		t.parse = (*Terminal).escape
	default:
		t.fault("control byte %#02x", b)
	}
}

func (t *Terminal) tab() {
	for t.moveTo(t.row, t.col+1); t.col < t.cols-1 && !t.tabs[t.col]; {
		t.col++
	}
}

// escape takes the byte after ESC.
func (t *Terminal) escape(b byte) {
	t.parse = nil
	switch b {
	case 0x1b:
		t.parse = (*Terminal).escape
	case '[':
		t.params = t.params[:0]
		t.parse = (*Terminal).csi
	case ']':
		t.parse = (*Terminal).osc
	case 'P', '^', '_', 'X': // DCS, PM, APC, SOS
		t.needs(XTerm, "ESC %c", b)
		t.parse = (*Terminal).text
	case '(', ')', '*', '+', '#', ' ', '%':
		t.params = append(t.params[:0], b)
		t.parse = (*Terminal).intermediate
	case '7':
		t.saved = t.cursor
	case '8':
		t.cursor = t.saved
	case 'D':
		t.index()
	case 'E':
		t.index()
		t.col = 0
	case 'H':
		t.tabs[t.col] = true
	case 'M':
		t.reverseIndex()
	case 'Z':
		t.identify()
	case 'c':
		t.reset()
	case '=', '>', '\\': // keypad modes; the end of a string that had ended
	case 'n', 'o', '|', '}', '~':
		t.fault("locking shift ESC %c", b)
	default:
		t.fault("unknown ESC %q", b)
	}
}

// intermediate takes the final byte of ESC ( B and the like.
func (t *Terminal) intermediate(b byte) {
	t.parse = nil
	switch kind := t.params[0]; {
	case kind == '(' || kind == ')':
		t.graphics[kind-'('] = b == '0'
		if b == 'U' {
			t.needs(Linux, "ESC %c U", kind)
		} else if b != '0' && b != 'A' && b != 'B' && b != '1' && b != '2' {
			t.fault("character set ESC %c %q", kind, b)
		}
	case kind == '#' && b == '8': // DECALN
		for i := range t.grid {
			fill(t.grid[i], cell{text: "E"})
		}
		t.top, t.bottom = 0, t.rows
		t.moveTo(0, 0)
	case kind == '%':
		t.needs(Linux, "ESC %% %c", b)
	default:
		t.fault("unknown ESC %c %q", kind, b)
	}
}

// osc takes the first byte after ESC ]. The Linux console has two of its own
// that do not end like those of xterm.
func (t *Terminal) osc(b byte) {
	switch {
	case t.level == Linux && b == 'R':
		t.parse = nil
	case t.level == Linux && b == 'P':
		t.skip = 7
		t.parse = (*Terminal).skipping
	default:
		t.needs(XTerm, "ESC ]")
		t.parse = (*Terminal).text
		t.text(b)
	}
}

func (t *Terminal) skipping(byte) {
	if t.skip--; t.skip == 0 {
		t.parse = nil
	}
}

// text takes a string up to its end: BEL, or ESC \.
func (t *Terminal) text(b byte) {
	switch b {
	case 7:
		t.parse = nil
	case 0x1b:
		t.parse = (*Terminal).escape
	}
}
