package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/tty/ttytest"
)

func TestConsoleRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		errors string
	}{
		{"two lines", []string{"ttyS0", "ttyS1"}, exitUsage, "want one TTY, got 2 arguments"},
		{"no speed", []string{"ttyS0", "--baud", "0"}, exitUsage, "--baud 0: want 50 to 20000000, mostly 115200"},
		{"a rest before", []string{"ttyS0", "--rest", "-1s"}, exitUsage, "--rest -1s"},
		{"a list that is none", []string{"--json", "ttyS0"}, exitUsage, "--json is for the list, which there is without TTY"},
		{"nobody at a terminal", []string{"ttyS0"}, exitFault, "it is for a person at a terminal, and standard input is none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bantam("", append([]string{"console"}, test.args...)...).expect(t, test.code, "", test.errors)
		})
	}
}

func TestConsoleNamesALineThatIsNotThere(t *testing.T) {
	d := talk(t, "console", "nonexistent")
	if code := d.ends(); code != exitFault || !strings.Contains(d.said.String(), "open /dev/nonexistent: no such file or directory") {
		t.Errorf("exit status %d: %q", code, d.said.String())
	}
}

// However a session ends, the terminal is afterwards as it was.
func TestConsoleLeavesItsTerminalAsItWas(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(d *dialogue, device *os.File)
		code int
		said string
	}{
		{"left", func(d *dialogue, _ *os.File) { d.types("~.") }, exitOK, "[left]"},
		{"unplugged", func(_ *dialogue, device *os.File) { device.Close() }, exitFault, ": it is gone: was it unplugged?"},
		{"asked to end", func(d *dialogue, _ *os.File) { d.signal(syscall.SIGTERM) }, exitFault, "bantam console: interrupted"},
		{"its terminal hangs up", func(d *dialogue, _ *os.File) { d.signal(syscall.SIGHUP) }, exitFault, "bantam console: interrupted"},
		{"interrupted from elsewhere", func(d *dialogue, _ *os.File) { d.signal(syscall.SIGINT) }, exitFault, "bantam console: interrupted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			device, line := ttytest.Open(t)
			log := filepath.Join(t.TempDir(), "log")
			d := talk(t, "console", "--baud", "9600", "--log", log, line.Name())
			d.until("~? helps.\r\n")
			if _, err := device.WriteString("login: "); err != nil {
				t.Fatal(err)
			}
			d.until("login: ")
			d.types("root\x03\r")
			got := make([]byte, 6)
			if _, err := io.ReadFull(device, got); err != nil || string(got) != "root\x03\r" {
				t.Errorf("the device got %q, %v", got, err)
			}
			if now := d.modes(); now.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 {
				t.Errorf("the terminal's modes are %#o", now.Lflag)
			}
			test.end(d, device)
			if code := d.ends(); code != test.code || !strings.Contains(d.said.String(), test.said) {
				t.Errorf("exit status %d, want %d; it said %q", code, test.code, d.said.String())
			}
			if after := d.modes(); after != d.before {
				t.Errorf("modes %+v, before %+v", after, d.before)
			}
			if kept, err := os.ReadFile(log); err != nil || string(kept) != "login: " {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
}
