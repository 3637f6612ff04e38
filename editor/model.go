package editor

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bantam/editor/keys"
	"bantam/editor/screen"
)

// model is the state of one session at the editor and what the keys do to it. It
// does no I/O but through the documents' files.
type model struct {
	docs    []*document
	current int
	over    []*document // pages laid over the text, the last is seen
	view    view
	opt     Options

	clip      []byte
	cutting   bool // the last command was a cut: a further one appends
	find      finding
	completed *completion
	prompt    *prompt
	asked     bool   // the status row shows a prompt
	menu      bool   // the page on top is the menu: letters are commands
	begun     bool   // something was typed
	vi        string // what was, if that may become one of vi's ways out
	noise     bool   // bytes came that nobody types, and were not asked about
	menuAt    int    // in the macro, the key that opened the menu
	message   string
	covered   bool   // a message that needs many rows lies over the cursor's
	status    string // what the status row shows; follows when the keyboard rests
	last      string // what the help row shows
	recording bool
	macro     []keys.Key
	playing   bool
	busy      func() bool // work in slices: true when it is done
	waiting   []keys.Key  // came meanwhile
	saved     bool
	line      int // of the cursor in the text that was left last, from 1
	done      bool
	slow      bool // the line: what costs bytes comes when the keyboard rests, or not at all
	redraw    bool // draw all anew, after asking for the size
}

func newModel(docs []*document, opt Options) *model {
	return &model{docs: docs, opt: opt, view: view{wrap: opt.Wrap}}
}

// doc is what is seen.
func (m *model) doc() *document {
	if n := len(m.over); n > 0 {
		return m.over[n-1]
	}
	return m.docs[m.current]
}

// text is the document below all pages.
func (m *model) text() *document { return m.docs[m.current] }

func (m *model) say(format string, args ...any) { m.message = oneLine(fmt.Sprintf(format, args...)) }

// key does what one key asks for.
func (m *model) key(k keys.Key) {
	if m.busy != nil {
		if k.Code == keys.Ctrl && k.Rune == 'C' {
			m.busy, m.waiting = nil, nil
			m.say("Interrupted")
			return
		}
		m.waiting = append(m.waiting, k) // it is meant for the place where the work ends
		return
	}
	if m.recording && !m.playing {
		m.macro = append(m.macro, k)
	}
	if m.prompt != nil {
		m.promptKey(k)
		return
	}
	m.message = ""
	m.find.from, m.find.to = 0, 0
	wasCutting, completed := m.cutting, m.completed
	m.cutting, m.completed = false, nil
	d := m.doc()
	if m.menu {
		m.menuKey(k)
		return
	}
	if d.readOnly != "" && m.reading(k) {
		return
	}
	if m.viBegins(k) {
		return
	}
	switch k.Code {
	case keys.Text:
		if m.writable() {
			m.noise = m.noise || len(k.Text) == 1 && k.Text[0] >= utf8.RuneSelf // no character
			m.dropSelection()
			d.typed(k.Text)
		}
	case keys.Paste:
		m.paste(k.Text)
	case keys.PasteEnd:
		d.endPaste()
	case keys.Enter:
		if m.writable() {
			m.dropSelection()
			d.typed(d.newline())
		}
	case keys.Tab:
		m.tab(completed, k.Rune == '\t')
	case keys.BackTab:
		if completed != nil {
			m.nextCompletion(completed, -1)
		} else if m.writable() {
			m.indent(false)
		}
	case keys.Ctrl:
		m.cutting = wasCutting && k.Rune == 'K'
		m.run(byCtrl(k.Rune), fmt.Sprintf("^%c is not bound", k.Rune))
	case keys.Alt:
		m.alt(k.Rune)
	case keys.Backspace:
		m.deleteLeft()
	case keys.Delete:
		m.deleteRight()
	case keys.Insert, keys.Cursor, keys.Device, keys.BackspaceWord:
	default:
		d.selecting(k.Shift)
		m.motion(d, k.Code)
	}
}

// work does a slice of what goes on, and after its end the keys that waited for
// it. It tells whether something ended.
func (m *model) work() bool {
	if !m.slice() {
		return false
	}
	for m.busy == nil && len(m.waiting) > 0 && !m.done {
		k := m.waiting[0]
		m.waiting = m.waiting[1:]
		m.key(k)
	}
	return true
}

