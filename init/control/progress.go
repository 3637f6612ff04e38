package control

import (
	"fmt"
	"io"
	"os"
	"time"

	"bantam/editor/screen"
	"bantam/tty"
)

// progressPause is between two lines of progress: at 9600 baud each takes a twentieth of it.
const progressPause = time.Second

// progress is one line on a terminal that is written again and again. It is silent where there is none.
type progress struct {
	out   *os.File // nil: nobody looks
	shown time.Time
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok || !tty.Is(f) {
		return &progress{}
	}
	return &progress{out: f}
}

const clearLine = "\r\x1b[K"

// show says how far things are, unless it has just said so.
func (p *progress) show(format string, args ...any) {
	if p.out == nil || time.Since(p.shown) < progressPause {
		return
	}
	p.shown = time.Now()
	_, cols := tty.Size(p.out)
	text := visible(fmt.Sprintf(format, args...))
	end, _ := screen.Skip([]byte(text), 0, max(20, cols-1)) // a line that wraps could not be written again
	fmt.Fprint(p.out, clearLine+text[:end])
}

// clear takes the line away. It is called before anything else is printed.
func (p *progress) clear() {
	if p.out != nil && !p.shown.IsZero() {
		fmt.Fprint(p.out, clearLine)
	}
}
