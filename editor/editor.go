// Package editor is the small text editor for serial lines: modeless, with its
// keys on the screen, made to send few bytes and to lose none of the file.
//
// It knows nothing of the rest of Bantam: it gets a file, a terminal and a
// Checker. Bytes that were not touched are written back as they were. Files are
// held in memory, so it is meant for configuration files, up to some megabytes.
// The parts are pure: Buffer (text and undo), Decoder (keys out of bytes),
// Screen (bytes out of two pictures) and model (what the keys do); terminal.go
// and save.go do the I/O.
package editor

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// Fault is one thing that is wrong with the text, e.g. an unknown key.
type Fault struct {
	Line, Col int // from 1
	Text      string
}

// Checker says what is wrong with the text of the file; nil when nothing is.
type Checker func(text []byte) []Fault

// Options of Edit.
type Options struct {
	Line  int     // the line to start at, from 1; 0: the first
	Check Checker // nil: nothing is checked
}

// maxFile is the size up to which a file is opened.
const maxFile = 16 << 20

// idle is how long the keyboard must rest before the status row is brought up to
// date: on a slow line it would cost more than the text itself.
const idle = 300 * time.Millisecond

// Edit opens the file at path, which need not exist yet, on the terminal in/out
// and returns when the user leaves. It tells whether the file was saved. When the terminal dies, unsaved
// text is kept in path + ".save" and the error says so.
func Edit(path string, in, out *os.File, opt Options) (saved bool, err error) {
	f, err := open(path)
	if err != nil {
		return false, err
	}
	term, err := openTerminal(in, out)
	if err != nil {
		return false, err
	}
	defer term.close()
	m := newModel(f, opt)
	if _, err := os.Stat(f.path + recoverySuffix); err == nil {
		m.message = "Text of a lost session is in " + f.path + recoverySuffix
	}
	err = run(m, term)
	term.close()
	if err != nil && m.text.Modified() {
		name, keepErr := f.keep(m.text.Bytes())
		if keepErr != nil {
			return m.saved, fmt.Errorf("%w; the text could not be kept: %v", err, keepErr)
		}
		return m.saved, fmt.Errorf("%w; the text is kept in %s", err, name)
	}
	return m.saved, err
}

// run is the loop: wait for bytes, let the model digest all there are, draw.
func run(m *model, t *terminal) error {
	var dec Decoder
	var scr *Screen
	resize := func() {
		m.rows, m.cols = t.size()
		scr = NewScreen(m.rows, m.cols, t.canInsert)
		m.redraw = false
	}
	t.measure()
	resize()
	t.write(scr.Draw(m.picture(true)))
	quiet := time.NewTimer(idle)
	var escape <-chan time.Time
	for !m.done {
		full := false
		select {
		case b, ok := <-t.input:
			if !ok {
				return t.inputErr()
			}
			for more := true; more; {
				for _, k := range dec.Feed(b) {
					if k.Code == KeyReport {
						if t.reported(k.Row, k.Col) {
							resize()
						}
						continue
					}
					m.key(k)
				}
				select {
				case b, more = <-t.input:
				default:
					more = false
				}
			}
			escape = nil
			if dec.Pending() {
				escape = time.After(time.Second) // slow lines deliver arrows in pieces
			}
			quiet.Reset(idle)
		case <-escape:
			dec.Abort()
			escape = nil
		case <-quiet.C:
			full = true
		case <-t.resized:
			resize()
			full = true
		case err := <-t.hangup:
			return err
		}
		if m.redraw {
			t.measure()
			resize()
			full = true
		}
		if !full && t.backlogged() {
			quiet.Reset(50 * time.Millisecond) // draw when the line has caught up
			continue
		}
		t.write(scr.Draw(m.picture(full)))
	}
	t.write(scr.Leave())
	return nil
}

// model is the state of one editing session and what the keys do to it.
type model struct {
	file  *file
	text  *Buffer
	check Checker

	cursor     int // byte offset in the text
	goal       int // column that vertical motion aims at, -1: the cursor's own
	top        int // first line on the screen
	rows, cols int
	cut        []byte
	lastCut    bool // the last command was a cut: a further one appends
	find       string
	prompt     *prompt
	pasting    bool
	faults     []Fault
	checked    int // version of the text that faults speak of
	message    string
	status     string // what the status row shows; follows when the keyboard rests
	saved      bool
	done       bool
	redraw     bool
}