func (m *model) slice() bool {
	busy := m.busy
	m.busy = nil
	if !busy() {
		m.busy = busy
		return false
	}
	return true
}

// run does a command unless the text cannot be changed.
func (m *model) run(c *command, unknown string) {
	switch {
	case c == nil:
		m.say("%s; ^G shows what there is", unknown)
	case c.reads || m.writable():
		c.do(m)
	}
}

// alt is what people have in their fingers from nano, emacs and readline.
func (m *model) alt(r rune) {
	switch r {
	case 'b', 'B', ' ':
		motion(keys.WordLeft)(m)
	case 'f', 'F':
		motion(keys.WordRight)(m)
	default:
		c := byLetter(map[rune]rune{'u': 'z', 'e': 'y', '6': 'c', '^': 'c', 'a': 'm', 'g': 't', 'w': 'g', 'q': 'b', '}': 'i', '{': 'o',
			'3': '#', '\\': '<', '/': '>', '|': '<', '?': '>', 'n': 'l', 's': 'w', 'r': 'r'}[unicode.ToLower(r)])
		m.run(c, fmt.Sprintf("M-%c is not bound", r))
	}
}

// writable tells whether the text may be changed, and says why not.
func (m *model) writable() bool {
	why := m.doc().readOnly
	if why != "" {
		m.say("%s; ^X leaves", why)
	}
	return why == ""
}

// reading are the further keys of a text that cannot be changed.
func (m *model) reading(k keys.Key) bool {
	if k.Code == keys.Enter {
		m.motion(m.doc(), keys.Down)
		return true
	}
	if k.Code != keys.Text {
		return false
	}
	switch k.Text[0] {
	case 'q', 'Q':
		m.quit()
	case ' ', 'f':
		m.motion(m.doc(), keys.PageDown)
	case 'b':
		m.motion(m.doc(), keys.PageUp)
	case '/':
		m.findPrompt()
	case 'n':
		m.findAgain(false)
	case 'N':
		m.findAgain(true)
	case 'g':
		m.motion(m.doc(), keys.Top)
	case 'G':
		m.motion(m.doc(), keys.Bottom)
	case '?', 'h':
		m.openMenu()
	default:
		m.say("%s; q leaves, Space pages, / finds", m.doc().readOnly)
	}
	return true
}

// escape leaves a question or a page, as ^C does, and tells whether there was one.
func (m *model) escape() bool {
	if m.prompt == nil && len(m.over) == 0 || m.busy != nil {
		return false
	}
	if m.prompt != nil || m.menu {
		m.key(keys.Key{Code: keys.Ctrl, Rune: 'C'})
	} else {
		m.quit()
	}
	return true
}

func (m *model) openMenu() {
	m.over = append(m.over, page("Commands", menuText(m.view.cols-1)))
	m.menu, m.menuAt = true, max(len(m.macro)-1, 0)
}

// menuKey is a key while the menu is seen: a letter is a command.
func (m *model) menuKey(k keys.Key) {
	switch k.Code {
	case keys.Text, keys.Ctrl:
		m.menu = false
		m.over = m.over[:len(m.over)-1]
		if k.Code == keys.Text {
			m.run(byLetter(rune(k.Text[0])), fmt.Sprintf("%q is no command", k.Text))
		} else if k.Rune != 'C' && k.Rune != 'G' && k.Rune != 'X' && k.Rune != 'Q' {
			m.run(byCtrl(k.Rune), fmt.Sprintf("^%c is not bound", k.Rune))
		}
	case keys.Up, keys.Down, keys.PageUp, keys.PageDown, keys.Top, keys.Bottom:
		m.motion(m.doc(), k.Code)
	case keys.Enter, keys.Backspace:
		m.menu = false
		m.over = m.over[:len(m.over)-1]
	}
}

// record begins a macro or ends it.
func (m *model) record() {
	if m.playing {
		return
	}
	if m.recording = !m.recording; m.recording {
		m.macro = nil
		m.say("What you type now is recorded, until ^G *")
		return
	}
	m.macro = m.macro[:m.menuAt] // without the end of the recording
	m.say("Recorded %s; ^G . plays it", plural(len(m.macro), "key"))
}

