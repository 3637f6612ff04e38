package plain

import "strings"

// findDown is /TEXT, or / alone for the next one.
func (s *session) findDown(r request) { s.find(r.rest, "/", false) }

// findUpOrExplain is ?TEXT, or ? alone.
func (s *session) findUpOrExplain(r request) {
	if r.rest == "" {
		s.explain(r.to)
		return
	}
	s.find(r.rest, "?", true)
}

// find goes to the next line that holds what is looked for, but the current one.
func (s *session) find(what, mark string, backward bool) {
	if what != "" {
		expression := false
		if w, ok := strings.CutSuffix(what, mark+"r"); ok && w != "" {
			what, expression = w, true
		} else if w, ok := strings.CutSuffix(what, mark); ok && w != "" { // as people type it in ed
			what = w
		}
		p, err := pattern(what, expression, false)
		if err != nil {
			s.fail("%v", err)
			return
		}
		s.found, s.finding = p, what
	}
	if s.finding == "" {
		s.fail("nothing to find yet; write %sTEXT", mark)
		return
	}
	from := s.start(s.cur + 1)
	if backward {
		from = s.start(max(s.cur, 1))
	}
	m, ok := s.search(s.found, from, backward)
	if !ok {
		s.fail("%s is not in the text", visible([]byte(s.finding), quoteMost))
		return
	}
	note := ""
	if m.Wrapped {
		note = "  (around the end)"
	}
	s.moveTo(s.at(m.From))
	s.show(s.cur, note)
}
