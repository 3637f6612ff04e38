package editors

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/editor/vt"
)

// The terminal of every figure.
const (
	rows = 24
	cols = 80
)

// A Terminal is what the person has, and what its line says of its speed.
type Terminal struct {
	Name string // TERM: "vt100" or "linux"
	Baud int    // 9600 or 115200
}

func (t Terminal) level() vt.Level {
	if t.Name == "vt100" {
		return vt.VT100
	}
	return vt.Linux
}

var speeds = map[int]uint32{9600: unix.B9600, 115200: unix.B115200}

// uartBuffer is what a serial driver of the kernel takes before a write blocks.
const uartBuffer = 4096

// A line is a pseudo terminal seen from the person's end: keys go in, what the
// editor sends is counted, and bytes may be made to arrive no faster than on a wire.
//
// A pseudo terminal takes more than a UART does before a write blocks, and an editor
// that looks for waiting keys before it draws would then never notice how far behind
// the screen is. So a slow line stops its other end (TCOOFF) as soon as half of a
// UART's buffer waits unread, and lets it go on below that: half, because the write
// that goes past the mark is still taken, up to the pseudo terminal's own 8 KB. That
// part, which only redraws of whole screens reach, cannot be kept out.
type line struct {
	master, slave *os.File
	fd            int // of master, whose Fd method would make reads block for ever
	speed         int // bytes a second; 0: as fast as they come
	stop          chan struct{}
	running       sync.WaitGroup

	mu     sync.Mutex
	said   []byte    // everything that arrived
	last   time.Time // when the last byte did
	screen *vt.Terminal
}

// openLine makes terminal t, which hands out at most speed bytes a second.
func openLine(t Terminal, speed int) (*line, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	l := &line{master: os.NewFile(uintptr(fd), "/dev/ptmx"), fd: fd, speed: speed, stop: make(chan struct{})}
	if l.slave, err = openSlave(fd, t.Baud); err != nil {
		l.master.Close()
		return nil, err
	}
	l.screen = vt.New(rows, cols, t.level())
	l.screen.Answer = func(b []byte) { l.master.Write(b) }
	l.running.Go(l.read)
	if speed > 0 {
		l.running.Go(l.hold)
	}
	return l, nil
}

func openSlave(master, baud int) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return nil, fmt.Errorf("unlock pseudo terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return nil, fmt.Errorf("number of pseudo terminal: %w", err)
	}
	if err := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		return nil, fmt.Errorf("size of pseudo terminal: %w", err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	mode, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err == nil {
		mode.Cflag = mode.Cflag&^unix.CBAUD | speeds[baud]
		err = unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, mode)
	}
	if err != nil {
		slave.Close()
		return nil, fmt.Errorf("speed of pseudo terminal: %w", err)
	}
	return slave, nil
}

func (l *line) close() {
	close(l.stop)
	l.master.SetReadDeadline(time.Now())
	l.running.Wait() // nobody uses the descriptors any more
	l.master.Close()
	l.slave.Close()
}

// read takes what the editor sends until the line is closed.
func (l *line) read() {
	piece := make([]byte, 4096)
	if l.speed > 0 {
		piece = piece[:8]
	}
	var free time.Time // when the wire has carried all that was read
	for {
		n, err := l.master.Read(piece)
		if err != nil {
			return
		}
		if l.speed > 0 {
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(l.speed))
			time.Sleep(time.Until(free))
		}
		l.mu.Lock()
		l.said = append(l.said, piece[:n]...)
		l.last = time.Now()
		l.screen.Write(piece[:n])
		l.mu.Unlock()
	}
}

// hold keeps the kernel's buffer as small as a UART's.
func (l *line) hold() {
	held := false
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		waiting, err := unix.IoctlGetInt(l.fd, unix.TIOCINQ)
		if full := waiting >= uartBuffer/2; err == nil && full != held {
			held = full
			flow := unix.TCOON
			if full {
				flow = unix.TCOOFF
			}
			unix.IoctlSetInt(int(l.slave.Fd()), unix.TCXONC, flow)
		}
	}
}

// count is the number of bytes that arrived, and when the last did.
func (l *line) count() (int, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.said), l.last
}

// text is what the screen shows.
func (l *line) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.screen.Text()
}

// row is the text of one row of the screen.
func (l *line) row(i int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.screen.Row(i)
}

// shows tells whether text is within a row of the screen.
func (l *line) shows(text string) bool { return strings.Contains(l.text(), text) }

// applicationKeys tells whether the program has asked for SS3 instead of CSI before
// the letters of cursor keys.
func (l *line) applicationKeys() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.LastIndex(l.said, []byte("\x1b[?1h")) > bytes.LastIndex(l.said, []byte("\x1b[?1l"))
}

// faults are what the program sent that the terminal does not know.
func (l *line) faults() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.screen.Faults()
}
