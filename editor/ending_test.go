package editor

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/editor/language"
	"bantam/tty/ttytest"
)

// pty is a pseudo-terminal: the person's end and the editor's.
func pty(t *testing.T) (person, line *os.File) {
	t.Helper()
	person, line = ttytest.Open(t)
	_ = unix.IoctlSetWinsize(int(line.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	t.Setenv("TERM", "xterm")
	return person, line
}

// edited runs Edit on a terminal of its own; do is what the person does.
func edited(t *testing.T, targets []Target, opt Options, do func(person *os.File, seen func(string))) error {
	t.Helper()
	person, line := pty(t)
	screen := make(chan string, 1024)
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := person.Read(b)
			if err != nil {
				return
			}
			select {
			case screen <- string(b[:n]):
			default:
			}
		}
	}()
	end := make(chan error, 1)
	go func() {
		defer func() {
			if fault := recover(); fault != nil {
				end <- fmt.Errorf("panic: %v", fault)
			}
		}()
		_, err := Edit(targets, line, line, opt)
		end <- err
	}()
	all := ""
	do(person, func(what string) {
		t.Helper()
		late := time.After(time.Minute)
		for !strings.Contains(all, what) {
			select {
			case s := <-screen:
				all += s
			case <-late:
				t.Fatalf("%q is not seen in %q", what, all)
			}
		}
		all = ""
	})
	select {
	case err := <-end:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the editor does not end")
		return nil
	}
}

func fileOf(t *testing.T, text string) (path string, opt Options) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, Options{Recovery: filepath.Join(filepath.Dir(path), "recovery")}
}

func TestASignalKeepsWhatIsNotSaved(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		path, opt := fileOf(t, "one\n")
		err := edited(t, []Target{{Path: path}}, opt, func(person *os.File, seen func(string)) {
			seen("one")
			person.WriteString("unsaved ")
			seen("unsaved")
			syscall.Kill(os.Getpid(), sig)
		})
		if err == nil || !strings.Contains(err.Error(), "are kept") {
			t.Errorf("%v ends with %v", sig, err)
		}
		m := reopened(t, path)
		if m.press("r"); m.shown() != "|unsaved one\n" {
			t.Errorf("after %v it is %q", sig, m.shown())
		}
	}
}

// broken is a Checker with an error of ours in it.
type broken struct{ tester }

func (broken) Check([]byte) []language.Fault { panic("an error of ours") }

func TestACheckerThatPanicsIsDoneWithout(t *testing.T) {
	path, opt := fileOf(t, "one\n")
	opt.CheckerFor = func(string) language.Checker { return broken{} }
	err := edited(t, []Target{{Path: path}}, opt, func(person *os.File, seen func(string)) {
		seen("error of ours")
		person.WriteString("saved \x0f\r")
		seen("Saved")
		person.WriteString("\x18")
	})
	if got := content(t, path); err != nil || got != "saved one\n" {
		t.Errorf("%v, the file is %q", err, got)
	}
}

func TestAnErrorOfOursKeepsWhatIsNotSaved(t *testing.T) {
	path, opt := fileOf(t, "one\n")
	opt.CheckerFor = func(string) language.Checker { return explodes{} }
	err := edited(t, []Target{{Path: path}}, opt, func(person *os.File, seen func(string)) {
		seen("one")
		person.WriteString("unsaved ")
		seen("unsaved")
		person.WriteString("\x1d")
		seen("\x1b[?2004l") // the terminal is as it was
	})
	if err == nil || !strings.Contains(err.Error(), "panic: internal error") {
		t.Errorf("it ends with %v", err)
	}
	m := reopened(t, path)
	if m.press("r"); m.shown() != "|unsaved one\n" {
		t.Errorf("it is %q", m.shown())
	}
}

type explodes struct{ tester }

func (explodes) Explain([]byte, int) string { panic("an error of ours") }

// A paste whose end was lost on the line must not take every key for text.
func TestAPasteWithoutItsEndEnds(t *testing.T) {
	path, opt := fileOf(t, "one\n")
	err := edited(t, []Target{{Path: path}}, opt, func(person *os.File, seen func(string)) {
		seen("one")
		person.WriteString("\x1b[200~pasted ")
		seen("pasted")
		time.Sleep(pasteEnds + 500*time.Millisecond)
		person.WriteString("\x0f\r")
		seen("Saved")
		person.WriteString("\x18")
	})
	if got := content(t, path); err != nil || got != "pasted one\n" {
		t.Errorf("%v, the file is %q", err, got)
	}
}

func TestKeysBehindTheLastOneChangeNothing(t *testing.T) {
	path, opt := fileOf(t, "one\n")
	err := edited(t, []Target{{Path: path}}, opt, func(person *os.File, seen func(string)) {
		seen("one")
		person.WriteString("x\x18n\x0f\x18n")
	})
	if got := content(t, path); err != nil || got != "one\n" {
		t.Errorf("%v, the file is %q", err, got)
	}
}

func TestNothingGoesOnAfterTheEnd(t *testing.T) {
	path, opt := fileOf(t, strings.Repeat("0123456789\n", 200_000)) // larger than what is read at once
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for range 3 {
		r, w := io.Pipe()
		written := make(chan struct{})
		go func() {
			defer close(written)
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}()
		err := edited(t, []Target{{Path: "(pipe)", Pipe: r}, {Path: path}}, opt, func(person *os.File, seen func(string)) {
			seen("of 2")
			person.WriteString("\x18\x18")
		})
		r.Close()
		<-written
		if err != nil {
			t.Error(err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > goroutines+6 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	// The terminals of the three sessions are still open, and read.
	if n := runtime.NumGoroutine(); n > goroutines+6 {
		b := make([]byte, 64<<10)
		t.Errorf("%d goroutines, %d before:\n%s", n, goroutines, b[:runtime.Stack(b, true)])
	}
	if n := openFiles(t); n > files+7 {
		t.Errorf("%d open files, %d before", n, files)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
