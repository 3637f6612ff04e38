package editor

import (
	"fmt"

	"bantam/editor/keys"
	"bantam/editor/text"
)

// finding is what was last searched and how.
type finding struct {
	what       string
	expression bool // what is a regular expression
	pattern    text.Pattern
	history    []string
	with       []string // history of replacements

	origin   int // where the cursor was when the prompt came
	preview  bool
	from, to int    // of the match that the preview shows; from < to
	hint     string // what the preview says, if it does not show it
}

// searchSlice is how many bytes are searched between two looks at the keyboard.
const searchSlice = 1 << 20

// compile makes the pattern; small letters find capitals too.
func (f *finding) compile(what string) error {
	p := text.Literal(what, !text.Capital(what))
	if f.expression {
		var err error
		if p, err = text.Regexp(what); err != nil {
			return err
		}
	}
	f.what, f.pattern = what, p
	return nil
}

func (f *finding) question(verb string) string {
	kind := ""
	if f.expression {
		kind = " expression"
	}
	if f.what != "" {
		return fmt.Sprintf("%s%s [%s]: ", verb, kind, f.what)
	}
	return fmt.Sprintf("%s%s: ", verb, kind)
}

// patternPrompt asks what to look for; ^T makes it a regular expression or not.
func (m *model) patternPrompt(verb string, then func()) {
	f := &m.find
	f.origin = m.doc().cursor
	p := m.ask(f.question(verb), &f.history, func(answer string) {
		f.preview, f.from, f.to = false, 0, 0
		m.doc().moveTo(f.origin) // also the other end of the selection
		if answer == "" {
			answer = f.what
		}
		if answer == "" {
			return
		}
		if f.compile(answer) == nil {
			then()
		}
	})
	p.check = func(answer string) error {
		trial := finding{expression: f.expression}
		return trial.compile(answer)
	}
	p.cancel = func() { f.preview, f.from, f.to = false, 0, 0; m.doc().moveTo(f.origin) }
	p.changed = func(string) { f.preview = true }
	p.keys = "^T Expression or plain "
	p.special = func(k keys.Key) bool {
		if k.Code == keys.Ctrl && (k.Rune == 'F' || k.Rune == 'W') && p.whole() == "" && f.what != "" { // ^F ^F
			m.prompt = nil
			p.cancel()
			m.findAgain(false)
			return true
		}
		if k.Code != keys.Ctrl || k.Rune != 'T' {
			return false
		}
		f.expression = !f.expression
		f.preview = true
		p.question = f.question(verb)
		return true
	}
}

func (m *model) findPrompt() {
	m.patternPrompt("Find", func() { m.seek(m.find.origin, false) })
}

// showPreview shows where a search that is being typed would go, as far as a
// moment allows. On a slow line the text does not move for it: what is not on the
// screen is said below the prompt.
func (m *model) showPreview() {
	f, d := &m.find, m.doc()
	f.from, f.to = 0, 0
	p := m.prompt
	if p == nil || p.changed == nil {
		return
	}
	p.hint = ""
	if p.whole() == "" {
		d.moveTo(f.origin)
		return
	}
	trial := finding{expression: f.expression}
	if trial.compile(p.whole()) != nil {
		return // half an expression
	}
	s := d.text.Find(trial.pattern, f.origin, false)
	if !s.Step(searchSlice) {
		return
	}
	hit, ok := s.Match()
	if !ok {
		p.hint = "Not in the text"
		return
	}
	f.from, f.to = hit.From, hit.To
	bottom, _ := m.view.below(d, d.top, m.view.height())
	if m.slow && (hit.From < d.top || hit.From >= bottom) {
		line := d.text.LineStart(hit.From)
		p.hint = string(d.text.Bytes(line, min(d.lineEnd(line), line+m.view.cols)))
		if n, known := d.text.LineNumber(line); known {
			p.hint = fmt.Sprintf("%d: %s", n+1, p.hint)
		}
		return
	}
	d.moveTo(hit.From)
}

func (m *model) findAgain(backward bool) {
	if m.find.what == "" {
		m.findPrompt()
		return
	}
	from := m.doc().cursor
	if !backward {
		from = min(from+1, m.doc().text.Len())
	}
	m.seek(from, backward)
}

// seek goes to the next match from an offset on.
func (m *model) seek(from int, backward bool) {
	d, what := m.doc(), m.find.what
	m.search(d, from, backward, func(hit text.Match, ok bool) {
		switch {
		case !ok:
			m.say("%q is not in the text", what)
			return
		case hit.Wrapped && backward:
			m.say("Found from the end")
		case hit.Wrapped:
			m.say("Found from the top")
		}
		d.jump(hit.From)
	})
}

// search looks for the pattern and calls then at once or, in a large text, later.
func (m *model) search(d *document, from int, backward bool, then func(hit text.Match, ok bool)) {
	s := d.text.Find(m.find.pattern, from, backward)
	work := func() bool {
		if !s.Step(searchSlice) {
			return false
		}
		m.message = ""
		then(s.Match())
		return true
	}
	if !work() {
		m.say("Searching; ^C ends it")
		m.busy = work
	}
}

// replacePrompt asks for what and with what, then for each place.
func (m *model) replacePrompt() {
	m.patternPrompt("Replace", func() {
		m.ask("Replace with: ", &m.find.with, func(with string) {
			d := m.doc()
			if from, to, ok := d.selection(); ok {
				m.replaceAll(d, with, from, to)
				return
			}
			m.replaceNext(d, with, m.find.origin, 0)
		})
	})
}

// replaceNext shows the next place and asks. The search does not wrap: every
// place is asked for once.
func (m *model) replaceNext(d *document, with string, from, done int) {
	m.search(d, from, false, func(hit text.Match, ok bool) {
		if !ok || hit.Wrapped || from > d.text.Len() {
			switch {
			case done > 0:
				m.say("Replaced %s", plural(done, "place"))
			case ok:
				m.say("%q is not below the cursor", m.find.what)
			default:
				m.say("%q is not in the text", m.find.what)
			}
			return
		}
		d.moveTo(hit.From)
		m.find.from, m.find.to = hit.From, hit.To
		m.choose("Replace this? y: yes, n: no, a: this and all below, q: end", "ynaq", func(r rune) {
			m.find.from, m.find.to = 0, 0
			switch r {
			case 'y':
				put := d.text.Replacement(m.find.pattern, hit, with)
				d.replace(hit.From, hit.To-hit.From, put)
				next := d.cursor
				if hit.From == hit.To {
					next++ // an empty match must not be found for ever
				}
				m.replaceNext(d, with, next, done+1)
			case 'n':
				m.replaceNext(d, with, max(hit.From+1, hit.To), done)
			case 'a':
				m.replaceAll(d, with, hit.From, d.text.Len())
			case 'q':
				m.say("Replaced %s", plural(done, "place"))
			}
		})
	})
}

func (m *model) replaceAll(d *document, with string, from, to int) {
	cursor, before := d.cursor, d.text.Len()
	d.text.Begin(cursor)
	n := d.text.ReplaceAll(m.find.pattern, with, from, to)
	if cursor >= to && cursor > from { // it stays behind the selection
		cursor += d.text.Len() - before
	}
	d.text.End(cursor)
	d.mark = -1
	d.moveTo(cursor)
	d.touched(from)
	m.say("Replaced %s; ^Z takes it back", plural(n, "place"))
}
