package tty

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNothing is what Hidden gives when nobody has ended the line.
var ErrNothing = errors.New("nothing was typed")

// Hidden reads one line that the terminal does not show, e.g. a password, without its end. A signal ends it as well, for ^C must not leave the terminal
// without echo.
func Hidden(in *os.File, out io.Writer, prompt string) (string, error) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(interrupted)
	restore, err := Set(in, func(t *unix.Termios) { t.Lflag &^= unix.ECHO })
	if err != nil {
		return "", err
	}
	defer restore()
	fmt.Fprint(out, prompt) // who sees that may type
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		buf := make([]byte, 4096) // the longest line that a terminal gives
		n, err := in.Read(buf)
		typed <- line{buf[:n], err}
	}()
	select {
	case l := <-typed:
		fmt.Fprintln(out)
		if l.err != nil && l.err != io.EOF {
			return "", l.err
		}
		text, whole := strings.CutSuffix(string(l.text), "\n")
		if !whole {
			return "", ErrNothing
		}
		return text, nil
	case <-interrupted:
		fmt.Fprintln(out)
		return "", ErrNothing
	}
}