// play types the macro. One undo step takes it back.
func (m *model) play() {
	if m.recording || m.playing || len(m.macro) == 0 {
		m.say("There is no macro: ^G * records one")
		return
	}
	d := m.doc()
	d.text.Begin(d.cursor)
	m.playing = true
	for _, k := range m.macro {
		if m.done {
			break
		}
		m.key(k)
		for m.busy != nil { // the next key is meant for where that ends
			m.slice()
		}
	}
	m.playing = false
	d.text.End(d.cursor)
}

func (m *model) undo() { m.restore(m.doc().text.Undo, "Nothing to undo") }
func (m *model) redo() { m.restore(m.doc().text.Redo, "Nothing to redo") }

func (m *model) restore(step func() (int, bool), none string) {
	d := m.doc()
	if at, ok := step(); ok {
		d.mark = -1
		d.moveTo(at)
		d.touched(0)
	} else {
		m.say("%s", none)
	}
}

// linePrompt goes to a line, as soon as the lines up to there are counted.
func (m *model) linePrompt() {
	p := m.ask("Go to line: ", nil, func(answer string) {
		if n, err := strconv.Atoi(strings.TrimSpace(answer)); err == nil {
			m.goToLine(m.doc(), n)
		}
	})
	p.check = func(answer string) error {
		if n, err := strconv.Atoi(strings.TrimSpace(answer)); answer != "" && (err != nil || n < 1) {
			return fmt.Errorf("%q is no line number", answer)
		}
		return nil
	}
}

func (m *model) goToLine(d *document, n int) {
	arrive := func() bool {
		off, known := d.text.LineOffset(n - 1)
		if known {
			d.jump(off)
		}
		return known
	}
	if arrive() {
		return
	}
	m.say("Counting lines; ^C ends it")
	m.busy = func() bool {
		d.text.Index(16)
		if !arrive() {
			return false
		}
		m.message = ""
		return true
	}
}

// position tells where the cursor is.
func (m *model) position() {
	d := m.doc()
	line := d.text.LineStart(d.cursor)
	n, known := d.text.LineNumber(d.cursor)
	all, counted := d.text.Lines()
	at, of := "?", "?"
	if known {
		at = strconv.Itoa(n + 1)
	}
	if counted {
		of = strconv.Itoa(all)
	}
	m.say("Line %s of %s, column %d, byte %d of %d", at, of, m.view.columnOf(d, line, d.cursor)+1, d.cursor, d.text.Len())
}

// nextDocument shows another of the open files.
func (m *model) nextDocument() {
	if len(m.docs) < 2 {
		m.say("Only one file is open; ^G p opens another")
		return
	}
	m.show((m.current + 1) % len(m.docs))
}

// show brings a document into sight, without the pages over another.
func (m *model) show(i int) {
	m.current, m.over = i, nil
	m.greet(m.text())
}

func (m *model) openPrompt() {
	m.askPath("Open file: ", func(path string) {
		d, err := m.opt.open(Target{Path: path})
		if err != nil {
			m.say("%v", err)
			return
		}
		for i, open := range m.docs {
			if open.file != nil && open.file.Path == d.file.Path {
				d.close(true)
				m.show(i)
				return
			}
		}
		m.docs = append(m.docs, d)
		m.show(len(m.docs) - 1)
	})
}

// draw scrolls to the cursor and returns what the terminal is to be sent. On a
// slow line a jump ends where the screen changes least.
func (m *model) draw(to *screen.Screen, slow, full bool) []byte {
	out, _ := m.drawSome(to, slow, full, math.MaxInt)
	return out
}

// drawSome is draw for a line that is given not much more than most bytes at once;
// it tells whether that was all.
func (m *model) drawSome(to *screen.Screen, slow, full bool, most int) (out []byte, whole bool) {
	d := m.doc()
	m.view.fit(d)
	m.view.sideways(d)
	var choose func(tops []int) int
	if slow {
		choose = func(tops []int) int { return m.cheapest(to, full, tops) }
	}
	m.view.reveal(d, choose)
	out, whole = to.DrawSome(m.compose(full), most)
	m.asked = m.prompt != nil
	return out, whole
}

// compose is what the terminal should show. Only a full picture brings the
// status row up to date.
func (m *model) compose(full bool) screen.Picture {
	d := m.doc()
	m.view.fit(d)
	p := screen.Picture{Rows: make([][]screen.Cell, m.view.rows)}
	m.body(&p, d)
	m.bars(&p, full)
	return p
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// when tells a time as people on one machine say it.
func when(t time.Time) string {
	if time.Since(t) < 20*time.Hour {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}
