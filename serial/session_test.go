package serial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/tty/ttytest"
)

// A desk is a session between a person, who is two pipes, and a device, which is the other end of a terminal's line.
type desk struct {
	t      *testing.T
	device *os.File
	line   *Line
	keys   *io.PipeWriter // what the person types
	screen *os.File
	ended  chan error
	seen   string
}

func sit(t *testing.T, change func(s *Session)) *desk {
	t.Helper()
	device, other := ttytest.Open(t)
	line, err := Open(other.Name(), 115200, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.Close() })
	in, keys := io.Pipe()
	screen, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close(); out.Close() })
	s := &Session{Line: line, In: in, Out: out, Pace: Pace{Baud: 20_000_000}}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	if change != nil {
		change(s)
	}
	d := &desk{t: t, device: device, line: line, keys: keys, screen: screen, ended: make(chan error, 1)}
	go func() { d.ended <- s.Run(ctx) }()
	return d
}

func (d *desk) types(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.keys, text); err != nil {
		d.t.Fatal(err)
	}
}

// gets reads so many bytes as the device does.
func (d *desk) gets(want string) {
	d.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(d.device, got); err != nil || string(got) != want {
		d.t.Errorf("the device got %q, %v, want %q", got, err, want)
	}
}

// sees waits for a text on the screen.
func (d *desk) sees(text string) {
	d.t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(d.seen, text) {
		n, err := d.screen.Read(buf)
		if err != nil {
			d.t.Fatalf("%v, waiting for %q in %q", err, text, d.seen)
		}
		d.seen += string(buf[:n])
	}
	d.seen = d.seen[strings.Index(d.seen, text)+len(text):]
}

func TestBytesPassInBothDirectionsAsTheyAre(t *testing.T) {
	d := sit(t, nil)
	d.types("ls\r\x03\x04\x11\x13\xff\x00\n")
	d.gets("ls\r\x03\x04\x11\x13\xff\x00\n")
	if _, err := d.device.WriteString("a\nb\r\n\x1b[m\x00\xff\x13"); err != nil {
		t.Fatal(err)
	}
	d.sees("a\nb\r\n\x1b[m\x00\xff\x13")
	d.types("~.")
	if err := <-d.ended; err != nil {
		t.Error(err)
	}
}

