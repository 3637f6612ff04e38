package bootmenu

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"bantam/editor/keys"
)

const (
	mostBurst = 256 // bytes that are kept of one
	mostKeys  = 8   // in a burst of a person: a held arrow, or a number and Enter of a program
	echoed    = 16  // bytes that no person types as they were sent
	mostSent  = 2048
)

// Input takes what has come from a console.
func (m *Menu) Input(now time.Duration, console int, b []byte) {
	c := m.consoles[console]
	m.settle(now, c)
	if m.over || c.away || c.deaf || len(b) == 0 {
		return
	}
	if len(c.burst) == 0 {
		c.began = now
	}
	c.last = now
	c.burst = append(c.burst, b...)
	if heard := bytes.ReplaceAll(c.burst, []byte("\r"), nil); len(heard) >= echoed && bytes.Contains(c.sent, heard[:echoed]) {
		c.deaf, c.burst = true, nil
		c.decoder.Abort()
		return
	}
	if len(c.burst) > mostBurst {
		c.burst, c.noisy = c.burst[:0], true
	}
	if now-c.began >= heldFor && !c.noisy { // a key that is held never falls silent
		m.take(now, c)
	}
}

// Tick tells that time has passed.
func (m *Menu) Tick(now time.Duration) {
	for _, c := range m.consoles {
		m.settle(now, c)
	}
	until, ok := m.waits()
	if !ok {
		return
	}
	if now >= until {
		m.choose(nil, 0)
		return
	}
	m.countdown(now)
}

// Due is when Tick has something to do next; 0: not before more comes in.
func (m *Menu) Due() time.Duration {
	var due time.Duration
	add := func(at time.Duration) {
		if due == 0 || at < due {
			due = at
		}
	}
	for _, c := range m.consoles {
		switch {
		case c.away || c.deaf:
		case len(c.burst) > 0 || c.noisy:
			add(c.last + quiet)
		case c.decoder.Pending():
			add(c.last + escape)
		}
	}
	if until, ok := m.waits(); ok {
		add(until - time.Duration(m.nextShown())*time.Second)
	}
	return due
}

// settle ends a burst, or a sequence of which no more will come.
func (m *Menu) settle(now time.Duration, c *console) {
	if c.away || c.deaf || m.over {
		return
	}
	if (len(c.burst) > 0 || c.noisy) && now-c.last >= quiet {
		if c.noisy {
			c.burst, c.noisy = c.burst[:0], false
			c.decoder.Abort()
		} else {
			m.take(now, c)
			c.noisy = false
		}
	}
	if c.decoder.Pending() && now-c.last >= escape {
		if c.decoder.Escape() {
			m.choose(c, 0)
		}
		c.decoder.Abort()
	}
}

// take does what the keys of a burst say, if it holds nothing else.
func (m *Menu) take(now time.Duration, c *console) {
	burst := c.burst
	c.burst = c.burst[:0]
	if _, n := pressed(burst); n > 0 && c.opener >= 0 && c.began-c.opener < opening {
		c.opener, c.began = c.last, now
		return
	}
	all := c.decoder.Feed(burst)
	if len(all) > mostKeys || c.decoder.Pasting() || slices.ContainsFunc(all, func(k keys.Key) bool { return !m.knows(k) }) {
		c.noisy = true
		c.decoder.Abort()
		return
	}
	if len(all) == 0 {
		return
	}
	c.opener, c.began = -1, now
	m.touched = now
	for _, k := range all {
		if m.key(c, k); m.over || c.away {
			c.decoder.Abort()
			return
		}
	}
	before := m.shown
	m.shown = m.left(now)
	m.line(c)
	for _, other := range m.consoles {
		if other != c && !other.away && before != m.shown {
			m.seconds(other)
		}
	}
}

// knows says whether a key does something here, or may come by itself: a terminal's late answer.
func (m *Menu) knows(k keys.Key) bool {
	switch k.Code {
	case keys.Ctrl:
		return m.options.Live && k.Rune == 'C'

	case keys.Up, keys.Down, keys.Enter, keys.Backspace, keys.Cursor, keys.Device:
		return true
	case keys.Text:
		c := k.Text[0]
		return len(k.Text) == 1 && (c >= '0' && c <= '9' || c|0x20 == 'r' || c|0x20 == 'f')
	}
	return false
}

// key does what one key says.
func (m *Menu) key(c *console, k keys.Key) {
	digits := c.digits
	c.digits = ""
	switch k.Code {
	case keys.Up:
		m.move(c, -1)
	case keys.Down:
		m.move(c, 1)
	case keys.Backspace:
		if digits != "" {
			m.number(c, digits[:len(digits)-1])
		}
	case keys.Enter:
		m.enter(c)
	case keys.Ctrl:
		m.choose(c, 0)
	case keys.Text:
		switch letter := k.Text[0] | 0x20; {
		case letter == 'f':
			c.selected = Itself
		case letter == 'r' && !m.options.Live:
			c.selected = rescue
		case letter != 'r':
			m.number(c, digits+string(k.Text))
		}
	default:
		c.digits = digits
	}
}

// number selects the generation with the number that was typed. Where there is none, and none whose number begins so, a new
// number begins.
func (m *Menu) number(c *console, digits string) {
	if len(digits) > 1 && !slices.ContainsFunc(m.options.Rows, func(r Row) bool {
		return len(strconv.Itoa(r.Number)) >= len(digits) && strconv.Itoa(r.Number)[:len(digits)] == digits
	}) {
		digits = digits[len(digits)-1:]
	}
	c.digits = digits
	if c.selected, _ = strconv.Atoi(digits); digits == "" {
		c.selected = m.options.Next
	}
}

// move selects the next generation up or down the list.
func (m *Menu) move(c *console, by int) {
	if len(m.options.Rows) == 0 {
		return
	}
	at := m.at(c.selected)
	switch {
	case at >= 0:
		at = max(0, min(at+by, len(m.options.Rows)-1))
	case m.at(m.options.Next) >= 0:
		at = m.at(m.options.Next)
	default:
		at = len(m.options.Rows) - 1
	}
	c.selected = m.options.Rows[at].Number
}

// at is the place of a generation in the list, -1: it is not there.
func (m *Menu) at(number int) int {
	return slices.IndexFunc(m.options.Rows, func(r Row) bool { return r.Number == number })
}

// enter does what is selected, if it can be done.
func (m *Menu) enter(c *console) {
	switch at := m.at(c.selected); {
	case c.selected == m.options.Next:
		m.choose(c, 0)
	case c.selected == Itself:
		m.choose(c, Itself)
	case c.selected == rescue:
		c.away = true
		m.rescues = append(m.rescues, slices.Index(m.consoles, c))
		m.say(c, "\n")
		for _, other := range m.consoles {
			if !other.away {
				m.line(other)
			}
		}
	case at >= 0 && m.startable(m.options.Rows[at]):
		m.choose(c, c.selected)
	}
}
