package editor

import (
	"strings"
	"sync"
	"time"

	"bantam/editor/file"
	"bantam/editor/language"
	"bantam/editor/text"
)

// document is one text with the place in it that is shown.
type document struct {
	name    string
	file    *file.File // nil: a pipe or a page of the editor's own
	text    *text.Text
	checker language.Checker // nil: nothing checks this text

	cursor int  // byte offset
	mark   int  // other end of the selection, -1: none
	sticky bool // the mark was set by a command: motions keep it
	goal   int  // column that vertical motion aims at, -1: the cursor's own
	top    int  // offset where the first row begins
	left   int  // where the cursor's line begins on the screen, in bytes, when it moves sideways

	faults  []fault
	checked int // version of the text that faults speak of, -1: none

	found     *file.Found    // unsaved text of an earlier session that is offered
	notice    string         // what is to be said when it comes into sight
	keeper    *file.Keeper   // nil: no recovery file
	keeping   sync.WaitGroup // the recovery file is being written, in the background
	kept      int            // version of the text that the recovery file holds
	changed   time.Time      // of the first change that it does not hold
	touchedAt time.Time      // of the last change
	changedBy bool           // somebody else changed the file: that was said
	keepErr   error          // why there is no recovery file
	crlf      bool           // the first line ends in CRLF: so do new ones, and the CR is not shown
	unended   bool           // the last line had no end when the text came: it gets none
	readOnly  string         // why the text cannot be changed, "": it can

	closed func() // what comes after a page of the editor's own; may be nil

	paint   paint
	pasting bool // an undo step is open for it
}

// fault is a language.Fault that stays with its place while the text changes.
type fault struct {
	language.Fault
	at int // offset
}

func newDocument(name string, src text.Source) *document {
	d := &document{name: name, text: text.New(src), mark: -1, goal: -1, checked: -1}
	end := d.text.LineEnd(0)
	d.crlf = end > 0 && end < d.text.Len() && d.text.Byte(end-1) == '\r'
	d.unended = d.lacksEnd()
	return d
}

// page is a text of the editor's own, to be read.
func page(name, content string) *document {
	d := newDocument(name, text.Memory(content))
	d.readOnly = "This page is only for reading"
	return d
}

// selection is the marked part of the text.
func (d *document) selection() (from, to int, ok bool) {
	if d.mark < 0 || d.mark == d.cursor {
		return 0, 0, false
	}
	d.mark = min(d.mark, d.text.Len())
	return min(d.mark, d.cursor), max(d.mark, d.cursor), true
}

// replace changes the text and moves the cursor behind what was put in.
func (d *document) replace(off, n int, s []byte) {
	d.text.Replace(off, n, s)
	d.follow(off, n, len(s))
}

// lacksEnd says whether the last line has no line feed.
func (d *document) lacksEnd() bool {
	n := d.text.Len()
	return n > 0 && d.text.Byte(n-1) != '\n'
}

// endLastLine ends a last line that was typed, before it is saved: what others
// append to the file would otherwise continue it.
func (d *document) endLastLine() {
	if d.unended || !d.lacksEnd() {
		return
	}
	cursor, mark := d.cursor, d.mark
	d.text.Begin(cursor)
	d.replace(d.text.Len(), 0, d.newline())
	d.text.End(cursor)
	d.cursor, d.mark = cursor, mark
}

// typed is replace for typing: one undo takes back a word of it.
func (d *document) typed(s []byte) {
	d.text.Type(d.cursor, s)
	d.follow(d.cursor, 0, len(s))
}

// follow moves what is bound to places of the text after a change at off, where
// n bytes became put bytes.
func (d *document) follow(off, n, put int) {
	shift := func(at int) int {
		switch {
		case at >= off+n:
			return at + put - n
		case at > off:
			return off
		}
		return at
	}
	kept := d.faults[:0]
	for _, f := range d.faults {
		if f.at < off || f.at >= off+n {
			f.at = shift(f.at)
			kept = append(kept, f)
		}
	}
	d.faults = kept
	if d.mark >= 0 {
		d.mark = shift(d.mark)
	}
	if d.top > off {
		d.top = d.text.LineStart(min(shift(d.top), d.text.Len()))
	}
	d.moveTo(off + put)
	d.touched(off)
}

// touched notes a change for whoever waits for one.
func (d *document) touched(off int) {
	d.touchedAt = time.Now()
	if d.changed.IsZero() {
		d.changed = d.touchedAt
	}
	d.paint.forget(off)
}

// jump is moveTo for a command: it lets go of what Shift selected, so that what is
// typed at the new place does not replace all that lies between.
func (d *document) jump(off int) {
	d.selecting(false)
	d.moveTo(off)
}

// moveTo puts the cursor at off; vertical motion aims at its column from now on.
func (d *document) moveTo(off int) {
	d.cursor = min(max(off, 0), d.text.Len())
	d.goal = -1
}

// belongs makes the document that of a file.
func (d *document) belongs(f *file.File, opt Options) {
	d.file, d.name = f, f.Name()
	d.paint.toml = strings.HasSuffix(d.name, ".toml")
	if opt.CheckerFor != nil {
		d.checker, d.checked, d.faults = opt.CheckerFor(f.Path), -1, nil
	}
}

// release gives up the recovery file, which is kept if keep says so. What is just
// being written there comes first: it must not appear afterwards.
func (d *document) release(keep bool) {
	d.keeping.Wait()
	if d.keeper == nil {
		return
	}
	if !keep && d.found == nil {
		_ = d.keeper.Drop() // at worst it is offered once more
	}
	d.keeper.Close()
	d.keeper = nil
}

// close is release, and closes the file.
func (d *document) close(keep bool) {
	d.release(keep)
	if d.file != nil {
		d.file.Close()
	}
}
