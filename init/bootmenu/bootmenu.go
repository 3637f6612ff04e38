// Package bootmenu is the menu by which a person chooses what a machine starts: whether somebody asks for it, which key does
// what, and what is shown. It is pure: time and bytes come in, text and a choice go out.
//
// It is made for a serial line of 9600 baud and terminals that know nothing but carriage return: the list is sent once, and
// what a key changes is one line below it. Text is ASCII of 79 columns. Nothing that comes back from a line chooses
// anything: keys count only with silence around them and in bursts that hold nothing else. Limits: text in other
// scripts is shown as question marks; one list for all consoles, a selection for each.
package bootmenu

import (
	"time"

	"bantam/editor/keys"
)

// Itself is the choice of what the boot medium carries, which may have no number.
const Itself = -1

// rescue is selected where Enter starts a shell.
const rescue = -2

// Row is a generation.
type Row struct {
	Number   int
	Made     time.Time
	State    string   // e.g. good
	Marks    []string // e.g. default, image
	Label    string   // of a person
	Reason   string   // of the state
	Packages []string // that differ from the generation before it, e.g. +nginx
	Fault    string   // why it cannot be started now
	Slot     string   // boot slot that starts it all the same, after a reboot; "": none
}

// Options say what is offered.
type Options struct {
	Rows     []Row    // from the oldest
	Next     int      // number of what starts if nobody chooses; 0: what the medium carries. Live: what runs
	Why      string   // the menu is there, where nobody has asked for it; e.g. 3 boots in a row ended too early
	Consoles []string // e.g. ttyS0
	// Patience is how long the menu waits without a key; 0: as long as the person does.
	Patience time.Duration
	// Live: a generation runs, what is chosen takes its place until the next boot, and there is a shell already.
	Live bool
}

const (
	// longest is how long a menu with patience is open, whatever keys come.
	longest = 10 * time.Minute
	// opening is for how long after the last Space, Enter or Esc, one of which has opened the menu, these do nothing: they
	// may still be held.
	opening = 700 * time.Millisecond
	// escape is the silence after ESC that makes it a key: the rest of an arrow's sequence may take its time on its way.
	escape = time.Second
)

// startable says whether Enter starts it.
func (m *Menu) startable(r Row) bool { return r.Fault == "" || r.Slot != "" && !m.options.Live }

// Menu is an open menu.
type Menu struct {
	options  Options
	consoles []*console
	opened   time.Duration
	touched  time.Duration // when the last key came
	shown    int           // seconds left, as they were shown last
	rescues  []int         // consoles whose person asks for a shell
	over     bool
	choice   int
}

// console is one of the terminals, and what was done there.
type console struct {
	name     string
	decoder  keys.Decoder
	burst    []byte
	began    time.Duration // of the burst
	last     time.Duration // when bytes came
	noisy    bool          // until there is silence
	sent     []byte        // last, without carriage returns
	deaf     bool          // it has sent back what was sent
	opener   time.Duration // when Space, Enter or Esc came last; negative: that is no matter any more
	selected int
	digits   string // that were typed
	width    int    // of the line that is rewritten
	away     bool   // a rescue shell is there
	out      []byte
}

// Open opens the menu.
func Open(now time.Duration, o Options) *Menu {
	if o.Next == 0 {
		o.Next = Itself
	}
	m := &Menu{options: o, opened: now, touched: now}
	m.shown = m.left(now)
	for _, name := range o.Consoles {
		c := &console{name: name, selected: o.Next, opener: now}
		m.consoles = append(m.consoles, c)
		m.list(c)
	}
	return m
}

// Output is what is to be written to a console; it is given once.
func (m *Menu) Output(console int) []byte {
	out := m.consoles[console].out
	m.consoles[console].out = nil
	return out
}

// Chosen says whether the menu is over, and what was chosen: a number, Itself, or 0 for what starts anyway.
func (m *Menu) Chosen() (choice int, over bool) { return m.choice, m.over }

// Rescues returns the consoles whose persons have asked for a shell since the last call. A menu that a shell has left is not
// over, and waits, until Back.
func (m *Menu) Rescues() []int {
	list := m.rescues
	m.rescues = nil
	return list
}

// Back shows the menu again where a rescue shell has ended.
func (m *Menu) Back(now time.Duration, console int) {
	c := m.consoles[console]
	if m.over || !c.away {
		return
	}
	c.away, c.selected, c.digits, c.opener = false, m.options.Next, "", now
	m.touched, m.opened = now, now
	m.shown = m.left(now)
	m.list(c)
	for _, other := range m.consoles {
		if other != c && !other.away {
			m.line(other)
		}
	}
}

// waits says whether it goes on by itself, and at what time.
func (m *Menu) waits() (until time.Duration, ok bool) {
	if m.options.Patience == 0 || m.over {
		return 0, false
	}
	for _, c := range m.consoles {
		if c.away {
			return 0, false
		}
	}
	return min(m.touched+m.options.Patience, m.opened+longest), true
}

// left is how many seconds are left, rounded up; 0: it waits for a person.
func (m *Menu) left(now time.Duration) int {
	until, ok := m.waits()
	if !ok {
		return 0
	}
	return max(1, int((until-now+time.Second-1)/time.Second))
}

// choose ends the menu; c is nil when time has.
func (m *Menu) choose(c *console, choice int) {
	m.over, m.choice = true, choice
	for _, each := range m.consoles {
		if !each.away {
			m.farewell(each, c)
		}
	}
}
