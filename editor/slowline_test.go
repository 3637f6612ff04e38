package editor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bantam/editor/language"
)

// slowLine is a session at the end of a line of 9600 baud, in time that stands
// still while anybody works.
type slowLine struct {
	*session
	test  *testing.T
	ended chan error
	file  *os.File // all that was sent
	seen  int64    // bytes of it
	last  time.Time
	queue time.Duration // the longest that the line had still to send
}

const wire = 960 // bytes a second

// onSlowLine edits a file with that content. It is called in a bubble of synctest.
func onSlowLine(t *testing.T, term, dir string, content []byte) *slowLine {
	path := filepath.Join(dir, "system.toml")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "line"))
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Recovery: filepath.Join(dir, "recovery"), CheckerFor: func(string) language.Checker { return tester{} }}
	d, err := opt.open(Target{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	line := &terminal{out: out, slow: true, rate: wire, lineFeed: true, input: make(chan []byte, 64)}
	line.level(term)
	l := &slowLine{session: newSession(newModel([]*document{d}, opt), line), test: t, ended: make(chan error, 1), file: out}
	go func() { l.ended <- l.run([]Target{{Path: path}}) }()
	return l
}

// press types a key and lets time go by.
func (l *slowLine) press(key string, wait time.Duration) {
	l.t.input <- []byte(key)
	l.wait(wait)
}

// wait watches the line meanwhile.
func (l *slowLine) wait(d time.Duration) {
	for range d / time.Millisecond {
		synctest.Wait()
		info, err := l.file.Stat()
		if err != nil {
			l.test.Fatal(err)
		}
		if n := info.Size() - l.seen; n > 0 {
			now := time.Now()
			if l.last.Before(now) {
				l.last = now
			}
			l.last = l.last.Add(time.Duration(n) * time.Second / wire)
			l.seen, l.queue = info.Size(), max(l.queue, l.last.Sub(now))
		}
		time.Sleep(time.Millisecond)
	}
}

// end leaves with these keys.
func (l *slowLine) end(keys ...string) {
	for _, key := range keys {
		l.press(key, 150*time.Millisecond)
	}
	if err := <-l.ended; err != nil {
		l.test.Fatal(err)
	}
	l.leave()
	l.file.Close()
}

// sent is all that the terminal got. One whose size is known is not asked for it.
func (l *slowLine) sent() string {
	sent, err := os.ReadFile(l.file.Name())
	if err != nil {
		l.test.Fatal(err)
	}
	return strings.TrimPrefix(string(sent), "\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8\x1b[c")
}
