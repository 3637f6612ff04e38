package pid1

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/init/bootmenu"
	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/tty"
)

// The boot menu, see package bootmenu. Nothing waits for it: consoles are read from the beginning on, and when the
// generation is chosen, it goes on at once unless somebody has pressed a key by then. A key that comes later finds a machine
// that starts already; who asks then is shown the menu by the console, see control.Knocked.

const (
	menuPatience = 30 * time.Second
	knockLimit   = 3 * time.Second // that a boot waits at most for a second key, whatever comes
	menuPending  = 8 << 10         // bytes that wait for a terminal that takes none
	menuRetry    = 50 * time.Millisecond
)

// menuLines are the consoles while a person may ask for the menu there.
type menuLines struct {
	dev    string // /dev, replaced by tests
	lines  []*menuLine
	input  chan menuInput
	opened chan struct{} // closed when the menu is shown
	over   chan struct{} // closed when it is known what starts

	readers sync.WaitGroup
	drawing sync.Mutex // held while the menu writes to the consoles

	mu    sync.Mutex
	shown bool // what comes is the menu's
	left  bool // what comes is the shells': over is closed
}

// menuLine is one console.
type menuLine struct {
	name    string
	file    *os.File // nil: it could not be opened, or a rescue shell has it
	fd      int
	locked  bool // the menu is not for whoever sits there
	knock   bootmenu.Knock
	pending []byte
}

// menuInput is what has come from a console.
type menuInput struct {
	line  int
	at    time.Duration
	bytes []byte // nil: its rescue shell has ended
}

// listen begins to read consoles, unless the kernel command line forbids the menu.
func listen(dev string, consoles []string, c Cmdline) *menuLines {
	m := &menuLines{dev: dev, input: make(chan menuInput), opened: make(chan struct{}), over: make(chan struct{})}
	if patience, _ := menuOrder(c); patience == 0 {
		return m
	}
	for i, name := range consoles {
		m.lines = append(m.lines, &menuLine{name: name})
		if err := m.open(i); err != nil {
			Logf(Info, "boot menu: %v", err)
		}
	}
	return m
}

// open has a console's bytes read.
func (m *menuLines) open(i int) error {
	line := m.lines[i]
	path := m.dev + "/" + line.name
	// Without O_NONBLOCK the open waits for a carrier, and what is written for a terminal that somebody stopped.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left {
		return file.Close()
	}
	tty.Bytes(fd)
	line.file, line.fd, line.pending = file, fd, nil
	m.read(i, file)
	return nil
}

// read has taken in what comes from a console, until leave.
func (m *menuLines) read(i int, from io.Reader) {
	m.readers.Add(1)
	go Guard("boot menu", func() {
		defer m.readers.Done()
		var buf [256]byte
		for {
			n, err := from.Read(buf[:])
			if err != nil {
				return
			}
			m.arrived(i, boottime.Now(), append([]byte(nil), buf[:n]...))
		}
	})
}

// arrived takes what has come from a console.
func (m *menuLines) arrived(i int, at time.Duration, bytes []byte) {
	m.mu.Lock()
	if m.lines[i].locked {
		m.mu.Unlock()
		return
	}
	shown := m.shown
	if !shown {
		m.lines[i].knock.Feed(at, bytes)
	}
	m.mu.Unlock()
	if shown {
		m.send(menuInput{i, at, bytes})
	}
}

func (m *menuLines) send(in menuInput) {
	select {
	case m.input <- in:
	case <-m.over:
	}
}

// knocked says whether somebody has asked for the menu. It waits only if a key has come by now that may be the first of two.
func (m *menuLines) knocked() bool {
	for began := boottime.Now(); ; {
		now := boottime.Now()
		var until time.Duration
		m.mu.Lock()
		for _, line := range m.lines {
			if line.locked {
				continue
			}
			line.knock.Settle(now)
			if line.knock.Asked() {
				m.mu.Unlock()
				return true
			}
			until = max(until, line.knock.Until())
		}
		m.mu.Unlock()
		if until = min(until, began+knockLimit); until <= now {
			return false
		}
		time.Sleep(min(until-now, menuRetry))
	}
}

// asks waits until it is known whether there is a menu, but only so long, and says so. After that there is none.
func (m *menuLines) asks(chosen, started <-chan struct{}, latest time.Duration) bool {
	select {
	case <-m.opened:
	case <-m.over:
	case <-chosen:
	case <-started:
	case <-time.After(latest):
	}
	m.mu.Lock()
	shown := m.shown && !m.left
	if !shown {
		m.stop()
	}
	m.mu.Unlock()
	return shown
}

// show has what comes be the menu's, unless it is the shells' by now.
func (m *menuLines) show() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left {
		return false
	}
	m.shown = true
	close(m.opened)
	return true
}

// leave stops reading: what comes once it has returned is for the shells.
func (m *menuLines) leave() {
	m.mu.Lock()
	m.stop()
	m.mu.Unlock()
	m.readers.Wait() // one that a deadline has ended may still take what has come before it runs
}

