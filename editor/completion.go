package editor

import (
	"strings"

	"bantam/editor/language"
)

// completion is what Tab offered and is going through.
type completion struct {
	at      int    // where the offered text stands
	typed   string // what stood there before
	items   []language.Completion
	current int
}

// tab completes what is before the cursor where there is something to offer. With
// a selection it indents; literal is for a Tab that was pasted.
func (m *model) tab(before *completion, literal bool) {
	if !m.writable() {
		return
	}
	d := m.doc()
	if _, _, selected := d.selection(); selected && !literal {
		m.indent(true)
		return
	}
	if before != nil && !literal {
		m.nextCompletion(before, 1)
		return
	}
	if d.checker != nil && !literal && d.text.Len() <= mostChecked {
		from, items := d.checker.Complete(d.text.Bytes(0, d.text.Len()), d.cursor)
		if len(items) > 0 && from <= d.cursor {
			c := &completion{at: from, typed: string(d.text.Bytes(from, d.cursor)), items: items, current: -1}
			m.nextCompletion(c, 1)
			return
		}
		line := d.text.LineStart(d.cursor)
		if before := d.text.Bytes(line, d.cursor); blanks(before) < len(before) {
			m.say("Nothing to complete here")
			return
		}
	}
	m.dropSelection()
	d.typed([]byte{'\t'})
}

// nextCompletion puts the next offer in the place of the one before.
func (m *model) nextCompletion(c *completion, step int) {
	d := m.doc()
	there := len(c.typed)
	switch {
	case c.current >= 0 && m.playing: // the macro is one step, which goes on
		there = len(c.items[c.current].Text)
	case c.current >= 0:
		d.text.Undo() // one undo takes the whole completion back
		d.touched(c.at)
	}
	n := len(c.items)
	c.current = (c.current + step + n) % n
	item := c.items[c.current]
	d.cursor = c.at + there
	d.text.Begin(d.cursor)
	d.replace(c.at, there, []byte(item.Text))
	d.text.End(d.cursor)
	m.completed = c
	if m.say("%s", item.Doc); item.Doc == "" {
		m.say("%d of %d", c.current+1, n)
	}
	if n == 1 {
		m.completed = nil
	}
}

// names is the row of offers from the present one on, which has a star.
func (c *completion) names() string {
	var s strings.Builder
	s.WriteString("Tab:")
	for i := range c.items {
		star := " "
		if i == 0 {
			star = " *"
		}
		item := c.items[(c.current+i)%len(c.items)]
		s.WriteString(star + strings.Trim(oneLine(item.Text), " =\"[]{"))
	}
	return s.String()
}
