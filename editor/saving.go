package editor

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"bantam/editor/compare"
	"bantam/editor/file"
	"bantam/editor/text"
)

// save writes the document that is seen, after asking when the file was changed
// behind our back. then comes after a save that worked.
func (m *model) save(then func()) {
	d := m.doc()
	switch {
	case d.file == nil:
		m.saveAs()
		return
	case d.text.Err() != nil:
		m.say("NOT saved: %v", d.text.Err())
		return
	}
	if m.noise {
		m.askNoise(then)
		return
	}
	d.keeping.Wait() // it reads of the file what a save changes
	d.endLastLine()
	err := d.file.Save(d.text.Snapshot())
	if errors.Is(err, file.ErrChanged) {
		m.changedOnDisk(d, then)
		return
	}
	if err != nil {
		m.say("NOT saved: %v", err)
		return
	}
	m.wasSaved(d)
	if then != nil {
		then()
	}
}

// askNoise asks before a save that perhaps nobody has asked for: on a noisy line ^S
// is a byte like others.
func (m *model) askNoise(then func()) {
	m.ask("Bytes came that nobody types: noise on the line? Type yes to save: ", nil, func(answer string) {
		if answer != "yes" {
			m.say("Not saved; ^Z takes back what came, ^G d compares")
			return
		}
		m.noise = false
		m.save(then)
	})
}

func (m *model) wasSaved(d *document) {
	d.text.MarkSaved()
	m.saved, d.changedBy = true, false
	d.changed, d.kept = time.Time{}, d.text.Version()
	if d.keeper != nil && d.found == nil {
		d.keepErr = d.keeper.Drop()
	}
	d.check()
	m.say("Saved")
	if n := len(d.faults); n > 0 {
		m.message += fmt.Sprintf("; %s, ^V shows the next", plural(n, "fault"))
	}
}

// changedOnDisk asks what to do about a file that somebody else has changed.
func (m *model) changedOnDisk(d *document, then func()) {
	if d.file.Rewritten() {
		m.choose("Somebody else has written into the file. It is too large for memory, so what you did not change is theirs now. "+
			"a: save what you see elsewhere, r: read it again, ^C: go on", "ar", func(r rune) {
			if r == 'a' {
				m.saveAs()
			} else {
				m.readAgain(d)
			}
		})
		return
	}
	question, choices := "Somebody else has changed the file. o: overwrite, c: compare, r: read it again, ^C: go on", "ocr"
	if d.file.Removed() {
		question, choices = "Somebody else has removed or renamed the file. o: write it anew, ^C: go on", "o"
	}
	m.choose(question, choices, func(r rune) {
		switch r {
		case 'c':
			m.compare()
			return
		case 'r':
			m.readAgain(d)
			return
		}
		if err := d.file.Accept(); err != nil {
			m.say("NOT saved: %v", err)
			return
		}
		m.save(then)
	})
}

// writeOut is saving as nano does: it asks for the name and has the present one
// there, so that Enter saves the file.
func (m *model) writeOut() {
	d := m.text()
	m.saveAs()
	if d.file == nil {
		return
	}
	m.prompt.answer = []byte(d.file.Path)
}

// saveAs asks for a name and goes on under it. It is the text, whatever page lies over it.
func (m *model) saveAs() {
	d := m.text()
	m.askPath("Save as: ", func(path string) {
		if d.file != nil && filepath.Clean(path) == d.file.Path {
			m.save(nil)
			return
		}
		there, err := file.Open(path)
		if err != nil {
			m.say("NOT saved: %v", err)
			return
		}
		exists := there.Exists
		there.Close()
		if !exists {
			m.writeAs(d, path)
			return
		}
		m.choose(fmt.Sprintf("%s is there already. Replace it? (y/n)", filepath.Base(path)), "yn", func(r rune) {
			if r == 'y' {
				m.writeAs(d, path)
			}
		})
	})
}

func (m *model) writeAs(d *document, path string) {
	if err := d.text.Err(); err != nil {
		m.say("NOT saved: %v", err)
		return
	}
	d.keeping.Wait()
	d.endLastLine()
	var f *file.File
	var err error
	if d.file != nil {
		f, err = d.file.SaveAs(path, d.text.Snapshot())
	} else if f, err = file.Open(path); err == nil {
		err = f.Save(d.text.Snapshot())
	}
	if err != nil {
		m.say("NOT saved: %v", err)
		return
	}
	before, mixed := d.name, d.file != nil && d.file.Rewritten()
	d.release(false)
	d.belongs(f, m.opt)
	d.readOnly, d.found = "", nil
	m.opt.guard(d)
	m.wasSaved(d)
	if mixed {
		m.say("Saved, with what somebody else has written into %s meanwhile", before)
	}
	if d.found != nil { // until that is answered nothing further is kept
		m.askRecovery(d)
	}
}

