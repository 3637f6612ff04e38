package vt

// mode sets or resets an ANSI mode.
func (t *Terminal) mode(m int, on bool) {
	switch m {
	case 4:
		t.needs(VT102, "insert mode")
		t.insert = on
	case 20:
		t.newline = on
	case 2, 12: // keyboard lock, local echo
	default:
		t.fault("unknown mode %d", m)
	}
}

// private obeys a sequence that begins with CSI ? > < or =.
func (t *Terminal) private(kind byte, p []int, final byte) {
	switch {
	case kind == '?' && (final == 'h' || final == 'l'):
		for _, m := range p {
			t.privateMode(m, final == 'h')
		}
	case kind == '?' && final == 'c': // the cursor's look
		t.needs(Linux, "CSI ? c")
	case kind == '>' && final == 'c':
		t.needs(XTerm, "CSI > c")
		t.answer("\x1b[>41;330;0c")
	case kind == '>' && (final == 'm' || final == 'n' || final == 'q'), kind == '?' && (final == 'm' || final == 'n' || final == 'u'),
		kind == '?' && (final == 's' || final == 'r'): // keyboard, version and saved modes
		t.needs(XTerm, "CSI %c %c", kind, final)
	default:
		t.fault("unknown CSI %s%c", t.params, final)
	}
}

// intermediates obeys a sequence with bytes like ! or space before its end.
func (t *Terminal) intermediates(between []byte, final byte) {
	t.needs(XTerm, "CSI %s%c", t.params, final)
	if string(between) == "!" && final == 'p' { // DECSTR
		t.top, t.bottom = 0, t.rows
		t.insert, t.noWrap, t.origin = false, false, false
		t.style = Style{}
	}
}

func (t *Terminal) privateMode(m int, on bool) {
	switch m {
	case 1, 2, 4, 5, 8, 9, 18, 19: // keys, speed, colours of the whole screen, printer
	case 3: // 132 columns: clears, whether it is supported or not
		t.eraseRows(0, t.rows)
		t.moveTo(0, 0)
	case 6:
		t.origin = on
		t.position(0, 0)
	case 7:
		t.noWrap = !on
		t.pending = false
	case 25, 1000, 1002, 1003, 1005, 1006, 1015:
		t.needs(Linux, "mode ? %d", m)
	case 47, 1047, 1049:
		t.needs(XTerm, "mode ? %d", m)
		t.alternate(on, m == 1049)
	case 1048:
		t.needs(XTerm, "mode ? %d", m)
		if on {
			t.saved = t.cursor
		} else {
			t.cursor = t.saved
		}
	case 12, 40, 45, 69, 1001, 1004, 1007, 1034, 1036, 1039, 2004, 2026, 2027, 2031:
		t.needs(XTerm, "mode ? %d", m)
	default:
		t.fault("unknown mode ? %d", m)
	}
}

// alternate shows the other screen. One that keeps the cursor clears it, too.
func (t *Terminal) alternate(on, keep bool) {
	if on == (t.other != nil) {
		return
	}
	if on {
		if keep {
			t.saved = t.cursor
		}
		t.other, t.grid = t.grid, t.blankGrid()
		return
	}
	t.grid, t.other = t.other, nil
	if keep {
		t.cursor = t.saved
	}
}

func (t *Terminal) report(what int) {
	switch what {
	case 5:
		t.answer("\x1b[0n")
	case 6:
		row := t.row
		if t.origin {
			row -= t.top
		}
		t.answer("\x1b[%d;%dR", row+1, t.col+1)
	default:
		t.fault("unknown CSI %d n", what)
	}
}

// identify answers DA1.
func (t *Terminal) identify() {
	t.answer("%s", [...]string{"\x1b[?1;2c", "\x1b[?6c", "\x1b[?6c", "\x1b[?64;1;2;6;22c"}[t.level])
}
