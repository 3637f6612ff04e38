package editor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bantam/editor/language"
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
			path := filepath.Join(dir, "system.toml")
			if err := os.WriteFile(path, original, 0o644); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				out, err := os.Create(filepath.Join(dir, "line"))
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				opt := Options{Recovery: filepath.Join(dir, "recovery"), CheckerFor: func(string) language.Checker { return tester{} }}
				d, err := opt.open(Target{Path: path})
				if err != nil {
					t.Fatal(err)
				}
				line := &terminal{out: out, slow: true, rate: 960, lineFeed: true, input: make(chan []byte, 64)}
				line.level(c.term)
				s := newSession(newModel([]*document{d}, opt), line)
				ended := make(chan error, 1)
				go func() { ended <- s.run([]Target{{Path: path}}) }()
				press := func(keys ...string) {
					for _, key := range keys {
						line.input <- []byte(key)
						time.Sleep(150 * time.Millisecond)
					}
				}
				time.Sleep(2 * time.Second)
				press("\x06")
				press(strings.Split("exporter", "")...)
				press("\r")
				time.Sleep(time.Second)
				press("\x05")
				press(strings.Split("  # of our own making", "")...)
				time.Sleep(time.Second)
				press("\x13", "\x11")
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				s.leave()
				sent, err := os.ReadFile(out.Name())
				if err != nil {
					t.Fatal(err)
				}
				sent = bytes.TrimPrefix(sent, []byte("\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8\x1b[c")) // a terminal whose size is known is not asked
				n := len(sent)
				if line.marksPastes {
					n += len("\x1b[?2004h" + "\x1b[?2004l")
				}
				if n > c.most {
					t.Errorf("%d bytes, at most %d wanted: %q", n, c.most, sent)
				}
				if saved, err := os.ReadFile(path); err != nil || !bytes.Contains(saved, []byte("exporter\",  # of our own making\n")) {
					t.Errorf("the edit is not in the file: %v", err)
				}
			})
		})
	}
}
