package images

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Progress is told what is being done; nil tells nobody.
type Progress func(message string)

// Step says what begins now.
func (p Progress) Step(format string, args ...any) {
	if p != nil {
		p(fmt.Sprintf(format, args...))
	}
}

// shortWork is how long work may last without a word where nobody may be looking: in a log of CI minutes of silence are taken for
// a machine that hangs, and a line for each step of a second are noise.
const shortWork = 5 * time.Second

// TerminalProgress shows the newest step on one line of w that is rewritten, if w is a terminal. Into a pipe or a file it writes a
// line for each step, once the work has turned out to be long. Call done before anything else is printed: it clears the line.
func TerminalProgress(w io.Writer) (progress Progress, done func()) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, func() {}
	}
	if !term.IsTerminal(int(f.Fd())) {
		return lineProgress(w, shortWork)
	}
	const clear = "\r\x1b[K"
	return func(message string) {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width < 20 {
			width = 80
		}
		fmt.Fprint(f, clear+oneLine(message, width-1))
	}, func() { fmt.Fprint(f, clear) }
}

// lineProgress writes steps as lines: the one that is under way when the work has lasted for so long, and those that follow.
func lineProgress(w io.Writer, quiet time.Duration) (progress Progress, done func()) {
	var mu sync.Mutex
	var step string // not yet written
	long, over := false, false
	say := func() {
		if long && !over && step != "" {
			fmt.Fprintln(w, strings.Join(strings.Fields(step), " "))
			step = ""
		}
	}
	timer := time.AfterFunc(quiet, func() {
		mu.Lock()
		defer mu.Unlock()
		long = true
		say()
	})
	return func(message string) {
			mu.Lock()
			defer mu.Unlock()
			step = message
			say()
		}, func() {
			timer.Stop()
			mu.Lock()
			defer mu.Unlock()
			over = true
		}
}

// oneLine makes a message fit on a line of the terminal, as a wrapped one could not be rewritten.
func oneLine(message string, width int) string {
	runes := []rune(strings.Join(strings.Fields(message), " "))
	if len(runes) > width {
		runes = append(runes[:width-3], []rune("...")...)
	}
	return string(runes)
}
