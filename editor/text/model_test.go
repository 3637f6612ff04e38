package text

import "bytes"

// tiny has many pages, blocks and chunks in a text of a few hundred bytes.
var tiny = limits{page: 16, pages: 3, block: 24, line: 50, chunk: 32}

// model is what a Text must equal: all of it as bytes, each state as a copy.
type model struct {
	limits  limits
	text    []byte
	id      int // of the state; the saved state is one of them
	nextID  int
	saved   int
	savedAs []byte
	steps   []modelStep
	done    int
	depth   int
	cursor  int
	stepped bool
	typed   int
}

type modelStep struct {
	text          []byte // on the other side
	id            int
	before, after int
}

func newModel(text []byte, l limits) *model {
	return &model{limits: l, text: text, savedAs: text, typed: -1}
}

func (m *model) set(text []byte) {
	m.text = text
	m.nextID++
	m.id = m.nextID
}

func (m *model) record(before, after int) {
	if m.stepped {
		return
	}
	if m.depth > 0 {
		before, m.stepped = m.cursor, true
	}
	m.steps = append(m.steps[:m.done:m.done], modelStep{m.text, m.id, before, after})
	m.done++
}

func spliced(text []byte, off, n int, s []byte) []byte {
	return append(append(append([]byte{}, text[:off]...), s...), text[off+n:]...)
}

func (m *model) replace(off, n int, s []byte) {
	if n == 0 && len(s) == 0 {
		return
	}
	m.record(off, off+len(s))
	m.typed = -1
	m.set(spliced(m.text, off, n, s))
}

func (m *model) typing(off int, s []byte) {
	if len(s) == 0 {
		return
	}
	if m.typed == off {
		m.steps[m.done-1].after = off + len(s)
		m.stepped = m.depth > 0
	} else {
		m.record(off, off+len(s))
	}
	m.set(spliced(m.text, off, 0, s))
	m.typed = off + len(s)
	if bytes.ContainsAny(s, " \n\t") {
		m.typed = -1
	}
}

func (m *model) begin(cursor int) {
	if m.depth++; m.depth == 1 {
		m.cursor, m.stepped = cursor, false
	}
}

func (m *model) end(cursor int) {
	if m.depth == 0 {
		return
	}
	if m.depth--; m.depth == 0 && m.stepped {
		m.steps[m.done-1].after = cursor
		m.stepped = false
	}
}

func (m *model) swap(s *modelStep) {
	m.text, s.text = s.text, m.text
	m.id, s.id = s.id, m.id
	m.typed, m.stepped = -1, false
}

func (m *model) undo() (int, bool) {
	if m.done == 0 {
		return 0, false
	}
	m.done--
	m.swap(&m.steps[m.done])
	return m.steps[m.done].before, true
}

func (m *model) redo() (int, bool) {
	if m.done == len(m.steps) {
		return 0, false
	}
	m.done++
	m.swap(&m.steps[m.done-1])
	return m.steps[m.done-1].after, true
}

func (m *model) append(s []byte) {
	if len(s) == 0 {
		return
	}
	m.text = spliced(m.text, len(m.text), 0, s)
	m.savedAs = spliced(m.savedAs, len(m.savedAs), 0, s)
	for i := range m.steps {
		u := &m.steps[i]
		u.text = spliced(u.text, len(u.text), 0, s)
	}
	m.typed = -1
}

func (m *model) markSaved() { m.saved, m.savedAs, m.typed = m.id, m.text, -1 }

// matches are all of p in the text, in order; of a literal also those that overlap.
func (m *model) matches(p Pattern) (list [][]int) {
	if p.expr == nil {
		low := m.text
		if p.fold {
			low = append([]byte{}, m.text...)
			for i, c := range low {
				if c >= 'A' && c <= 'Z' {
					low[i] = c | 0x20
				}
			}
		}
		for i := range low {
			if len(p.literal) > 0 && bytes.HasPrefix(low[i:], p.literal) {
				list = append(list, []int{i, i + len(p.literal)})
			}
		}
		return list
	}
	m.lines(func(off int, seen []byte, cut bool) {
		for _, loc := range p.expr.FindAllIndex(seen, -1) {
			if !cut || loc[0] < len(seen) {
				list = append(list, []int{off + loc[0], off + loc[1]})
			}
		}
	})
	return list
}

// lines calls f for each line as an expression sees it.
func (m *model) lines(f func(off int, seen []byte, cut bool)) {
	for off := 0; off < len(m.text); {
		end := bytes.IndexByte(m.text[off:], '\n')
		next := off + end + 1
		if end < 0 {
			end, next = len(m.text)-off, len(m.text)
		}
		if end >= m.limits.line {
			cut := off+m.limits.line < len(m.text)
			f(off, m.text[off:off+m.limits.line], cut)
			off += m.limits.line
			continue
		}
		seen := m.text[off : off+end]
		if next == off+end+1 {
			seen = bytes.TrimSuffix(seen, []byte("\r"))
		}
		f(off, seen, false)
		off = next
	}
}

func (m *model) find(p Pattern, from int, backward bool) (got Match, ok bool) {
	list := m.matches(p)
	if backward {
		for i := len(list) - 1; i >= 0; i-- {
			if list[i][0] < from {
				return Match{From: list[i][0], To: list[i][1]}, true
			}
		}
		if n := len(list); n > 0 {
			return Match{From: list[n-1][0], To: list[n-1][1], Wrapped: true}, true
		}
		return Match{}, false
	}
	for _, loc := range list {
		if loc[0] >= from {
			return Match{From: loc[0], To: loc[1]}, true
		}
	}
	if len(list) > 0 {
		return Match{From: list[0][0], To: list[0][1], Wrapped: true}, true
	}
	return Match{}, false
}

// replaceAll is written a second time, from what ReplaceAll promises.
func (m *model) replaceAll(p Pattern, with string, from, to int) int {
	var out []byte
	n, kept := 0, from
	put := func(a, b int, s []byte) {
		out = append(append(out, m.text[kept:a]...), s...)
		kept = b
		n++
	}
	if p.expr == nil {
		for _, loc := range m.matches(p) {
			if loc[0] >= kept && loc[1] <= to {
				put(loc[0], loc[1], []byte(with))
			}
		}
	} else {
		m.lines(func(off int, seen []byte, cut bool) {
			for _, loc := range p.expr.FindAllSubmatchIndex(seen, -1) {
				if cut && loc[0] == len(seen) {
					continue
				}
				if off < to && off+loc[0] >= from && off+loc[1] <= to {
					put(off+loc[0], off+loc[1], p.expr.Expand(nil, []byte(with), seen, loc))
				}
			}
		})
	}
	m.typed = -1
	if n == 0 {
		return 0
	}
	out = append(out, m.text[kept:to]...)
	m.record(from, from)
	m.set(spliced(m.text, from, to-from, out))
	return n
}
