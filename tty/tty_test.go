package tty

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/tty/ttytest"
)

// pseudoTerminal is the program's side of a new one.
func pseudoTerminal(t *testing.T) *os.File {
	t.Helper()
	_, line := ttytest.Open(t)
	return line
}

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	got, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *got
}

// disorder sets the flags that a dead program may have left, and those that a line needs.
func disorder(t *unix.Termios) {
	t.Iflag = unix.INLCR | unix.IGNCR | unix.ISTRIP | unix.IXOFF | unix.IGNBRK | unix.PARMRK | unix.IUTF8 | unix.INPCK
	t.Oflag = unix.OCRNL
	t.Lflag = unix.ECHONL | unix.NOFLSH | unix.TOSTOP
	t.Cflag = t.Cflag&^(unix.CREAD|unix.CLOCAL|unix.CSIZE) | unix.HUPCL | unix.CS7 | unix.PARENB
	for i := range t.Cc {
		t.Cc[i] = 0
	}
}

// GNU stty without arguments names the flags that are not sane.
func TestSaneIsWhatSttyTakesForSane(t *testing.T) {
	f := pseudoTerminal(t)
	if _, err := Set(f, disorder); err != nil {
		t.Fatal(err)
	}
	if _, err := Set(f, Sane); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("stty", "-F", f.Name()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v (apt-get install coreutils): %s", err, said)
	}
	_, odd, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if odd != "iutf8" && odd != "" { // a matter of the text
		t.Errorf("stty names %q", odd)
	}
}

func TestResetLeavesWhatBelongsToTheLine(t *testing.T) {
	f := pseudoTerminal(t)
	if _, err := Set(f, disorder); err != nil {
		t.Fatal(err)
	}
	before := modes(t, f)
	Reset(int(f.Fd()))
	after := modes(t, f)
	if kept := uint32(unix.IUTF8 | unix.INPCK); after.Iflag&kept != kept {
		t.Errorf("input flags: %#o", after.Iflag)
	}
	const modem = unix.CREAD | unix.CLOCAL | unix.HUPCL
	if after.Cflag&^modem != before.Cflag&^modem || after.Cflag&modem != unix.CREAD|unix.CLOCAL {
		t.Errorf("control flags: %#o, before %#o", after.Cflag, before.Cflag)
	}
}

func TestSetPutsTheOldModesBack(t *testing.T) {
	f := pseudoTerminal(t)
	before := modes(t, f)
	restore, err := Set(f, Keys)
	if err != nil {
		t.Fatal(err)
	}
	if now := modes(t, f); now.Lflag&(unix.ICANON|unix.ECHO) != 0 || now.Cc[unix.VMIN] != 1 {
		t.Errorf("flags %#o, at least %d", now.Lflag, now.Cc[unix.VMIN])
	}
	restore()
	if after := modes(t, f); after != before {
		t.Errorf("got %v, want %v", after, before)
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Is(f) || !Is(pseudoTerminal(t)) {
		t.Error("a file is a terminal, or a terminal none")
	}
	if rows, cols := Size(f); rows != 0 || cols != 0 {
		t.Errorf("%d rows, %d columns", rows, cols)
	}
	if _, err := Set(f, Keys); err == nil {
		t.Error("its modes were set")
	}
	Reset(int(f.Fd()))
}