// stop tells the readers to end. m.mu is held.
func (m *menuLines) stop() {
	if m.left {
		return
	}
	m.left = true
	close(m.over)
	for _, line := range m.lines {
		if line.file != nil {
			_ = line.file.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

// close gives the consoles back, once shells have them. The last close of a serial line waits for what it has not sent, which
// may take as long as somebody's Ctrl-S.
func (m *menuLines) close() {
	m.leave()
	go Guard("boot menu", func() {
		m.drawing.Lock()
		defer m.drawing.Unlock()
		for _, line := range m.lines {
			if line.file != nil {
				line.file.Close()
			}
		}
	})
}

// write writes what a terminal takes; the rest waits for the next call. It never waits itself.
func (l *menuLine) write(text []byte) {
	if l.file == nil || l.locked {
		return
	}
	if len(l.pending)+len(text) <= menuPending {
		l.pending = append(l.pending, text...)
	}
	for len(l.pending) > 0 {
		n, err := unix.Write(l.fd, l.pending)
		if err != nil || n <= 0 {
			return
		}
		l.pending = l.pending[n:]
	}
}

// lock keeps the menu from those who sit at these consoles.
func (m *menuLines) lock(consoles map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.lines {
		line.locked = consoles[line.name]
	}
}

// anyOpen says whether there is a console that the menu is for.
func (m *menuLines) anyOpen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.lines, func(l *menuLine) bool { return !l.locked })
}

// offer asks for another choice than a boot's own, if somebody wants to be asked.
func (p *initProcess) offer(o switcher.Offer) (choice int) {
	defer p.menu.leave()
	p.menu.lock(p.locked(o.Choice.Generation))
	why, patience, wanted := p.menuWanted(o)
	if wanted {
		Guard("boot menu", func() { choice = p.showMenu(o, why, patience) })
	}
	return choice
}

// menuWanted says whether there is a reason to show the menu: a person, the kernel command line, or boots that fail.
func (p *initProcess) menuWanted(o switcher.Offer) (why string, patience time.Duration, wanted bool) {
	patience, ordered := menuOrder(p.cmdline)
	select {
	case <-p.menu.over: // the choice has come so late that the consoles have their shells
		return "", 0, false
	default:
	}
	switch {
	case !p.menu.anyOpen():
		return "", 0, false
	case o.Failing():
		return fmt.Sprintf("%d boots in a row ended too early", o.Short), patience, true
	case ordered:
		return menuWord + " on the kernel command line", patience, true
	}
	return "", patience, p.menu.knocked()
}

// menuWord has the menu shown, for 30 seconds or as many as it says; bantam.menu=0 never.
const menuWord = "bantam.menu"

// menuOrder is how long the menu waits, 0: there is none; and whether the kernel command line asks for it.
func menuOrder(c Cmdline) (patience time.Duration, ordered bool) {
	value, ordered := c.Get(menuWord)
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 999)) * time.Second, ordered
	}
	return menuPatience, ordered
}

// showMenu returns what a person has chosen, 0 for what starts anyway.
func (p *initProcess) showMenu(o switcher.Offer, why string, patience time.Duration) int {
	m := p.menu
	m.drawing.Lock()
	defer m.drawing.Unlock()
	if !m.show() {
		return 0
	}
	Logf(Notice, "the boot menu is shown")
	defer p.chart.Span("boot menu")()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(fmt.Errorf("a generation was chosen"))
	rows := menuRows(p.switcher.Offered())
	menu := bootmenu.Open(boottime.Now(), bootmenu.Options{Rows: rows, Next: o.Choice.Generation, Why: why, Consoles: p.consoles, Patience: patience})
	for {
		pending := false
		for i, line := range m.lines {
			line.write(menu.Output(i))
			pending = pending || len(line.pending) > 0
		}
		if choice, over := menu.Chosen(); over {
			return choice
		}
		for _, i := range menu.Rescues() {
			p.menuRescue(ctx, i)
		}
		var tick <-chan time.Time
		if due, now := menu.Due(), boottime.Now(); pending {
			tick = time.After(menuRetry)
		} else if due != 0 {
			tick = time.After(max(due-now, time.Millisecond))
		}
		select {
		case in := <-m.input:
			if in.bytes != nil {
				menu.Input(in.at, in.line, in.bytes)
				continue
			}
			if err := m.open(in.line); err != nil {
				Logf(Warning, "boot menu: %v", err)
			}
			menu.Back(boottime.Now(), in.line)
		case <-tick:
			menu.Tick(boottime.Now())
		case <-m.over: // PID 1's main line has ended: its rescue shells are there
			return 0
		}
	}
}

// menuRows are generations as the menu shows them.
func menuRows(all []switcher.Offered) (rows []bootmenu.Row) {
	for _, g := range all {
		rows = append(rows, bootmenu.Row{Number: g.Number, Made: g.Created, State: string(g.State), Marks: marks(g.Listed), Label: g.Label,
			Reason: g.Reason, Packages: g.Layers, Fault: g.Fault, Slot: g.Slot})
	}
	return rows
}

const menuShell = "This is a rescue shell; no generation runs. dmesg shows what happened before.\nexit leads back to the boot menu.\n\n"

// menuRescue puts a shell on a console until it is left, or somebody elsewhere chooses what starts.
func (p *initProcess) menuRescue(ctx context.Context, i int) {
	m, line := p.menu, p.menu.lines[i]
	line.write([]byte(menuShell))
	m.mu.Lock()
	line.file.Close()
	line.file = nil
	m.mu.Unlock()
	def := supervise.Definition{
		Name: "rescue-" + line.name, Argv: []string{"sh"}, Dir: "/", TTY: m.dev + "/" + line.name, Vital: true,
		Env: environment("root", "/root", map[string]string{"TERM": terminalType(line.name), "BANTAM_RESCUE": "1"}),
	}
	go Guard("rescue shell", func() {
		defer m.send(menuInput{line: i})
		if _, _, err := p.sup.RunOnce(ctx, def); err != nil {
			Logf(Warning, "rescue shell on %s: %v", line.name, err)
			time.Sleep(shortest) // one that cannot start is not asked for without end
		}
	})
}
