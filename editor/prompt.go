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
	answer   []byte
	history  *[]string
	back     int // how far up the history the answer is from
	then     func(answer string)
	cancel   func()              // nil: nothing to do
	changed  func(answer string) // after each change of the answer, nil: nobody cares
	special  func(k keys.Key) bool
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
	before := string(p.answer)
	switch {
	case k.Code == keys.Enter:
		m.prompt = nil
		p.remember()
		p.then(string(p.answer))
		return
	case k.Code == keys.Backspace:
		_, n := utf8.DecodeLastRune(p.answer)
		p.answer = p.answer[:len(p.answer)-n]
	case k.Code == keys.Ctrl && k.Rune == 'U':
		p.answer = nil
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
	if p.changed != nil && string(p.answer) != before {
		p.changed(string(p.answer))
	}
}

// remember puts the answer at the end of the history, once.
func (p *prompt) remember() {
	if p.history == nil || len(p.answer) == 0 {
		return
	}
	h := (*p.history)[:0:0]
	for _, old := range *p.history {
		if old != string(p.answer) {
			h = append(h, old)
		}
	}
	*p.history = append(h, string(p.answer))
}

func (p *prompt) recall(step int) {
	if p.history == nil {
		return
	}
	back := p.back + step
	if back < 0 || back > len(*p.history) {
		return
	}
	p.back, p.answer = back, nil
	if back > 0 {
		p.answer = []byte((*p.history)[len(*p.history)-back])
	}
}