// prompt is one question on the status row.
type prompt struct {
	question string
	answer   []byte
	single   bool // one key answers
	then     func(m *model, answer string)
}

func newModel(f *file, opt Options) *model {
	m := &model{file: f, text: NewBuffer(f.text), check: opt.Check, goal: -1, checked: -1}
	if opt.Line > 1 {
		m.cursor = m.text.LineStart(min(opt.Line, m.text.Lines()) - 1)
	}
	return m
}

// faultAt is the first fault of a line, counted from 1.
func (m *model) faultAt(line int) (Fault, bool) {
	for _, f := range m.faults {
		if f.Line == line {
			return f, true
		}
	}
	return Fault{}, false
}

// recheck asks the Checker when the text has changed since it last did.
func (m *model) recheck() {
	if m.check == nil || m.checked == m.text.Version() {
		return
	}
	m.faults = m.check(m.text.Bytes())
	m.checked = m.text.Version()
}

// save writes the file, asking first when it was changed behind our back.
func (m *model) save(then func(m *model)) {
	changed, err := m.file.changedOnDisk()
	if err != nil {
		m.message = err.Error()
		return
	}
	if changed {
		m.ask("The file was changed by somebody else. Overwrite it? (y/n)", true, func(m *model, a string) {
			if a == "y" {
				m.write(then)
			}
		})
		return
	}
	m.write(then)
}

func (m *model) write(then func(m *model)) {
	if err := m.file.save(m.text.Bytes()); err != nil {
		m.message = "NOT saved: " + err.Error()
		return
	}
	m.text.MarkSaved()
	m.saved = true
	m.recheck()
	m.message = fmt.Sprintf("Saved %d bytes", len(m.text.Bytes()))
	if n := len(m.faults); n > 0 {
		m.message += fmt.Sprintf("; it has %s, ^V shows the next", plural(n, "fault"))
	}
	if then != nil {
		then(m)
	}
}

func (m *model) quit() {
	if !m.text.Modified() {
		m.done = true
		return
	}
	m.ask("Save the changes? (y: save, n: lose them, ^C: go on)", true, func(m *model, a string) {
		switch a {
		case "y":
			m.save(func(m *model) { m.done = true })
		case "n":
			m.done = true
		}
	})
}

func (m *model) ask(question string, single bool, then func(m *model, answer string)) {
	m.prompt = &prompt{question: question, single: single, then: then}
}

// search moves to the next place of m.find after the cursor, around the end.
func (m *model) search() {
	if m.find == "" {
		m.message = "Nothing to find yet: ^F"
		return
	}
	all := m.text.Bytes()
	from := min(m.cursor+1, len(all))
	i := indexFold(all[from:], m.find)
	if i >= 0 {
		m.move(from + i)
		return
	}
	if i = indexFold(all, m.find); i >= 0 {
		m.move(i)
		m.message = "Found from the top"
		return
	}
	m.message = fmt.Sprintf("%q is not in the text", m.find)
}

// indexFold is bytes.Index; a needle all in small letters finds capitals too.
func indexFold(text []byte, needle string) int {
	n := []byte(needle)
	if bytes.Equal(n, bytes.ToLower(n)) {
		lower := make([]byte, len(text)) // ASCII only: lengths must stay
		for i, c := range text {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			lower[i] = c
		}
		text = lower
	}
	return bytes.Index(text, n)
}

// nextFault moves to the first fault after the cursor, or to the first of all.
func (m *model) nextFault() {
	m.recheck()
	if m.check == nil {
		m.message = "Nothing checks this file"
		return
	}
	if len(m.faults) == 0 {
		m.message = "No faults"
		return
	}
	next := m.faults[0]
	line, col := m.text.Position(m.cursor)
	for _, f := range m.faults {
		if f.Line-1 > line || f.Line-1 == line && f.Col-1 > col {
			next = f
			break
		}
	}
	l := min(max(next.Line-1, 0), m.text.Lines()-1)
	m.move(min(m.text.LineStart(l)+max(next.Col-1, 0), m.text.LineEnd(l)))
	m.message = fmt.Sprintf("%d:%d %s", next.Line, next.Col, next.Text)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
