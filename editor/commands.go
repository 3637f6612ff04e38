package editor

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// help is what the last row shows, most needed first; it is cut at the width.
const help = "^S Save ^Q Quit ^F Find ^G Next ^T Line ^Z Undo ^Y Redo ^K Cut ^U Put ^V Fault"

// key does what one key asks for.
func (m *model) key(k Key) {
	if m.prompt != nil {
		m.promptKey(k)
		return
	}
	m.message = ""
	wasCut := m.lastCut
	m.lastCut = false
	switch k.Code {
	case KeyPasteStart, KeyPasteEnd:
		m.pasting = k.Code == KeyPasteStart
	case KeyText:
		m.insert(k.Text)
	case KeyEnter:
		m.insert([]byte{'\n'})
	case KeyTab:
		m.insert([]byte{'\t'})
	case KeyCtrl:
		if !m.pasting { // a paste types, it commands nothing
			m.control(k.Rune, wasCut)
		}
	case KeyBackspace:
		if m.cursor > 0 {
			from := m.before(m.cursor)
			m.text.Replace(from, m.cursor-from, nil, m.cursor, false)
			m.move(from)
		}
	case KeyDelete:
		m.deleteRight()
	default:
		m.motion(k.Code)
	}
}

func (m *model) control(r rune, wasCut bool) {
	switch r {
	case 'S', 'O':
		m.save(nil)
	case 'Q', 'X':
		m.quit()
	case 'F', 'W':
		q := "Find: "
		if m.find != "" {
			q = fmt.Sprintf("Find [%s]: ", m.find)
		}
		m.ask(q, false, func(m *model, a string) {
			if a != "" {
				m.find = a
			}
			m.search()
		})
	case 'G':
		m.search()
	case 'T':
		m.ask("Go to line: ", false, func(m *model, a string) {
			n, err := strconv.Atoi(a)
			if err != nil || n < 1 {
				m.message = fmt.Sprintf("%q is no line number", a)
				return
			}
			m.move(m.text.LineStart(min(n, m.text.Lines()) - 1))
		})
	case 'Z':
		if at, ok := m.text.Undo(); ok {
			m.move(at)
		} else {
			m.message = "Nothing to undo"
		}
	case 'Y':
		if at, ok := m.text.Redo(); ok {
			m.move(at)
		} else {
			m.message = "Nothing to redo"
		}
	case 'K':
		m.cutLine(wasCut)
	case 'U':
		if len(m.cut) > 0 {
			m.text.Replace(m.cursor, 0, m.cut, m.cursor, false)
			m.move(m.cursor + len(m.cut))
		}
	case 'V':
		m.nextFault()
	case 'L':
		m.redraw = true
	case 'A':
		m.motion(KeyHome)
	case 'E':
		m.motion(KeyEnd)
	case 'P':
		m.motion(KeyUp)
	case 'N':
		m.motion(KeyDown)
	case 'B':
		m.motion(KeyPageUp)
	case 'D':
		m.deleteRight()
	case 'C':
		m.message = "^Q leaves the editor"
	}
}

func (m *model) insert(s []byte) {
	m.text.Replace(m.cursor, 0, s, m.cursor, true)
	m.move(m.cursor + len(s))
}

func (m *model) deleteRight() {
	if m.cursor < m.text.Len() {
		m.text.Replace(m.cursor, m.after(m.cursor)-m.cursor, nil, m.cursor, false)
	}
}

// cutLine takes the line of the cursor out; cuts in a row are pasted together.
func (m *model) cutLine(again bool) {
	line, _ := m.text.Position(m.cursor)
	from, to := m.text.LineStart(line), m.text.LineEnd(line)
	if to < m.text.Len() {
		to++
	}
	if from == to {
		return // the empty last line
	}
	if !again {
		m.cut = nil
	}
	m.cut = append(m.cut, m.text.Bytes()[from:to]...)
	m.text.Replace(from, to-from, nil, m.cursor, false)
	m.move(from)
	m.lastCut = true
}

// move puts the cursor at off; vertical motion aims at its column from now on.
func (m *model) move(off int) {
	m.cursor = min(max(off, 0), m.text.Len())
	m.goal = -1
}

// before and after are the offsets of the neighbouring characters. An invalid
// byte is a character of its own.
func (m *model) before(off int) int {
	_, n := utf8.DecodeLastRune(m.text.Bytes()[:off])
	return off - max(n, 1)
}

func (m *model) after(off int) int {
	_, n := utf8.DecodeRune(m.text.Bytes()[off:])
	return off + max(n, 1)
}

func (m *model) motion(c Code) {
	line, _ := m.text.Position(m.cursor)
	switch c {
	case KeyLeft:
		if m.cursor > 0 {
			m.move(m.before(m.cursor))
		}
	case KeyRight:
		if m.cursor < m.text.Len() {
			m.move(m.after(m.cursor))
		}
	case KeyWordLeft:
		at := m.cursor
		for at > 0 && !m.word(m.before(at)) {
			at = m.before(at)
		}
		for at > 0 && m.word(m.before(at)) {
			at = m.before(at)
		}
		m.move(at)
	case KeyWordRight:
		at := m.cursor
		for at < m.text.Len() && m.word(at) {
			at = m.after(at)
		}
		for at < m.text.Len() && !m.word(at) {
			at = m.after(at)
		}
		m.move(at)
	case KeyHome:
		m.move(m.text.LineStart(line))
	case KeyEnd:
		m.move(m.text.LineEnd(line))
	case KeyUp:
		m.vertical(-1)
	case KeyDown:
		m.vertical(1)
	case KeyPageUp:
		m.vertical(-max(m.textRows()-1, 1))
	case KeyPageDown:
		m.vertical(max(m.textRows()-1, 1))
	}
}

func (m *model) word(off int) bool {
	r, _ := utf8.DecodeRune(m.text.Bytes()[off:])
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// vertical moves by n lines towards the column where the motion began.
func (m *model) vertical(n int) {
	line, col := m.text.Position(m.cursor)
	if m.goal < 0 {
		m.goal = columnOf(m.text.Line(line), col)
	}
	goal := m.goal
	to := min(max(line+n, 0), m.text.Lines()-1)
	m.move(m.text.LineStart(to) + byteAt(m.text.Line(to), goal))
	m.goal = goal
}

func (m *model) promptKey(k Key) {
	p := m.prompt
	answer := func(a string) {
		m.prompt = nil
		m.message = ""
		p.then(m, a)
	}
	switch {
	case k.Code == KeyCtrl && (k.Rune == 'C' || k.Rune == 'G' || k.Rune == 'Q'):
		m.prompt = nil
		m.message = ""
	case k.Code == KeyCtrl && k.Rune == 'L':
		m.redraw = true
	case p.single:
		if k.Code == KeyText {
			answer(string(unicode.ToLower(rune(k.Text[0]))))
		}
	case k.Code == KeyEnter:
		answer(string(p.answer))
	case k.Code == KeyBackspace:
		if len(p.answer) > 0 {
			_, n := utf8.DecodeLastRune(p.answer)
			p.answer = p.answer[:len(p.answer)-n]
		}
	case k.Code == KeyCtrl && k.Rune == 'U':
		p.answer = nil
	case k.Code == KeyText:
		p.answer = append(p.answer, k.Text...)
	}
}