func TestEndsOfASession(t *testing.T) {
	t.Run("the device is unplugged", func(t *testing.T) {
		d := sit(t, nil)
		d.device.Close()
		if err := <-d.ended; !errors.Is(err, ErrGone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the person's terminal ends", func(t *testing.T) {
		d := sit(t, nil)
		d.keys.Close()
		if err := <-d.ended; err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the person's terminal breaks", func(t *testing.T) {
		d := sit(t, nil)
		d.keys.CloseWithError(unix.EIO)
		if err := <-d.ended; !errors.Is(err, unix.EIO) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a signal", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := &Session{Line: quiet{}, In: quiet{}, Out: io.Discard, Pace: Pace{Baud: 9600}}
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a device that takes nothing", func(t *testing.T) {
		in, keys := io.Pipe()
		s := &Session{Line: quiet{}, In: in, Out: io.Discard, Pace: Pace{Baud: 9600}}
		ended := make(chan error)
		go func() { ended <- s.Run(t.Context()) }()
		io.WriteString(keys, "text\r")
		io.WriteString(keys, "~.")
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A device may be gone for who writes, and say nothing to who reads.
func TestWhatCannotBeSentIsTold(t *testing.T) {
	in, keys := io.Pipe()
	s := &Session{Line: deaf{}, In: in, Out: io.Discard, Pace: Pace{Baud: 9600}}
	ended := make(chan error)
	go func() { ended <- s.Run(t.Context()) }()
	io.WriteString(keys, "x")
	if err := <-ended; !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}

type deaf struct{ quiet }

func (deaf) Write([]byte) (int, error) { return 0, ErrGone }

// quiet is a line on which nothing ever comes or goes.
type quiet struct{}

func (quiet) Read([]byte) (int, error)  { select {} }
func (quiet) Write([]byte) (int, error) { select {} }
func (quiet) Close() error              { return nil }
func (quiet) Break() error              { return nil }

func TestAFileIsSentWholeAndSlowly(t *testing.T) {
	d := sit(t, nil)
	file := filepath.Join(t.TempDir(), "a file")
	text := strings.Repeat("setenv bootcmd 'run x'\n", 400) + "the end"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d.types("~>")
	d.sees("\r\nsend which file? ")
	d.types(file + "xy\x7f\b\r")
	d.sees("[sending 9207 bytes]\r\n")
	d.gets(text)
	d.types("~>")
	d.types("/nonexistent\r")
	d.sees("[open /nonexistent: no such file or directory]\r\n")
	d.types("~>x\x03after\r") // thought better of it
	d.gets("after\r")
}

func TestCtrlCDropsTheRestOfAPaste(t *testing.T) {
	d := sit(t, func(s *Session) { s.Pace = Pace{Baud: 115200, Line: time.Hour} })
	d.types("one\rtwo\rthree\r")
	d.gets("one\r") // and then an hour's rest
	d.types("\x03")
	d.sees("[10 bytes were not sent]\r\n")
}

func TestWhatComesIsKeptInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("before\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := sit(t, nil)
	send := func(text string) {
		if _, err := d.device.WriteString(text); err != nil {
			t.Fatal(err)
		}
		d.sees(text)
	}
	send("not kept\r\n")
	d.types("~L" + file + "\r")
	d.sees("[what comes is kept in " + file + "]\r\n")
	send("kept\r\n")
	d.types("~L")
	d.sees("[" + file + " is complete]\r\n")
	send("not kept again\r\n")
	d.types("~L/nonexistent/x\r")
	d.sees("[open /nonexistent/x: no such file or directory]")
	if got, err := os.ReadFile(file); err != nil || string(got) != "before\nkept\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHelpAndBreak(t *testing.T) {
	d := sit(t, nil)
	d.types("~?")
	d.sees(strings.ReplaceAll(HelpText, "\n", "\r\n"))
	d.types("~B")
	d.sees("[break")
}

func TestALineHasOneUserAndItsModesComeBack(t *testing.T) {
	_, other := ttytest.Open(t)
	before, err := unix.IoctlGetTermios(int(other.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	line, err := Open(other.Name(), 1_500_000, true)
	if err != nil {
		t.Fatal(err)
	}
	now, err := unix.IoctlGetTermios(int(other.Fd()), unix.TCGETS2)
	if err != nil {
		t.Fatal(err)
	}
	if now.Ospeed != 1_500_000 || now.Ispeed != 1_500_000 || now.Cflag&unix.CRTSCTS == 0 || now.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 || now.Oflag&unix.OPOST != 0 {
		t.Errorf("%+v", now)
	}
	if _, err := Open(other.Name(), 9600, false); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if err := line.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := unix.IoctlGetTermios(int(other.Fd()), unix.TCGETS); err != nil || *after != *before {
		t.Errorf("modes %v, before %v, %v", after, before, err)
	}
	line, err = Open(other.Name(), 9600, false)
	if err != nil {
		t.Fatal(err)
	}
	line.Close()
}

func TestALineChangesItsSpeedBehindWhatWasSent(t *testing.T) {
	device, other := ttytest.Open(t)
	line, err := Open(other.Name(), 115200, false)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	for _, baud := range []int{921600, 1_500_000, 115200} {
		if _, err := line.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := device.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := line.SetBaud(baud); err != nil {
			t.Fatal(err)
		}
		now, err := unix.IoctlGetTermios(int(other.Fd()), unix.TCGETS2)
		if err != nil || int(now.Ospeed) != baud || int(now.Ispeed) != baud || now.Lflag&(unix.ICANON|unix.ECHO) != 0 {
			t.Errorf("at %d baud: %+v, %v", baud, now, err)
		}
	}
}

func TestWhatIsNoLineIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{file: "it is no serial line", "/dev/null": "/dev/null: it is no serial line", "/nonexistent": "no such file"} {
		if _, err := Open(path, 9600, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// Whatever is typed while a question is open is none of the device's.
func TestAnAnswerIsEdited(t *testing.T) {
	var out bytes.Buffer
	s := &Session{Out: &out}
	var got string
	s.ask("which? ", func(answer string) { got = answer })
	if rest := s.edit([]byte("\x7fab\x7f\x01c ")); rest != nil || s.asking == nil {
		t.Errorf("rest %q", rest)
	}
	if rest := s.edit([]byte("d\rnext")); string(rest) != "next" || got != "ac d" || s.asking != nil {
		t.Errorf("rest %q, answer %q", rest, got)
	}
	if want := "\r\nwhich? ab\b \bc d\r\n"; out.String() != want {
		t.Errorf("shown %q, want %q", out.String(), want)
	}
}
