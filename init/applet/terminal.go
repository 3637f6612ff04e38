package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/tty"
)

func clearCommand(c *call, args []string) int {
	c.printf("\x1b[H\x1b[2J")
	return 0
}

// reset brings back a terminal that a crashed program or binary output left
// unusable: settings, character set, attributes, scroll region.
func reset(c *call, args []string) int {
	if _, err := tty.Set(os.Stdin, tty.Sane); err != nil {
		return c.fail("standard input", err)
	}
	c.printf("\x1b[!p\x1b(B\x0f\x1b[m\x1b[r\x1b[?25h\x1b[?7h\x1b[?2004l\x1b[H\x1b[2J")
	return 0
}

// flagWords are the words of stty that set one bit.
var flagWords = []struct {
	word  string
	field byte // i, o, l or c
	bit   uint32
}{
	{"icrnl", 'i', unix.ICRNL}, {"inlcr", 'i', unix.INLCR}, {"igncr", 'i', unix.IGNCR}, {"ixon", 'i', unix.IXON}, {"ixoff", 'i', unix.IXOFF},
	{"istrip", 'i', unix.ISTRIP}, {"brkint", 'i', unix.BRKINT}, {"ignbrk", 'i', unix.IGNBRK}, {"imaxbel", 'i', unix.IMAXBEL}, {"iutf8", 'i', unix.IUTF8},
	{"opost", 'o', unix.OPOST}, {"onlcr", 'o', unix.ONLCR}, {"ocrnl", 'o', unix.OCRNL},
	{"isig", 'l', unix.ISIG}, {"icanon", 'l', unix.ICANON}, {"echo", 'l', unix.ECHO}, {"echoe", 'l', unix.ECHOE}, {"echok", 'l', unix.ECHOK},
	{"echonl", 'l', unix.ECHONL}, {"echoctl", 'l', unix.ECHOCTL}, {"echoke", 'l', unix.ECHOKE}, {"noflsh", 'l', unix.NOFLSH}, {"tostop", 'l', unix.TOSTOP}, {"iexten", 'l', unix.IEXTEN},
	{"parenb", 'c', unix.PARENB}, {"parodd", 'c', unix.PARODD}, {"cstopb", 'c', unix.CSTOPB}, {"hupcl", 'c', unix.HUPCL}, {"cread", 'c', unix.CREAD},
	{"clocal", 'c', unix.CLOCAL}, {"crtscts", 'c', unix.CRTSCTS},
}

func flagField(t *unix.Termios, field byte) *uint32 {
	switch field {
	case 'i':
		return &t.Iflag
	case 'o':
		return &t.Oflag
	case 'l':
		return &t.Lflag
	}
	return &t.Cflag
}

var speeds = map[int]uint32{300: unix.B300, 1200: unix.B1200, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200,
	38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800, 921600: unix.B921600,
	1000000: unix.B1000000, 1500000: unix.B1500000, 3000000: unix.B3000000}

// stty shows and changes the terminal on standard input (-F names another).
func stty(c *call, args []string) int {
	fd, all := 0, false
	for len(args) > 0 {
		if args[0] == "-F" && len(args) > 1 {
			f, err := os.OpenFile(args[1], os.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
			if err != nil {
				return c.fail(args[1], err)
			}
			defer f.Close()
			fd, args = int(f.Fd()), args[2:]
		} else if args[0] == "-a" {
			all, args = true, args[1:]
		} else {
			if args[0] == "--" {
				args = args[1:]
			}
			break
		}
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return c.fail("standard input", errors.New("is not a terminal"))
	}
	size, sizeErr := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if sizeErr != nil {
		size = &unix.Winsize{}
	}
	if len(args) == 0 {
		c.sttyShow(t, size, all)
		return 0
	}
	changed, resized := false, false
	for i := 0; i < len(args); i++ {
		switch word := args[i]; word {
		case "size":
			c.printf("%d %d\n", size.Row, size.Col)
		case "speed":
			c.printf("%d\n", speedOf(t))
		case "-g":
			c.printf("%x:%x:%x:%x", t.Iflag, t.Oflag, t.Cflag, t.Lflag)
			for _, b := range t.Cc {
				c.printf(":%x", b)
			}
			c.printf("\n")
		case "sane":
			tty.Sane(t)
			changed = true
		case "raw", "-cooked":
			t.Iflag, changed = t.Iflag&unix.IUTF8, true
			t.Oflag &^= unix.OPOST
			t.Lflag &^= unix.ISIG | unix.ICANON
			t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		case "-raw", "cooked":
			t.Iflag |= unix.BRKINT | unix.ICRNL | unix.IXON
			t.Oflag |= unix.OPOST
			t.Lflag |= unix.ISIG | unix.ICANON
			changed = true
		case "rows", "cols", "columns", "min", "time", "intr", "quit", "erase", "kill", "eof", "susp":
			if i+1 == len(args) {
				return c.misuse("%s needs a value", word)
			}
			i++
			n, err := controlValue(args[i])
			if err != nil || n < 0 || n > 0xffff {
				return c.misuse("%s: %q is not a value", word, args[i])
			}
			switch word {
			case "rows":
				size.Row, resized = uint16(n), true
			case "cols", "columns":
				size.Col, resized = uint16(n), true
			default:
				index := map[string]int{"min": unix.VMIN, "time": unix.VTIME, "intr": unix.VINTR, "quit": unix.VQUIT, "erase": unix.VERASE,
					"kill": unix.VKILL, "eof": unix.VEOF, "susp": unix.VSUSP}[word]
				t.Cc[index], changed = byte(n), true
			}
		default:
			if !sttyWord(t, word) {
				return c.misuse("unknown word %s", word)
			}
			changed = true
		}
	}
	if changed {
		if err := unix.IoctlSetTermios(fd, unix.TCSETSW, t); err != nil {
			return c.fail("standard input", err)
		}
	}
	if resized {
		if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size); err != nil {
			return c.fail("standard input", err)
		}
	}
	return 0
}

