package editor

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/tty"
)

// terminal is the line to the person: raw mode, size, bytes in and out.
type terminal struct {
	in, out *os.File
	before  *unix.Termios
	uart    bool
	slow    bool        // so few bytes a second that colours are too dear
	rate    int         // bytes a second, of a slow line
	free    time.Time   // when a slow line will have sent what it was given
	input   chan []byte // closed when the line is gone
	resized chan os.Signal
	hangup  chan error
	signals chan os.Signal
	stop    chan struct{}
	woken   *os.File // ends with wake, which ends the wait for input
	wake    *os.File
	ended   chan struct{} // the reader has
	once    sync.Once
	readErr error
	asked   time.Time // when the terminal was last asked for its size

	canInsert, canLines, colors, marksPastes bool

	lineFeed bool // keeps the column; on a serial line it is asked
}

// slowBelow is the speed, in bits a second, below which a line is slow. A
// pseudo-terminal says 38400 unless somebody knows better.
const slowBelow = 38400

// Answers to the question for the size that come later than this are noise.
const reportTime = 5 * time.Second

// plainTerminal tells whether only the line editor can work here.
func plainTerminal(in, out *os.File) bool {
	return os.Getenv("TERM") == "dumb" || !tty.Is(in) || !tty.Is(out)
}

func openTerminal(in, out *os.File) (*terminal, error) {
	before, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("the editor needs a terminal: %w", err)
	}
	woken, wake, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	raw := *before
	raw.Iflag &^= unix.BRKINT | unix.ICRNL | unix.INLCR | unix.IGNCR | unix.INPCK | unix.ISTRIP | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, &raw); err != nil {
		woken.Close()
		wake.Close()
		return nil, fmt.Errorf("terminal: raw mode: %w", err)
	}
	t := &terminal{in: in, out: out, before: before,
		input: make(chan []byte, 64), resized: make(chan os.Signal, 1),
		hangup: make(chan error, 1), signals: make(chan os.Signal, 2), stop: make(chan struct{}),
		woken: woken, wake: wake, ended: make(chan struct{})}
	t.uart = isUART(out)
	t.lineFeed = !t.uart
	if bits := speed(before); bits > 0 && bits < slowBelow {
		t.slow, t.rate = true, max(bits/10, 1) // start bit, eight bits, stop bit
	}
	t.level(os.Getenv("TERM"))
	signal.Notify(t.resized, syscall.SIGWINCH)
	signal.Notify(t.signals, endSignals...)
	go func() {
		select {
		case s := <-t.signals:
			t.hangup <- ended(s)
		case <-t.stop:
		}
	}()
	go t.read()
	if t.marksPastes {
		t.write([]byte("\x1b[?2004h"))
	}
	return t, nil
}

// endSignals end the session, as a dead line does. Ctrl-C and Ctrl-\ are keys
// here: SIGINT and SIGQUIT come from another program.
var endSignals = []os.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}

func ended(s os.Signal) error {
	if s == syscall.SIGHUP {
		return errors.New("the terminal is gone (hang-up)")
	}
	return fmt.Errorf("ended from outside (%v)", s)
}

// level is what a terminal of this name can do beside what every VT100 can. A
// serial line's is a guess: Bantam says vt102 there, and learns more from told.
func (t *terminal) level(name string) {
	t.canInsert = name != "vt100" && name != "vt52"
	t.canLines, t.marksPastes = t.canInsert, t.canInsert
	for _, colored := range []string{"linux", "xterm", "screen", "tmux", "rxvt", "konsole", "alacritty", "foot", "putty", "color"} {
		t.colors = t.colors || strings.Contains(name, colored)
	}
	t.colors = t.colors && !t.slow && os.Getenv("NO_COLOR") == ""
}

// told takes what the terminal says of itself (DA1) and tells whether that is
// news. 22 is colour among the abilities of a VT220 and later; 1;0 is a VT100
// that cannot insert. A VT102 (6) is what simple emulators say, with colour or not.
func (t *terminal) told(numbers []int) bool {
	before := [2]bool{t.canInsert, t.colors}
	if len(numbers) == 2 && numbers[0] == 1 && numbers[1] == 0 {
		t.canInsert, t.canLines = false, false
	}
	if numbers[0] >= 60 {
		for _, n := range numbers[1:] {
			t.colors = t.colors || n == 22 && !t.slow && os.Getenv("NO_COLOR") == ""
		}
	}
	return before != [2]bool{t.canInsert, t.colors}
}

