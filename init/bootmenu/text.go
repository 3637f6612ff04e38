package bootmenu

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bantam/printable"
)

const (
	columns  = 79 // the last column stays empty: terminals differ in what they do there
	mostRows = 12 // that are sent without being asked for: a second at 9600 baud
)

// list shows the menu.
func (m *Menu) list(c *console) {
	title := "Boot menu"
	if m.options.Live {
		title = "Generations"
	}
	if m.options.Why != "" {
		title += ": " + m.options.Why
	}
	text := "\n" + fit(title) + "\n"
	first := max(0, len(m.options.Rows)-mostRows)
	hidden := first
	for i, r := range m.options.Rows {
		if i >= first || r.Number == m.options.Next {
			text += fit(m.row(r)) + "\n"
			if i < first {
				hidden--
			}
		}
	}
	if hidden > 0 {
		text += fmt.Sprintf("      and %d older, by their numbers\n", hidden)
	}
	help := "Arrows or number; r rescue shell, f from the image; then Enter. Esc: as usual"
	if m.options.Live {
		help = "Arrows or number; f from the image; then Enter. Esc: as it is"
	}
	m.say(c, text+help+"\n")
	c.width = 0
	m.line(c)
}

// row is a row as a line, with a star if it starts without a choice.
func (m *Menu) row(r Row) string {
	mark := ' '
	if r.Number == m.options.Next {
		mark = '*'
	}
	var words []string
	label := r.Label
	if label != "" {
		label = strconv.Quote(label)
	}
	for _, w := range []string{label, strings.Join(r.Marks, ", "), r.Reason, strings.Join(r.Packages, " ")} {
		if w != "" {
			words = append(words, w)
		}
	}
	if !m.startable(r) {
		words = append(words, "cannot start: "+r.Fault)
	}
	return fmt.Sprintf("%c%4d  %s  %-11s  %s", mark, r.Number, made(r.Made), r.State, strings.Join(words, "; "))
}

func made(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }

// line rewrites the line that says what Enter does.
func (m *Menu) line(c *console) {
	text := fit(m.prefix() + m.selection(c))
	padded := text + strings.Repeat(" ", max(0, c.width-len(text)))
	c.width = len(text)
	m.say(c, "\r"+padded)
}

// prefix says what happens without a key. It has the seconds at its beginning, so that they can be rewritten alone.
func (m *Menu) prefix() string {
	switch {
	case m.options.Live:
		return ""
	case m.shown == 0:
		return "      " // a rescue shell is somewhere
	}
	return fmt.Sprintf("%3d s to %s; ", m.shown, m.called(m.options.Next))
}

// called names what can be chosen.
func (m *Menu) called(choice int) string {
	if choice == Itself {
		return "what the image carries"
	}
	return fmt.Sprintf("generation %d", choice)
}

func (m *Menu) selection(c *console) string {
	does, once := "Enter starts ", ", this once"
	if m.options.Live {
		does, once = "Enter switches to ", ", until the next boot"
	}
	switch at := m.at(c.selected); {
	case c.selected == m.options.Next && m.options.Live:
		return m.called(c.selected) + " runs"
	case c.selected == m.options.Next:
		return "Enter starts it now"
	case c.selected == rescue:
		return "Enter starts a rescue shell here"
	case c.selected == Itself:
		return does + m.called(Itself) + once
	case at < 0:
		return fmt.Sprintf("there is no generation %d", c.selected)
	case !m.startable(m.options.Rows[at]):
		return fmt.Sprintf("%d cannot start: %s", c.selected, m.options.Rows[at].Fault)
	case m.options.Rows[at].Fault != "":
		return fmt.Sprintf("Enter reboots into %d from slot %s, this once", c.selected, m.options.Rows[at].Slot)
	default:
		return fmt.Sprintf("%s%d, %s%s", does, c.selected, m.options.Rows[at].State, once)
	}
}

// nextShown is what the countdown shows next: a step of five, and single seconds at its end.
func (m *Menu) nextShown() int {
	if m.shown <= 5 {
		return m.shown - 1
	}
	return (m.shown - 1) / 5 * 5
}

// countdown rewrites the seconds when it is time.
func (m *Menu) countdown(now time.Duration) {
	if left := m.left(now); left <= m.nextShown() {
		m.shown = left
		for _, c := range m.consoles {
			if !c.away {
				m.seconds(c)
			}
		}
	}
}

func (m *Menu) seconds(c *console) { m.say(c, fmt.Sprintf("\r%3d", m.shown)) }

// farewell tells what was chosen, and where if that was elsewhere.
func (m *Menu) farewell(c, by *console) {
	what := m.called(m.choice)
	if m.choice == 0 {
		what = m.called(m.options.Next)
	}
	switch {
	case m.options.Live && m.choice == 0:
		m.say(c, "\n")
	case by == nil || by == c:
		m.say(c, fmt.Sprintf("\nstarting %s\n", what))
	default:
		m.say(c, fmt.Sprintf("\n%s chose %s\n", by.name, what))
	}
}

// say sends text. The terminal adds carriage returns to line feeds.
func (m *Menu) say(c *console, text string) {
	c.out = append(c.out, text...)
	c.sent = append(c.sent, strings.ReplaceAll(text, "\r", "")...)
	c.sent = c.sent[max(0, len(c.sent)-mostSent):]
}

// fit makes text of others a line that every terminal shows.
func fit(text string) string {
	text = strings.TrimRight(strings.Map(func(r rune) rune {
		if r >= 0x7f {
			return '?'
		}
		return r
	}, printable.Line(text)), " ")
	if len(text) > columns {
		text = text[:columns-2] + ".."
	}
	return text
}
