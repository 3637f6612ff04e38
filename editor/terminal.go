package editor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is the line to the person: raw mode, size, bytes in and out.
type terminal struct {
	in, out   *os.File
	before    *unix.Termios
	canInsert bool
	input     chan []byte
	resized   chan os.Signal
	hangup    chan error
	signals   chan os.Signal
	stop      chan struct{}
	once      sync.Once
	readErr   error
	asked     time.Time // when the terminal was last asked for its size
}

// Answers to the question for the size that come later than this are noise.
const reportTime = 5 * time.Second

func openTerminal(in, out *os.File) (*terminal, error) {
	before, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("the editor needs a terminal: %w", err)
	}
	raw := *before
	raw.Iflag &^= unix.BRKINT | unix.ICRNL | unix.INLCR | unix.IGNCR | unix.INPCK | unix.ISTRIP | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, &raw); err != nil {
		return nil, fmt.Errorf("terminal: raw mode: %w", err)
	}
	t := &terminal{in: in, out: out, before: before,
		input: make(chan []byte, 64), resized: make(chan os.Signal, 1),
		hangup: make(chan error, 1), signals: make(chan os.Signal, 2), stop: make(chan struct{})}
	switch os.Getenv("TERM") {
	case "vt100", "vt52", "dumb": // these cannot insert within a line
	default:
		t.canInsert = true
	}
	signal.Notify(t.resized, syscall.SIGWINCH)
	signal.Notify(t.signals, syscall.SIGHUP, syscall.SIGTERM)
	go func() {
		select {
		case s := <-t.signals:
			t.hangup <- fmt.Errorf("the terminal is gone (%v)", s)
		case <-t.stop:
		}
	}()
	go t.read()
	t.write([]byte("\x1b[?2004h")) // mark pastes
	return t, nil
}

// read always reads: a serial line without flow control loses what is left waiting.
func (t *terminal) read() {
	defer close(t.input)
	for {
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

func (t *terminal) inputErr() error {
	if t.readErr != nil {
		return fmt.Errorf("the terminal is gone: %w", t.readErr)
	}
	return errors.New("the terminal is gone")
}

func (t *terminal) close() {
	t.once.Do(func() {
		t.write([]byte("\x1b[?2004l"))
		unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, t.before)
		signal.Stop(t.resized)
		signal.Stop(t.signals)
		close(t.stop)
	})
}

// write sends b; a dead line shows up as the end of the input.
func (t *terminal) write(b []byte) {
	if len(b) > 0 {
		t.out.Write(b)
	}
}

// size is what the kernel believes, or 24x80.
func (t *terminal) size() (rows, cols int) {
	ws, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Row == 0 || ws.Col == 0 {
		return 24, 80
	}
	return int(ws.Row), int(ws.Col)
}

// measure asks the terminal itself: on a serial line the kernel cannot know. The
// answer comes as a KeyReport, whenever it comes.
func (t *terminal) measure() {
	ws, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err == nil && ws.Row > 0 && ws.Col > 0 && !t.serial() {
		return
	}
	if os.Getenv("TERM") == "dumb" {
		return
	}
	t.asked = time.Now()
	t.write([]byte("\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8"))
}

// serial tells whether a UART is behind the terminal. Pseudo-terminals and the
// virtual console know their size themselves.
func (t *terminal) serial() bool {
	var s [128]byte // larger than struct serial_struct on every architecture
	return ioctlPointer(t.out.Fd(), unix.TIOCGSERIAL, &s) == nil
}

// reported takes the answer to measure and tells whether the size is news.
func (t *terminal) reported(rows, cols int) bool {
	if time.Since(t.asked) > reportTime || rows < 1 || cols < 2 || rows > 999 || cols > 999 {
		return false
	}
	t.asked = time.Time{}
	r, c := t.size()
	ws := unix.Winsize{Row: uint16(rows), Col: uint16(cols)}
	unix.IoctlSetWinsize(int(t.out.Fd()), unix.TIOCSWINSZ, &ws) // the shell profits
	return r != rows || c != cols
}

// backlogged tells whether a slow line still has much to send. Drawing more now
// would only make the screen lag behind the keys.
func (t *terminal) backlogged() bool {
	if !t.serial() {
		return false
	}
	n, err := unix.IoctlGetInt(int(t.out.Fd()), unix.TIOCOUTQ)
	return err == nil && n > 96
}