// quit leaves the page or the document that is seen; the last ends the session.
func (m *model) quit() {
	if n := len(m.over); n > 0 {
		closed := m.over[n-1].closed
		if m.over = m.over[:n-1]; closed != nil {
			closed()
		}
		return
	}
	d := m.text()
	if d.readOnly != "" || !d.text.Modified() {
		m.leave(false)
		return
	}
	m.choose(fmt.Sprintf("Save the changes of %s? y: save, n: lose them, ^C: go on", d.name), "yn", func(r rune) {
		if r == 'y' {
			m.save(func() { m.leave(false) })
		} else {
			m.leave(false)
		}
	})
}

// leave closes the document that is seen.
func (m *model) leave(keep bool) {
	d := m.text()
	n, _ := d.text.LineNumber(d.cursor)
	m.line = n + 1
	d.close(keep)
	if len(m.docs) == 1 {
		m.done = true
		return
	}
	m.docs = append(m.docs[:m.current:m.current], m.docs[m.current+1:]...)
	m.current = min(m.current, len(m.docs)-1)
	m.greet(m.text())
}

// greet says what is to be known about a document that comes into sight, and
// asks what becomes of text that an earlier session has left.
func (m *model) greet(d *document) {
	switch {
	case d.found != nil:
		m.askRecovery(d)
	case d.notice != "":
		m.say("%s", d.notice)
		d.notice = ""
	case len(m.docs) > 1:
		m.say("%s, %d of %d; ^G n shows the next", d.name, m.current+1, len(m.docs))
	}
}

// askRecovery offers text that was not saved by an earlier session. Nothing that is
// typed ahead can destroy it: that is asked twice.
func (m *model) askRecovery(d *document) {
	found := d.found
	what := "was kept"
	if found.Behind {
		what = "was kept; the file has changed since"
	}
	question := fmt.Sprintf("Unsaved text of %s %s. r: take, c: compare, d: delete, ^C: later", when(found.When), what)
	m.choose(question, "rcd", func(r rune) {
		switch r {
		case 'r':
			if err := found.Restore(d.text); err != nil {
				m.say("%v", err)
				return
			}
			d.found = nil
			d.moveTo(min(d.cursor, d.text.Len()))
			d.touched(0)
			m.say("The unsaved text is back; ^S saves it, ^Z takes it away")
		case 'c':
			m.compareFound(d)
		case 'd':
			m.choose("Delete the unsaved text for good? (y/n)", "yn", func(r rune) {
				if r == 'n' {
					m.askRecovery(d)
					return
				}
				d.found = nil
				if err := found.Drop(); err != nil {
					m.say("%v", err)
				}
			})
			m.prompt.cancel = func() { m.askRecovery(d) }
		}
	})
	m.prompt.cancel = func() {
		if d.keeper == nil {
			m.say("It is offered again when you next open the file")
			return
		}
		if err := d.keeper.SetAside(found); err != nil {
			m.say("Nothing further is kept: %v", err)
			return
		}
		d.found = nil
		m.say("It is offered again when you next open the file")
	}
}

// compareFound shows what unsaved text would change; leaving that page asks again.
func (m *model) compareFound(d *document) {
	there := text.New(d.file.Source())
	if err := d.found.Restore(there); err != nil {
		m.say("%v", err)
		return
	}
	if d.text.Len() > compare.MostBytes || there.Len() > compare.MostBytes {
		m.say("Texts above %d MiB are not compared", compare.MostBytes>>20)
		m.askRecovery(d)
		return
	}
	old, new := compare.Split(d.text.Bytes(0, d.text.Len())), compare.Split(there.Bytes(0, there.Len()))
	p := page("Differences", differences(old, new, compare.Lines(old, new)))
	p.closed = func() { m.askRecovery(d) }
	m.over = append(m.over, p)
	m.say("- is in the file, + is in the unsaved text; q goes back")
}

// readAgain takes what is on disk now in the place of the text. That is a change
// like others: undo takes it back, and the recovery file keeps what was.
func (m *model) readAgain(d *document) {
	b, err := d.file.ReadAgain()
	if errors.Is(err, file.ErrLarge) {
		m.openAgain(d)
		return
	}
	if err != nil {
		m.say("%v", err)
		return
	}
	cursor := d.cursor
	d.text.Begin(cursor)
	d.replace(0, d.text.Len(), b)
	d.text.End(cursor)
	d.moveTo(cursor)
	d.mark, d.changedBy = -1, false
	d.text.MarkSaved()
	m.say("This is the file as it is on disk now; ^Z takes it back")
}

// openAgain is readAgain for a file that is not read into memory: what was not
// saved is lost, so that is asked.
func (m *model) openAgain(d *document) {
	if !d.text.Modified() {
		m.reopen(d)
		return
	}
	m.choose("The file is too large for this to be taken back. Lose what is not saved? (y/n)", "yn", func(r rune) {
		if r == 'y' {
			m.reopen(d)
		}
	})
}

func (m *model) reopen(d *document) {
	d.release(false)
	n, err := m.opt.open(Target{Path: d.file.Path})
	if err != nil {
		m.opt.guard(d)
		m.say("%v", err)
		return
	}
	n.moveTo(min(d.cursor, n.text.Len()))
	m.docs[m.current] = n
	d.file.Close()
	m.say("This is the file as it is on disk now")
}
