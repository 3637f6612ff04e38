package line

import (
	"strings"
)

// search is an incremental search backwards through the history (Ctrl-R).
type search struct {
	text   []rune
	at     int    // the entry found
	failed bool   // text is nowhere (older)
	before []rune // the line to come back to
}

func (s *search) prompt() string {
	if s.failed {
		return "(no match '" + encode(s.text) + "') "
	}
	return "(search '" + encode(s.text) + "') "
}

func (e *Editor) startSearch() {
	if e.History == nil {
		return
	}
	e.search = &search{at: len(e.History.lines), before: append([]rune(nil), e.buffer...)}
}

// searchKey handles a key during a search; used is false when the key ends the
// search and is to be handled as usual.
func (e *Editor) searchKey(k Key) (result Result, used bool) {
	s := e.search
	switch {
	case k.Code == Character:
		s.text = append(s.text, k.Rune)
		e.find(s.at)
	case k.Code == Backspace:
		if len(s.text) > 0 {
			s.text = s.text[:len(s.text)-1]
		}
		e.find(len(e.History.lines) - 1)
	case k.Code == Ctrl && k.Rune == 'r':
		e.find(s.at - 1)
	case k.Code == Ctrl && (k.Rune == 'g' || k.Rune == 'c'):
		e.buffer = s.before
		e.pos = len(e.buffer)
		e.search = nil
	default:
		e.search = nil
		return Editing, false
	}
	return Editing, true
}

// find looks for the text from entry at on, towards older ones.
func (e *Editor) find(at int) {
	s := e.search
	lines := e.History.lines
	text := encode(s.text)
	if text == "" {
		s.failed = false
		return
	}
	for i := min(at, len(lines)-1); i >= 0; i-- {
		if offset := strings.LastIndex(lines[i], text); offset >= 0 {
			s.at, s.failed = i, false
			e.browsed = i
			e.buffer = decode(lines[i])
			e.pos = len(decode(lines[i][:offset]))
			return
		}
	}
	s.failed = true
}
