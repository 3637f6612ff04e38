package editor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The typical edit of test/bench/editors over a line of 9600 baud, in time that stands still while anybody works: what
// is sent depends on the pauses of the person, and on a busy host a real person's would be longer.
func TestBytesOfTheTypicalEdit(t *testing.T) {
	original, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		term string
		most int
	}{{"linux", 1200}, {"vt100", 1230}} {
		t.Run(c.term, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				l := onSlowLine(t, c.term, dir, original)
				press := func(keys ...string) {
					for _, key := range keys {
						l.press(key, 150*time.Millisecond)
					}
				}
				l.wait(2 * time.Second)
				press("\x06")
				press(strings.Split("exporter", "")...)
				press("\r")
				l.wait(time.Second)
				press("\x05")
				press(strings.Split("  # of our own making", "")...)
				l.wait(time.Second)
				l.end("\x13", "\x11")
				n := len(l.sent())
				if l.t.marksPastes {
					n += len("\x1b[?2004h" + "\x1b[?2004l")
				}
				t.Logf("%d bytes", n)
				if n > c.most {
					t.Errorf("%d bytes, at most %d wanted: %q", n, c.most, l.sent())
				}
				path := filepath.Join(dir, "system.toml")
				if saved, err := os.ReadFile(path); err != nil || !bytes.Contains(saved, []byte("exporter\",  # of our own making\n")) {
					t.Errorf("the edit is not in the file: %v", err)
				}
			})
		})
	}
}