// read always reads: a serial line without flow control loses what is left
// waiting. It ends with close: what is typed after that is for whoever reads next.
func (t *terminal) read() {
	defer close(t.ended)
	defer close(t.input)
	for t.waits() {
		b := make([]byte, 4096)
		n, err := t.in.Read(b)
		if n > 0 {
			select {
			case t.input <- b[:n]:
			case <-t.stop:
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.readErr = err
			}
			return
		}
	}
}

// waits for input, or for the end of the line, and tells whether that came
// before close.
func (t *terminal) waits() bool {
	fds := []unix.PollFd{{Fd: int32(t.in.Fd()), Events: unix.POLLIN}, {Fd: int32(t.woken.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err != unix.EINTR {
			return fds[1].Revents == 0
		}
	}
}

func (t *terminal) inputErr() error {
	if t.readErr != nil {
		return fmt.Errorf("the terminal is gone: %w", t.readErr)
	}
	return errors.New("the terminal is gone")
}

func (t *terminal) close() {
	t.once.Do(func() {
		close(t.stop)
		t.wake.Close()
		<-t.ended // before the line is cooked again: then a read would wait for Enter
		t.woken.Close()
		if t.marksPastes {
			t.write([]byte("\x1b[?2004l"))
		}
		_ = unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, t.before)
		signal.Stop(t.resized)
		signal.Stop(t.signals)
	})
}

// write sends b; a dead line shows up as the end of the input.
func (t *terminal) write(b []byte) {
	if len(b) == 0 {
		return
	}
	_, _ = t.out.Write(b)
	if t.slow {
		if now := time.Now(); t.free.Before(now) {
			t.free = now
		}
		t.free = t.free.Add(time.Duration(len(b)) * time.Second / time.Duration(t.rate))
	}
}

// pieceTime is what a slow line is given at once, or a row of text.
const pieceTime = 50 * time.Millisecond

// piece is that in bytes.
func (t *terminal) piece() int {
	if !t.slow {
		return math.MaxInt
	}
	return max(int(pieceTime*time.Duration(t.rate)/time.Second), 1)
}

// backlog is how long the line still sends what it was given. Drawing more
// meanwhile would only make the screen lag behind the keys.
func (t *terminal) backlog() time.Duration {
	if t.slow {
		return time.Until(t.free)
	}
	if t.uart {
		const worth = 96 // bytes, less is not worth waiting
		if n, err := unix.IoctlGetInt(int(t.out.Fd()), unix.TIOCOUTQ); err == nil && n > worth {
			return 20 * time.Millisecond
		}
	}
	return 0
}

// What of a larger window is used. Nobody has one, but a program may say so.
const mostRows, mostCols = 300, 999

// size is the window's, or 24x80.
func (t *terminal) size() (rows, cols int) {
	if rows, cols = tty.Size(t.out); rows == 0 || cols == 0 {
		return 24, 80
	}
	return min(rows, mostRows), min(cols, mostCols)
}

// measure asks the terminal for its size and kind: on a serial line the kernel
// cannot know. The answers come as keys, whenever they come.
func (t *terminal) measure() {
	if rows, cols := tty.Size(t.out); rows > 0 && cols > 0 && !t.uart {
		return
	}
	t.asked = time.Now()
	t.write([]byte("\x1b7\x1b[r\x1b[999;999H\x1b[6n"))
	if !t.lineFeed {
		t.write([]byte("\x1b[;3H\n\x1b[6n"))
	}
	t.write([]byte("\x1b8\x1b[c"))
}

// keepsColumn takes the answer to where a line feed led from column 3 of the first
// row, which comes after that of the size, and tells whether it went straight down.
func (t *terminal) keepsColumn(row, col int) bool {
	if t.lineFeed || !t.asked.IsZero() || row != 2 || col != 3 {
		return false
	}
	t.lineFeed = true
	return true
}

// reported takes the answer to measure and tells whether the size is news.
func (t *terminal) reported(rows, cols int) bool {
	late := time.Since(t.asked) > reportTime
	t.asked = time.Time{} // what comes next answers something else
	if late || rows < 1 || cols < 2 || rows > mostRows || cols > mostCols {
		return false
	}
	r, c := t.size()
	ws := unix.Winsize{Row: uint16(rows), Col: uint16(cols)}
	_ = unix.IoctlSetWinsize(int(t.out.Fd()), unix.TIOCSWINSZ, &ws) // the shell profits
	return r != rows || c != cols
}
