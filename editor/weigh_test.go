package editor

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"testing/synctest"

	"bantam/editor/keys"
	"bantam/editor/screen"
	"bantam/editor/text"
)

// jumps are keys that go to and fro in a text, and edit it.
func jumps(t *testing.T) (all []keys.Key) {
	r := rand.New(rand.NewPCG(1, 2))
	write := func(s string) {
		for _, k := range s {
			all = append(all, keys.Key{Code: keys.Text, Text: []byte(string(k))})
		}
	}
	for range 12 {
		all = append(all, keys.Key{Code: keys.Ctrl, Rune: 'F'})
		write([]string{"exporter", "uid", "net", "service", "on_change", "#"}[r.IntN(6)])
		all = append(all, keys.Key{Code: keys.Enter})
		for range r.IntN(4) {
			all = append(all, keys.Key{Code: motions[r.IntN(len(motions))]})
		}
		write("x")
	}
	return all
}

// sent is what goes to a slow terminal for keys, and the most work that one took.
func sent(t *testing.T, kind screen.Terminal, all []keys.Key) (out []byte, work int) {
	file, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		t.Error(err)
	}
	m := newModel([]*document{newDocument("system.toml", text.Memory(bytes.Repeat(file, 4)))}, Options{})
	m.view.rows, m.view.cols = kind.Rows, kind.Cols
	to := screen.New(kind)
	for _, k := range all {
		m.key(k)
		for m.busy != nil {
			m.work()
		}
		before := to.Work()
		out = append(out, m.draw(to, true, false)...)
		work = max(work, to.Work()-before)
	}
	return out, work
}

// On a slow line a jump ends where the screen changes least. That is sought as long
// on a host that is busy, and in time that stands still, as on one that is not.
func TestTheSameKeysSendTheSameBytesOnEveryHost(t *testing.T) {
	all := jumps(t)
	for _, c := range []struct {
		kind  screen.Terminal
		limit bool // what may be spent on the search is
	}{
		{screen.Terminal{Rows: 24, Cols: 80, Insert: true, Lines: true, LineFeed: true}, false},
		{screen.Terminal{Rows: 24, Cols: 80, LineFeed: true}, false},
		{screen.Terminal{Rows: 120, Cols: 300, Insert: true, Lines: true, LineFeed: true}, true},
	} {
		want, work := sent(t, c.kind, all)
		t.Logf("%d rows: %d bytes, at most %d cells looked at", c.kind.Rows, len(want), work)
		if c.limit != (work > weighWork) {
			t.Errorf("%d rows: %d cells were looked at, the limit is %d", c.kind.Rows, work, weighWork)
		}
		synctest.Test(t, func(t *testing.T) {
			if got, _ := sent(t, c.kind, all); !bytes.Equal(got, want) {
				t.Errorf("%d rows: %d bytes where time stands still, %d else", c.kind.Rows, len(got), len(want))
			}
		})
		stop := make(chan struct{})
		for range 8 * runtime.GOMAXPROCS(0) { // that many for each processor
			go func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
				}
			}()
		}
		got, _ := sent(t, c.kind, all)
		close(stop)
		if !bytes.Equal(got, want) {
			t.Errorf("%d rows: %d bytes on a busy host, %d else", c.kind.Rows, len(got), len(want))
		}
	}
}
