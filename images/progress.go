package images

import (
	"fmt"
	"io"
	"os"
	"strings"

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

// TerminalProgress shows the newest step on one line of w that is rewritten, and only
// if w is a terminal. Call done before anything else is printed: it clears the line.
func TerminalProgress(w io.Writer) (progress Progress, done func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
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

// oneLine makes a message fit on a line of the terminal, as a wrapped one could not be rewritten.
func oneLine(message string, width int) string {
	runes := []rune(strings.Join(strings.Fields(message), " "))
	if len(runes) > width {
		runes = append(runes[:width-3], []rune("...")...)
	}
	return string(runes)
}