// controlValue reads a number or ^C.
func controlValue(text string) (int, error) {
	if len(text) == 2 && text[0] == '^' {
		if text[1] == '?' {
			return 127, nil
		}
		return int(text[1] & 31), nil
	}
	if text == "undef" || text == "^-" {
		return 0, nil
	}
	return strconv.Atoi(text)
}

// sttyWord applies a flag, a speed, a character size or a saved state.
func sttyWord(t *unix.Termios, word string) bool {
	name, off := strings.CutPrefix(word, "-")
	for _, f := range flagWords {
		if f.word == name {
			field := flagField(t, f.field)
			*field |= f.bit
			if off {
				*field &^= f.bit
			}
			return true
		}
	}
	if n, err := strconv.Atoi(word); err == nil {
		if speed, ok := speeds[n]; ok {
			t.Cflag = t.Cflag&^unix.CBAUD | speed
			return true
		}
		return false
	}
	sizes := map[string]uint32{"cs5": unix.CS5, "cs6": unix.CS6, "cs7": unix.CS7, "cs8": unix.CS8}
	if size, ok := sizes[word]; ok {
		t.Cflag = t.Cflag&^unix.CSIZE | size
		return true
	}
	parts := strings.Split(word, ":")
	if len(parts) != 4+len(t.Cc) {
		return false
	}
	values := make([]uint64, len(parts))
	for i, part := range parts {
		var err error
		if values[i], err = strconv.ParseUint(part, 16, 32); err != nil {
			return false
		}
	}
	t.Iflag, t.Oflag, t.Cflag, t.Lflag = uint32(values[0]), uint32(values[1]), uint32(values[2]), uint32(values[3])
	for i := range t.Cc {
		t.Cc[i] = byte(values[4+i])
	}
	return true
}

func speedOf(t *unix.Termios) int {
	for n, speed := range speeds {
		if t.Cflag&unix.CBAUD == speed {
			return n
		}
	}
	return 0
}

func (c *call) sttyShow(t *unix.Termios, size *unix.Winsize, all bool) {
	c.printf("speed %d baud; rows %d; columns %d;\n", speedOf(t), size.Row, size.Col)
	if all {
		for _, k := range []struct {
			name  string
			index int
		}{{"intr", unix.VINTR}, {"quit", unix.VQUIT}, {"erase", unix.VERASE}, {"kill", unix.VKILL}, {"eof", unix.VEOF}, {"susp", unix.VSUSP}} {
			b := t.Cc[k.index]
			switch {
			case b == 127:
				c.printf("%s = ^?; ", k.name)
			case b == 0:
				c.printf("%s = undef; ", k.name)
			default:
				c.printf("%s = ^%c; ", k.name, b+'@')
			}
		}
		c.printf("min = %d; time = %d;\n", t.Cc[unix.VMIN], t.Cc[unix.VTIME])
	}
	normal := unix.Termios{}
	tty.Sane(&normal)
	line := ""
	for _, f := range flagWords {
		on := *flagField(t, f.field)&f.bit != 0
		usual := *flagField(&normal, f.field)&f.bit != 0
		if !all && on == usual {
			continue
		}
		word := f.word
		if !on {
			word = "-" + word
		}
		if len(line)+len(word) > 75 {
			c.printf("%s\n", line)
			line = ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	if line != "" {
		c.printf("%s\n", line)
	}
}

// resize asks the terminal for its size and tells the kernel, for serial lines.
func resize(c *call, args []string) int {
	restore, err := tty.Set(os.Stdin, tty.Keys)
	if err != nil {
		return c.fail("standard input", err)
	}
	defer restore()
	io.WriteString(c.rawOut, "\x1b7\x1b[999;999H\x1b[6n\x1b8")
	var answer []byte
	deadline := time.Now().Add(2 * time.Second)
	for !bytes.HasSuffix(answer, []byte("R")) {
		n, err := unix.Poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}}, int(max(0, time.Until(deadline).Milliseconds())))
		if err == unix.EINTR {
			continue
		}
		var b [1]byte
		if n < 1 || err != nil {
			return c.fail("standard input", errors.New("the terminal does not answer"))
		}
		if n, err := unix.Read(0, b[:]); n < 1 || err != nil {
			return c.fail("standard input", errors.New("the terminal hung up"))
		}
		answer = append(answer, b[0])
	}
	var rows, cols uint16
	if i := bytes.LastIndex(answer, []byte("\x1b[")); i >= 0 {
		fmt.Sscanf(string(answer[i:]), "\x1b[%d;%dR", &rows, &cols)
	}
	if rows < 2 || cols < 2 {
		return c.fail("standard input", fmt.Errorf("the terminal answers %q", answer))
	}
	if err := unix.IoctlSetWinsize(0, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		return c.fail("standard input", err)
	}
	c.printf("%d rows, %d columns\n", rows, cols)
	return 0
}
