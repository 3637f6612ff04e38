package line

import "strings"

// Key handles one key.
func (e *Editor) Key(k Key) Result {
	if k.Code == Position {
		return Editing // a late answer; the caller has used it
	}
	if e.search != nil {
		if result, used := e.searchKey(k); used {
			return result
		}
	}
	if k.Code != Tab {
		e.tabs = 0
	}
	switch k.Code {
	case Character:
		e.insertRunes([]rune{k.Rune})
	case Pasted:
		e.insertRunes(printable(decode(strings.TrimRight(k.Text, "\n"))))
	case Enter:
		e.finish("")
		return Accepted
	case Tab:
		e.complete()
	case Backspace:
		e.remove(e.pos-1, e.pos)
	case Delete:
		e.remove(e.pos, e.pos+1)
	case Left:
		e.pos = max(0, e.pos-1)
	case Right:
		e.pos = min(len(e.buffer), e.pos+1)
	case Home:
		e.pos = 0
	case End:
		e.pos = len(e.buffer)
	case WordLeft:
		e.pos = e.wordStart()
	case WordRight:
		e.pos = e.wordEnd()
	case Up:
		e.browse(-1)
	case Down:
		e.browse(1)
	case Ctrl:
		return e.control(k.Rune)
	case Alt:
		switch k.Rune {
		case 'b':
			e.pos = e.wordStart()
		case 'f':
			e.pos = e.wordEnd()
		case 'd':
			e.kill(e.pos, e.wordEnd())
		}
	}
	return Editing
}

func (e *Editor) control(letter rune) Result {
	switch letter {
	case 'a':
		e.pos = 0
	case 'b':
		e.pos = max(0, e.pos-1)
	case 'c':
		e.finish("^C")
		return Cancelled
	case 'd':
		if len(e.buffer) == 0 {
			e.finish("")
			return EndOfInput
		}
		e.remove(e.pos, e.pos+1)
	case 'e':
		e.pos = len(e.buffer)
	case 'f':
		e.pos = min(len(e.buffer), e.pos+1)
	case 'k':
		e.kill(e.pos, len(e.buffer))
	case 'l':
		e.out.WriteString("\x1b[H\x1b[2J")
		e.row = row{insert: e.Insert}
		return Remeasure
	case 'n':
		e.browse(1)
	case 'p':
		e.browse(-1)
	case 'r':
		e.startSearch()
	case 'u':
		e.kill(0, e.pos)
	case 'w':
		start := e.pos
		for start > 0 && e.buffer[start-1] == ' ' {
			start--
		}
		for start > 0 && e.buffer[start-1] != ' ' {
			start--
		}
		e.kill(start, e.pos)
	case 'y':
		e.insertRunes(e.killed)
	}
	return Editing
}

// finish leaves the line on the screen and goes to the next row.
func (e *Editor) finish(mark string) {
	if mark != "" {
		e.pos = len(e.buffer)
	}
	e.render()
	if e.row.column+len(mark) > e.width()-1 {
		mark = "" // the last column stays free
	}
	e.out.WriteString(mark + "\r\n")
	e.active = false
}

func (e *Editor) insertRunes(runes []rune) {
	tail := append([]rune(nil), e.buffer[e.pos:]...)
	e.buffer = append(append(e.buffer[:e.pos], runes...), tail...)
	e.pos += len(runes)
}

// remove deletes runes, and with the first of them the marks combined with it.
func (e *Editor) remove(from, to int) {
	if from < 0 || to > len(e.buffer) || from >= to {
		return
	}
	e.buffer = append(e.buffer[:from], e.buffer[to:]...)
	e.pos = from
}

func (e *Editor) kill(from, to int) {
	if from < to {
		e.killed = append([]rune(nil), e.buffer[from:to]...)
		e.remove(from, to)
	}
}

func (e *Editor) wordStart() int {
	i := e.pos
	for i > 0 && !isWord(e.buffer[i-1]) {
		i--
	}
	for i > 0 && isWord(e.buffer[i-1]) {
		i--
	}
	return i
}

func (e *Editor) wordEnd() int {
	i := e.pos
	for i < len(e.buffer) && !isWord(e.buffer[i]) {
		i++
	}
	for i < len(e.buffer) && isWord(e.buffer[i]) {
		i++
	}
	return i
}

// browse shows an older or newer line of the history.
func (e *Editor) browse(step int) {
	if e.History == nil {
		return
	}
	lines := e.History.lines
	next := e.browsed + step
	if next < 0 || next > len(lines) {
		return
	}
	if e.browsed >= len(lines) {
		e.draft = append([]rune(nil), e.buffer...)
	}
	e.browsed = next
	if next == len(lines) {
		e.buffer = append([]rune(nil), e.draft...)
	} else {
		e.buffer = decode(lines[next])
	}
	e.pos = len(e.buffer)
}

// printable drops control characters of a paste other than tab and newline.
func printable(runes []rune) []rune {
	kept := runes[:0]
	for _, r := range runes {
		if r >= ' ' && r != 0x7f || r == '\n' || r == '\t' {
			kept = append(kept, r)
		}
	}
	return kept
}
