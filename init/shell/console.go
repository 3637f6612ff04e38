package shell

import (
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/applet"
	"bantam/init/shell/line"
	"bantam/tty"
)

// hungUp is the result of reading from a line that is gone.
const hungUp line.Result = -1

// console drives the line editor with the bytes of a terminal.
type console struct {
	sh       *shell
	editor   *line.Editor
	history  *line.History
	decoder  line.Decoder
	ahead    []line.Key // typed while we waited for the terminal's answer
	dumb     bool       // no cursor movement at all
	brackets bool       // the terminal is asked to mark pastes
	unknown  bool       // the kernel does not know the window size
	changed  atomic.Bool
	cancel   chan struct{} // Ctrl-C on a dumb terminal, where the kernel sees it first
}

func newConsole(sh *shell, history *line.History) *console {
	kind := os.Getenv("TERM")
	con := &console{sh: sh, history: history, cancel: make(chan struct{}, 1)}
	con.dumb = kind == "dumb" || sh.terminal == nil
	for _, b := range Typed {
		con.ahead = append(con.ahead, con.decoder.Feed(b)...)
	}
	con.brackets = kind != "vt100" && kind != "vt102"
	con.editor = &line.Editor{
		Insert:   kind != "vt100",
		History:  history,
		Complete: sh.complete,
		List: func(names []string, width int) string {
			var text strings.Builder
			applet.Columns(&text, names, width)
			return text.String()
		},
	}
	return con
}

// openTerminalInput opens the terminal on standard input once more, in
// non-blocking mode of its own, see terminalInput.
func openTerminalInput() *os.File {
	path, err := os.Readlink("/proc/self/fd/0")
	if err != nil || !strings.HasPrefix(path, "/dev/") {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	return f
}

// resized notes that the window changed; the next key or prompt takes it up.
func (con *console) resized() { con.changed.Store(true) }

// measure finds the width: from the kernel, else from the terminal itself,
// which a serial line needs. The answer is given to the kernel for all others.
func (con *console) measure() {
	if _, cols := tty.Size(os.Stdin); cols > 0 {
		con.editor.Width = cols
		return
	}
	con.editor.Width, con.unknown = 80, true
	if con.dumb {
		return
	}
	con.raw()
	defer con.cooked()
	con.write(askSize)
	deadline := time.Now().Add(time.Second)
	for {
		key, ok, gone := con.next(time.Until(deadline))
		switch {
		case gone || !ok:
			return // the answer may still come, see readLine
		case key.Code == line.Position:
			con.learned(key)
			return
		default:
			con.ahead = append(con.ahead, key)
		}
	}
}

// askSize: save the cursor, go far down right, ask where that is, come back.
const askSize = "\x1b7\x1b[999;999H\x1b[6n\x1b8"

// learned takes the terminal's answer to askSize, however late.
func (con *console) learned(key line.Key) {
	if key.Row < 2 || key.Col < 8 || key.Row > 999 || key.Col > 999 {
		return
	}
	con.editor.Width = key.Col
	unix.IoctlSetWinsize(0, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(key.Row), Col: uint16(key.Col)})
}

// readLine lets the person type one line.
func (con *console) readLine(prompt string) (string, line.Result) {
	if con.dumb {
		return con.readPlain(prompt)
	}
	if con.changed.Swap(false) {
		con.measure()
	}
	if err := con.raw(); err != nil {
		return "", hungUp
	}
	defer con.cooked()
	e := con.editor
	e.Start(prompt)
	if con.brackets {
		con.write("\x1b[?2004h")
		defer con.write("\x1b[?2004l")
	}
	for {
		key, ok := line.Key{}, false
		if len(con.ahead) > 0 {
			key, con.ahead, ok = con.ahead[0], con.ahead[1:], true
		} else {
			// Nothing is drawn while input waits: a paste costs one redraw.
			var gone bool
			if key, ok, gone = con.next(0); !ok && !gone {
				con.write(e.Output())
				key, ok, gone = con.next(-1)
			}
			if gone {
				return "", hungUp
			}
		}
		if con.changed.Swap(false) {
			if _, cols := tty.Size(os.Stdin); cols > 0 {
				e.Width = cols
				e.Redraw()
			}
		}
		if !ok {
			continue
		}
		if key.Code == line.Position {
			con.learned(key)
			continue
		}
		switch result := e.Key(key); result {
		case line.Editing:
		case line.Remeasure:
			if con.unknown {
				con.write(e.Output() + askSize)
			}
		default:
			con.write(e.Output())
			return e.Text(), result
		}
	}
}

// next waits for a key. Input is read byte by byte: what follows a line is for
// the command that the line starts. ok is false at the time-out (negative:
// none); gone says that the terminal hung up.
func (con *console) next(timeout time.Duration) (key line.Key, ok, gone bool) {
	deadline := time.Now().Add(timeout)
	for {
		wait := -1
		switch {
		case timeout >= 0:
			wait = max(0, int(time.Until(deadline).Milliseconds()))
		case con.decoder.Pending():
			wait = 1000
		}
		fds := []unix.PollFd{{Fd: 0, Events: unix.POLLIN}}
		n, err := unix.Poll(fds, wait)
		switch {
		case err == unix.EINTR:
			if con.changed.Load() && timeout < 0 {
				return key, false, false
			}
			continue
		case err != nil:
			return key, false, true
		case n == 0 && timeout < 0:
			con.decoder.Abandon()
			continue
		case n == 0:
			return key, false, false
		}
		var b [1]byte
		count, err := unix.Read(0, b[:])
		switch {
		case err == unix.EINTR || err == unix.EAGAIN:
			continue
		case err != nil || count == 0:
			return key, false, true
		}
		if keys := con.decoder.Feed(b[0]); len(keys) > 0 {
			con.ahead = append(con.ahead, keys[1:]...)
			return keys[0], true, false
		}
	}
}

// readPlain is for terminals without cursor movement: the kernel edits.
func (con *console) readPlain(prompt string) (string, line.Result) {
	select {
	case <-con.cancel: // it was meant for the command before
	default:
	}
	con.sh.prompts().WriteString(prompt)
	var text []byte
	for {
		select {
		case <-con.cancel:
			os.Stdout.WriteString("\n")
			return "", line.Cancelled
		default:
		}
		// The signal may reach another thread than this, so look up now and then.
		if n, err := unix.Poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}}, 500); err == unix.EINTR || err == nil && n == 0 {
			continue
		}
		var b [1]byte
		n, err := unix.Read(0, b[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return "", hungUp
		case n == 0:
			return string(text), line.EndOfInput
		case b[0] == '\n':
			return string(text), line.Accepted
		}
		text = append(text, b[0])
	}
}

// raw hands every byte to the editor. Output processing stays on, so that the
// output of background jobs keeps its line ends.
func (con *console) raw() error {
	settings := con.sh.terminal.cooked
	settings.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	settings.Iflag &^= unix.IXON | unix.ISTRIP | unix.ICRNL | unix.INLCR
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	return con.sh.terminal.store(&settings)
}

func (con *console) cooked() { con.sh.terminal.store(&con.sh.terminal.cooked) }

func (con *console) write(text string) {
	if con.sh.terminal.cooked.Oflag&unix.OPOST != 0 && con.sh.terminal.cooked.Oflag&unix.ONLCR != 0 {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	os.Stdout.WriteString(text)
}
