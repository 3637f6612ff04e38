package editor

import (
	"fmt"

	"bantam/editor/language"
)

// mostChecked is the size up to which a text is checked and completed.
const mostChecked = 1 << 20

// unchecked is the text to be checked, when it has changed since it last was.
func (d *document) unchecked() ([]byte, bool) {
	if d.checker == nil || d.checked == d.text.Version() || d.text.Len() > mostChecked {
		return nil, false
	}
	return d.text.Bytes(0, d.text.Len()), true
}

// learn takes what the Checker said about a version of the text; about an old
// one it is forgotten.
func (d *document) learn(c checked) {
	if c.failed != "" {
		d.checker, d.faults = nil, nil
		return
	}
	if c.version != d.text.Version() {
		return
	}
	d.checked, d.faults = c.version, nil
	for _, f := range c.faults {
		line, _ := d.text.LineOffset(max(f.Line-1, 0)) // small texts are counted at once
		at := min(line+max(f.Col-1, 0), d.text.LineEnd(line))
		f.Text = oneLine(f.Text)
		d.faults = append(d.faults, fault{f, at})
	}
}

// check asks the Checker now.
func (d *document) check() {
	if b, ok := d.unchecked(); ok {
		for d.text.Index(1) {
		}
		d.learn(d.ask(b)())
	}
}

// faultAt is the first fault of the line that begins at an offset.
func (d *document) faultAt(line int) (fault, bool) {
	end := d.text.LineEnd(line)
	for _, f := range d.faults {
		if f.at >= line && f.at <= end {
			return f, true
		}
	}
	return fault{}, false
}

// faultOf is the fault to be said beside a row.
func (d *document) faultOf(r *row) (fault, bool) {
	if len(d.faults) == 0 || r.next >= 0 && d.text.LineEnd(r.from) >= r.next {
		return fault{}, false // the line goes on in the next row
	}
	return d.faultAt(r.line)
}

// nextFault goes to the first fault behind the cursor, or to the first of all.
func (m *model) nextFault() {
	d := m.doc()
	if d.checker == nil {
		m.say("Nothing checks this file")
		return
	}
	if d.text.Len() > mostChecked {
		m.say("Files above %d KiB are not checked", mostChecked>>10)
		return
	}
	d.check()
	if len(d.faults) == 0 {
		m.say("No faults")
		return
	}
	next := d.faults[0]
	for _, f := range d.faults {
		if f.at > d.cursor {
			next = f
			break
		}
	}
	d.jump(next.at)
	m.say("%d:%d %s", next.Line, next.Col, next.Text)
}

// explain says what the Checker knows about the place of the cursor.
func (m *model) explain() {
	d := m.doc()
	if d.checker == nil || d.text.Len() > mostChecked {
		m.say("There is nothing to explain in this file")
		return
	}
	said := d.checker.Explain(d.text.Bytes(0, d.text.Len()), d.cursor)
	if said == "" {
		said = "There is nothing to explain here"
	}
	m.say("%s", said)
}

// checked is the answer of a Checker that worked in the background.
type checked struct {
	doc     *document
	version int
	faults  []language.Fault
	failed  string // an error of ours in the Checker
}

// ask is the question to the Checker, for any goroutine. A panic of the Checker is
// only the end of checking.
func (d *document) ask(b []byte) func() checked {
	version, check := d.text.Version(), d.checker.Check
	return func() (c checked) {
		c = checked{doc: d, version: version}
		defer func() {
			if fault := recover(); fault != nil {
				c.failed = fmt.Sprint(fault)
			}
		}()
		c.faults = check(b)
		return c
	}
}

// checkLater asks the Checker in the background, so that typing goes on at full
// speed on a slow machine. One answer comes for each true.
func (d *document) checkLater(answers chan<- checked) bool {
	b, ok := d.unchecked()
	if !ok {
		return false
	}
	for d.text.Index(1) {
	}
	ask := d.ask(b)
	go func() { answers <- ask() }()
	return true
}
