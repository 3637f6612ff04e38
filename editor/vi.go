package editor

import (
	"slices"
	"strings"

	"bantam/editor/keys"
)

// viEnds are how one saves and leaves in vi: who begins a session with one of them
// means that, and would otherwise leave it in the file.
var viEnds = []string{":q", ":q!", ":qa", ":qa!", ":wq", ":wq!", ":x", ":x!", ":w", ":w!", "ZZ", "ZQ"}

// viBegins takes a key at the beginning of a session and tells whether it ended
// one of viEnds, and was the end of it.
func (m *model) viBegins(k keys.Key) bool {
	if m.begun && m.vi == "" {
		return false
	}
	if k.Code >= keys.Up && k.Code <= keys.PageDown && m.vi == "" {
		return false // the session still begins
	}
	if !m.begun && (m.doc().readOnly != "" || m.doc().text.Modified()) {
		return false
	}
	m.begun = true
	switch {
	case k.Code == keys.Text:
		m.vi += string(k.Text)
	case k.Code == keys.Alt: // ESC and the letter
		m.vi += string(k.Rune)
	case k.Code == keys.Enter && slices.Contains(viEnds, m.vi):
		m.askVi(k)
		return true
	default:
		m.vi = ""
		return false
	}
	if m.vi == "ZZ" || m.vi == "ZQ" {
		m.askVi(k)
		return true
	}
	if !slices.ContainsFunc(viEnds, func(end string) bool { return strings.HasPrefix(end, m.vi) }) {
		m.vi = ""
	}
	return false
}

// askVi asks what was meant. The last key is in the text only if it is text.
func (m *model) askVi(last keys.Key) {
	typed := m.vi
	m.vi = ""
	takeOut := func() {
		for d := m.text(); d.text.Modified(); {
			if at, ok := d.text.Undo(); ok {
				d.moveTo(at)
				d.touched(0)
				continue
			}
			return
		}
	}
	m.choose(typed+" is vi's. x: leave, n: it is text, ^C: take it out", "xn", func(r rune) {
		if r == 'x' {
			takeOut()
			m.quit()
			return
		}
		m.key(last)
	})
	m.prompt.cancel = func() {
		takeOut()
		m.say("^S saves, ^X leaves, ^G shows what there is")
	}
}
