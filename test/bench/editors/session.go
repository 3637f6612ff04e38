package editors

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A key belongs to the bytes that follow it until the line was silent for quiet; a
// key that draws nothing is given up after patience. What an editor draws once the
// keyboard rests, like a lazy position display, has come after rest.
const (
	quiet    = 150 * time.Millisecond
	patience = time.Second
	rest     = time.Second
)

// longest is what an editor may take to show a file of 100 MB.
const longest = time.Minute

// A session is an editor that runs on a line.
type session struct {
	*line
	editor  Editor
	cmd     *exec.Cmd
	started time.Time
	exited  chan struct{}
}

// start runs e on file, as root's shell would but with an empty home: what an editor
// remembers of the last session is not there.
func start(ctx context.Context, e Editor, file string, t Terminal, speed int) (*session, error) {
	program, err := exec.LookPath(e.Program)
	if err != nil {
		return nil, err
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	folder := filepath.Dir(file)
	home, err := os.MkdirTemp(folder, "home")
	if err != nil {
		return nil, err
	}
	l, err := openLine(t, speed)
	if err != nil {
		return nil, err
	}
	s := &session{line: l, editor: e, exited: make(chan struct{}), started: time.Now()}
	s.cmd = &exec.Cmd{
		Path: program, Args: slices.Concat([]string{filepath.Base(program)}, e.Args, []string{filepath.Base(file)}), Dir: folder,
		Env:   []string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "TERM=" + t.Name},
		Stdin: l.slave, Stdout: l.slave, Stderr: l.slave,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := s.cmd.Start(); err != nil {
		l.close()
		return nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	unhook := context.AfterFunc(ctx, func() { s.cmd.Process.Kill() })
	go func() {
		s.cmd.Wait()
		unhook()
		close(s.exited)
	}()
	return s, nil
}

// close leaves the editor without saving, and ends it if it does not obey.
func (s *session) close() {
	for _, key := range s.editor.Abandon {
		s.send(key)
		time.Sleep(40 * time.Millisecond)
	}
	if !s.ended(2 * time.Second) {
		s.cmd.Process.Kill()
		<-s.exited
	}
	s.line.close()
}

// ended waits for the editor's end.
func (s *session) ended(most time.Duration) bool {
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		select {
		case <-s.exited:
			return true
		default:
			if time.Since(begin) >= most {
				return false
			}
		}
	}
}

// send types a key without waiting for anything.
func (s *session) send(key string) {
	if final, ok := strings.CutPrefix(key, "\x1b["); ok && len(final) == 1 && s.applicationKeys() {
		key = "\x1bO" + final
	}
	s.master.WriteString(key)
}

// still waits until bytes came after the first `from` and none for the time silent,
// and counts them. It waits no longer than most for the first.
func (s *session) still(from int, silent, most time.Duration) int {
	begin := time.Now()
	for {
		n, last := s.count()
		if n > from && time.Since(last) >= silent || n == from && time.Since(begin) >= most {
			return n - from
		}
		if s.ended(0) && time.Since(last) >= quiet {
			return n - from
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// each types keys one after the other and counts the bytes that each brought until
// the line was silent.
func (s *session) each(silent time.Duration, keys ...string) (bytes []int) {
	for _, key := range keys {
		from, _ := s.count()
		s.send(key)
		bytes = append(bytes, s.still(from, silent, patience))
	}
	return bytes
}

// press is the sum of each.
func (s *session) press(silent time.Duration, keys ...string) (bytes int) {
	for _, n := range s.each(silent, keys...) {
		bytes += n
	}
	return bytes
}

// settle waits until the editor has nothing more to say.
func (s *session) settle() {
	from, _ := s.count()
	s.still(from, rest, rest)
}

// jump types keys in one go, as nobody's figure.
func (s *session) jump(keys ...string) {
	for _, key := range keys {
		s.send(key)
		time.Sleep(20 * time.Millisecond) // not a paste
	}
	s.settle()
}

// opened waits until text is on the screen and the line is silent, and returns when
// the last byte came, counted from the start.
func (s *session) opened(text string) (time.Duration, error) {
	for seen := -1; ; time.Sleep(time.Millisecond) {
		n, last := s.count()
		switch {
		case n != seen && !s.shows(text):
			seen = n
		case n != seen && time.Since(last) >= quiet:
			return last.Sub(s.started), nil
		case time.Since(s.started) > longest || s.ended(0):
			return 0, fmt.Errorf("%s does not show the file; its screen:\n%s", s.editor.Name, s.text())
		}
	}
}
