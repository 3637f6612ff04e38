package editor

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bantam/editor/screen"
	"bantam/editor/vt"
)

// A key that is held down for two seconds comes 30 times a second. When it is let go,
// the line has to send what the last of it changed and the position, and no more.
func TestTheScreenIsStillWhenAKeyIsLetGo(t *testing.T) {
	const often, pause = 60, time.Second / 30
	file, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range []string{"linux", "vt100", "xterm"} {
		t.Run(term, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				l := onSlowLine(t, term, dir, bytes.Repeat(file, 10))
				l.wait(3 * time.Second)
				for _, c := range []struct {
					name, key, position string
					lag, queue          time.Duration
				}{
					{"down", "\x1b[B", "system.toml 61:1", 30 * time.Millisecond, 60 * time.Millisecond},
					{"right", "\x1b[C", "system.toml 63:49", 20 * time.Millisecond, 60 * time.Millisecond},
					{"up", "\x1b[A", "system.toml 3:35", 60 * time.Millisecond, 110 * time.Millisecond},             // to a long line
					{"page down", "\x1b[6~", "system.toml 1203:35", 700 * time.Millisecond, 180 * time.Millisecond}, // one page
					{"page up", "\x1b[5~", "system.toml 3:35", 700 * time.Millisecond, 180 * time.Millisecond},
				} {
					l.queue = 0
					var let time.Time
					for range often {
						let = time.Now()
						l.press(c.key, pause)
					}
					l.wait(2 * time.Second)
					lag := l.last.Sub(let)
					t.Logf("%s: still after %v, at most %v queued", c.name, lag, l.queue)
					if lag > c.lag {
						t.Errorf("%s: the screen is still %v after the last key, want %v at most", c.name, lag, c.lag)
					}
					if l.queue > c.queue {
						t.Errorf("%s: the line was given bytes for %v, want %v at most", c.name, l.queue, c.queue)
					}
					l.shows(c.position)
				}
				l.end("\x11")
			})
		})
	}
}

// Whatever is typed and with whatever pauses, the terminal shows in the end what a
// full drawing does; the line was never given more than a piece of the screen and a
// long row beforehand.
func TestASlowLineShowsWhatItShould(t *testing.T) {
	file, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"\x1b[A", "\x1b[B", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "x", "#", " ", "\r", "\x7f", "\x1b[3~",
		"\x0b", "\x15", "\x1a", "\x19", "\x06uid\r", "\x1447\r", "\x1b[1;5C", "\x0c"}
	seeds := uint64(24)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		term := []string{"linux", "vt100", "xterm"}[seed%3]
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			l := onSlowLine(t, term, dir, file)
			l.wait(3 * time.Second)
			l.queue = 0
			for range 5 {
				for range 20 {
					key, pause := keys[r.IntN(len(keys))], time.Duration(r.IntN(90))*time.Millisecond
					for range 1 + r.IntN(3)*r.IntN(8) {
						l.press(key, pause)
					}
				}
				l.wait(3 * time.Second)
				l.shows("")
			}
			if most := 200 * time.Millisecond; l.queue > most {
				t.Errorf("seed %d, %s: the line was given bytes for %v, want %v at most", seed, term, l.queue, most)
			}
			l.end("\x03", "\x11", "n")
		})
	}
}

// shows compares what the terminal shows with all that it should.
func (l *slowLine) shows(position string) {
	l.test.Helper()
	v := l.m.view
	kind := screen.Terminal{Rows: v.rows, Cols: v.cols, Insert: l.t.canInsert, Lines: l.t.canLines, LineFeed: true}
	e, fresh := vt.New(v.rows, v.cols, level(kind)), vt.New(v.rows, v.cols, level(kind))
	e.Write([]byte(l.sent()))
	fresh.Write(screen.New(kind).Draw(l.m.compose(true)))
	if got, want := e.Text(), fresh.Text(); got != want || position != "" && strings.TrimSpace(e.Row(v.height())) != position {
		l.test.Errorf("the screen shows\n%s\nwant %q and\n%s", got, position, want)
	}
	row, col := e.Cursor()
	if r, c := fresh.Cursor(); row != r || col != c {
		l.test.Errorf("the cursor is at %d,%d, want %d,%d", row, col, r, c)
	}
}
