package editor

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"bantam/editor/keys"
)

// prompt is one question on the status row. With choices one key answers it,
// without them a line.
type prompt struct {
	question string
	choices  string // e.g. "yn"
	answer   []byte // what is before the cursor
	rest     []byte // what is behind it
	history  *[]string
	back     int // how far up the history the answer is from
	then     func(answer string)
	cancel   func()                    // nil: nothing to do
	changed  func(answer string)       // after each change of the answer, nil: nobody cares
	check    func(answer string) error // what is wrong with the answer: the question stays; nil: nothing can be
	special  func(k keys.Key) bool
	keys     string // what special takes, e.g. "Tab Complete "
	hint     string // stands below instead of the keys
}

// ask puts a question that a line answers.
func (m *model) ask(question string, history *[]string, then func(answer string)) *prompt {
	m.prompt = &prompt{question: question, history: history, then: then}
	return m.prompt
}

// choose puts a question that one key answers.
func (m *model) choose(question, choices string, then func(choice rune)) {
	m.prompt = &prompt{question: question, choices: choices, then: func(a string) {
		r, _ := utf8.DecodeRuneInString(a)
		then(r)
	}}
}

func (m *model) promptKey(k keys.Key) {
	p := m.prompt
	if k.Code == keys.Ctrl && k.Rune == 'L' {
		m.redraw = true
		return
	}
	if k.Code == keys.Ctrl && (k.Rune == 'C' || k.Rune == 'Q' || k.Rune == 'X') {
		m.prompt = nil
		if p.cancel != nil {
			p.cancel()
		}
		return
	}
	if p.choices != "" {
		if k.Code == keys.Text {
			r := unicode.ToLower(rune(k.Text[0]))
			if strings.ContainsRune(p.choices, r) {
				m.prompt = nil
				p.then(string(r))
			}
		}
		return
	}
	if p.special != nil && p.special(k) {
		return
	}
	before := p.whole()
	switch {
	case k.Code == keys.Enter:
		if p.check != nil {
			if err := p.check(before); err != nil { // what is typed ahead is for the questions, not for the text
				p.hint = err.Error()
				return
			}
		}
		m.prompt = nil
		p.remember()
		p.then(p.whole())
		return
	case k.Code == keys.Backspace:
		_, n := utf8.DecodeLastRune(p.answer)
		p.answer = p.answer[:len(p.answer)-n]
	case k.Code == keys.Delete || k.Code == keys.Ctrl && k.Rune == 'D':
		_, n := utf8.DecodeRune(p.rest)
		p.rest = p.rest[n:]
	case k.Code == keys.Left:
		_, n := utf8.DecodeLastRune(p.answer)
		p.moveTo(len(p.answer) - n)
	case k.Code == keys.Right:
		_, n := utf8.DecodeRune(p.rest)
		p.moveTo(len(p.answer) + n)
	case k.Code == keys.Home || k.Code == keys.Ctrl && k.Rune == 'A':
		p.moveTo(0)
	case k.Code == keys.End || k.Code == keys.Ctrl && k.Rune == 'E':
		p.moveTo(len(before))
	case k.Code == keys.Ctrl && k.Rune == 'U':
		p.answer, p.rest = nil, nil
	case k.Code == keys.Up:
		p.recall(1)
	case k.Code == keys.Down:
		p.recall(-1)
	case k.Code == keys.Text:
		p.answer = append(p.answer, k.Text...)
	case k.Code == keys.Paste: // its first line
		first, _, _ := strings.Cut(string(k.Text), "\n")
		p.answer = append(p.answer, first...)
	}
	if now := p.whole(); now != before {
		p.hint = ""
		if p.changed != nil {
			p.changed(now)
		}
	}
}

// whole is the answer so far.
func (p *prompt) whole() string { return string(p.answer) + string(p.rest) }

// moveTo puts the cursor behind the first n bytes.
func (p *prompt) moveTo(n int) {
	whole := []byte(p.whole())
	p.answer, p.rest = whole[:n:n], whole[n:]
}

// remember puts the answer at the end of the history, once.
func (p *prompt) remember() {
	answer := p.whole()
	if p.history == nil || answer == "" {
		return
	}
	h := (*p.history)[:0:0]
	for _, old := range *p.history {
		if old != answer {
			h = append(h, old)
		}
	}
	*p.history = append(h, answer)
}

func (p *prompt) recall(step int) {
	if p.history == nil {
		return
	}
	back := p.back + step
	if back < 0 || back > len(*p.history) {
		return
	}
	p.back, p.answer, p.rest = back, nil, nil
	if back > 0 {
		p.answer = []byte((*p.history)[len(*p.history)-back])
	}
}
