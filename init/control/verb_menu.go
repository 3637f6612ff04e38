package control

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/init/bootmenu"
	"bantam/switcher"
	"bantam/tty"
)

const menuHelp = `The list of the boot menu, for the running system: what is chosen runs until the next boot, as
with "bantam test NUMBER". The next boot runs what it would have run. "bantam help switching" tells
how to have the menu before anything starts.`

// Menu is the answer to "menu".
type Menu struct {
	Rows    []bootmenu.Row `json:"rows"`
	Running int            `json:"running"`
	Image   int            `json:"image"` // number of the generation that the boot medium carries, 0: none
}

func runMenu(c *client, args []string) int {
	if len(args) > 0 {
		return c.misuse("%q is too much", args[0])
	}
	if !tty.Is(os.Stdin) || !tty.Is(os.Stdout) {
		return c.fail(errors.New("it needs a terminal; `bantam generations` lists them, `bantam test NUMBER` starts one until the next boot"))
	}
	var m Menu
	if last, ok := c.ask(Request{Verb: "menu"}, &m); !ok {
		return last.Exit
	}
	restore, err := tty.Set(os.Stdin, rawKeys)
	if err != nil {
		return c.fail(err)
	}
	choice := m.choose(os.Stdin, os.Stdout)
	restore()
	if choice == bootmenu.Itself {
		choice = m.Image
	}
	if choice == 0 {
		return ExitGood
	}
	return c.change(Request{Verb: switcher.VerbTest, Generation: choice})
}

// rawKeys has Ctrl-C be a key, for the modes have to be put back.
func rawKeys(t *unix.Termios) {
	tty.Keys(t)
	t.Lflag &^= unix.ISIG
}

// choose lets the person at a terminal choose.
func (m Menu) choose(in, out *os.File) int {
	menu := bootmenu.Open(boottime.Now(), bootmenu.Options{Rows: m.Rows, Next: m.Running, Consoles: []string{""}, Live: true})
	for {
		out.Write(menu.Output(0))
		if choice, over := menu.Chosen(); over {
			return choice
		}
		var wait time.Duration = -1
		if due := menu.Due(); due != 0 {
			wait = max(0, due-boottime.Now())
		}
		text, gone := readWaiting(in, wait)
		if gone {
			return 0
		}
		if len(text) > 0 {
			menu.Input(boottime.Now(), 0, text)
		}
		menu.Tick(boottime.Now())
	}
}

// readWaiting reads what a terminal has, or has within a time; negative: it waits as long as it takes. gone: nothing will
// come any more.
func readWaiting(in *os.File, wait time.Duration) (text []byte, gone bool) {
	milliseconds := -1
	if wait >= 0 {
		milliseconds = int((wait + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}}, milliseconds)
	if n <= 0 {
		return nil, err != nil && err != unix.EINTR
	}
	var buf [256]byte
	n, err = unix.Read(int(in.Fd()), buf[:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil, false
	}
	return buf[:max(n, 0)], n <= 0
}

// Knocked reads the terminal on standard input for as long as it may be that somebody asks for the boot menu there: what
// waits already, and what follows a first key. It returns what was typed.
func Knocked() (asked bool, typed []byte) {
	var knock bootmenu.Knock
	for {
		now := boottime.Now()
		wait := max(0, knock.Until()-now)
		text, gone := readWaiting(os.Stdin, wait)
		if typed = append(typed, text...); len(text) > 0 {
			knock.Feed(boottime.Now(), text)
		}
		knock.Settle(boottime.Now())
		if knock.Asked() || gone || len(text) == 0 && knock.Until() <= boottime.Now() {
			return knock.Asked(), typed
		}
	}
}
