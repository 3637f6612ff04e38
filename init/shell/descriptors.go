package shell

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// file is an open file of one or more descriptors in one or more environments. The
// last one closes it.
type file struct {
	*os.File
	uses atomic.Int32
}

func newFile(f *os.File) *file {
	shared := &file{File: f}
	shared.uses.Store(1)
	return shared
}

func (f *file) retain() *file {
	f.uses.Add(1)
	return f
}

func (f *file) release() {
	if f.uses.Add(-1) == 0 {
		f.Close()
	}
}

func cloneFiles(files map[int]*file) map[int]*file {
	for _, f := range files {
		f.retain()
	}
	return maps.Clone(files)
}

func releaseFiles(files map[int]*file) {
	for _, f := range files {
		f.release()
	}
}

// replace makes f, which may be nil, the file of a descriptor.
func (e *env) replace(n int, f *file) {
	if old := e.fds[n]; old != nil {
		old.release()
	}
	if f == nil {
		delete(e.fds, n)
	} else {
		e.fds[n] = f
	}
}

// inherit takes over the descriptors that the process was started with.
func (e *env) inherit(stdin *os.File) {
	for n, f := range []*os.File{stdin, os.Stdout, os.Stderr} {
		if _, err := unix.FcntlInt(uintptr(fdOf(f)), unix.F_GETFD, 0); err == nil {
			e.fds[n] = newFile(f).retain() // the process keeps it
		}
	}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		n, err := strconv.Atoi(entry.Name())
		if err != nil || n < 3 {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(n), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue // ours
		}
		// From now on commands get it from the table, or not at all.
		unix.CloseOnExec(n)
		e.fds[n] = newFile(os.NewFile(uintptr(n), "fd"+entry.Name()))
	}
}

// redirect changes descriptors as a command wants it. restore undoes that, for these
// descriptors alone: what exec does to others meanwhile stays. keep makes it last.
func (e *env) redirect(redirs []*syntax.Redirect) (restore, keep func(), err error) {
	if len(redirs) == 0 {
		return func() {}, func() {}, nil
	}
	before := map[int]*file{}
	save := func(n int) {
		if _, done := before[n]; done {
			return
		}
		before[n] = e.fds[n]
		if before[n] != nil {
			before[n].retain()
		}
	}
	restore = func() {
		for n, f := range before {
			e.replace(n, f)
		}
	}
	for _, r := range redirs {
		n, err := descriptorOf(r)
		if err == nil {
			save(n)
			if r.Op == syntax.RdrAll || r.Op == syntax.AppAll || r.Op == syntax.DplOut && r.N == nil {
				save(2)
			}
			err = e.redirectOne(r, n)
		}
		if err != nil {
			restore()
			return nil, nil, err
		}
	}
	keep = func() {
		for _, f := range before {
			if f != nil {
				f.release()
			}
		}
	}
	return restore, keep, nil
}

// descriptorOf is the descriptor that a redirection changes.
func descriptorOf(r *syntax.Redirect) (int, error) {
	if r.N != nil {
		n, err := strconv.Atoi(r.N.Value)
		if err != nil || n > 1023 {
			return 0, fmt.Errorf("%s: bad descriptor", r.N.Value)
		}
		return n, nil
	}
	switch r.Op {
	case syntax.RdrIn, syntax.RdrInOut, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
		return 0, nil
	}
	return 1, nil
}

func (e *env) redirectOne(r *syntax.Redirect, n int) error {
	switch r.Op {
	case syntax.Hdoc, syntax.DashHdoc:
		text, err := e.hereDocument(r)
		if err != nil {
			return err
		}
		return e.feed(n, text)
	}
	target, err := e.literal(r.Word)
	if err != nil {
		return err
	}
	switch r.Op {
	case syntax.WordHdoc:
		return e.feed(n, target+"\n")
	case syntax.DplIn, syntax.DplOut:
		return e.duplicate(n, target, r)
	}
	flags := 0
	switch r.Op {
	case syntax.RdrIn:
		flags = os.O_RDONLY
	case syntax.RdrInOut:
		flags = os.O_RDWR | os.O_CREATE
	case syntax.RdrOut, syntax.RdrAll, syntax.RdrClob:
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	case syntax.AppOut, syntax.AppAll:
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	default:
		return fmt.Errorf("%s: unknown redirection", r.Op)
	}
	f, err := e.open(target, flags, r.Op == syntax.RdrOut && e.opts[noclobber])
	if err != nil {
		return err
	}
	e.replace(n, f)
	if r.Op == syntax.RdrAll || r.Op == syntax.AppAll {
		e.replace(2, f.retain())
	}
	return nil
}

// duplicate makes n a copy of the descriptor that target names, or closes it.
func (e *env) duplicate(n int, target string, r *syntax.Redirect) error {
	if target == "-" {
		e.replace(n, nil)
		return nil
	}
	from, err := strconv.Atoi(target)
	if err != nil {
		if r.N == nil && r.Op == syntax.DplOut { // >&FILE is an old way to write &>FILE
			f, err := e.open(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, false)
			if err != nil {
				return err
			}
			e.replace(1, f)
			e.replace(2, f.retain())
			return nil
		}
		return fmt.Errorf("%s: bad descriptor", target)
	}
	f := e.fds[from]
	if f == nil {
		return fmt.Errorf("%d: bad descriptor", from)
	}
	if from != n {
		e.replace(n, f.retain())
	}
	return nil
}

// open opens a file as a redirection does. keep refuses to empty a file that is there.
func (e *env) open(name string, flags int, keep bool) (*file, error) {
	if n, ok := descriptorName(name); ok {
		if f := e.fds[n]; f != nil {
			return f.retain(), nil // also a socket, which /proc cannot open
		}
	}
	path := e.path(name)
	if keep {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s: is there already; >| overwrites it", name)
		}
	}
	var f *os.File
	var err error
	if path == "" {
		err = unix.ENOENT
	} else if flags&os.O_CREATE != 0 {
		// A FIFO waits here for its reader, and must not keep others from their mask.
		if f, err = os.OpenFile(path, flags&^os.O_CREATE, 0); errors.Is(err, fs.ErrNotExist) {
			e.withMask(func() { f, err = os.OpenFile(path, flags, 0o666) })
		}
	} else {
		f, err = os.OpenFile(path, flags, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errnoOf(err))
	}
	return newFile(f), nil
}

// descriptorName knows the names of a process's own descriptors.
func descriptorName(name string) (n int, ok bool) {
	switch name {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, folder := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if digits, ok := strings.CutPrefix(name, folder); ok {
			n, err := strconv.Atoi(digits)
			return n, err == nil
		}
	}
	return 0, false
}

// feed makes text the input of a descriptor.
func (e *env) feed(n int, text string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	if len(text) <= 4096 { // which every pipe holds
		io.WriteString(w, text)
		w.Close()
	} else {
		go func() {
			io.WriteString(w, text)
			w.Close()
		}()
	}
	e.replace(n, newFile(r))
	return nil
}

// hereDocument is the text of << and <<-.
func (e *env) hereDocument(r *syntax.Redirect) (string, error) {
	if r.Hdoc == nil {
		return "", nil
	}
	parts := r.Hdoc.Parts
	if r.Op == syntax.DashHdoc {
		parts = withoutTabs(parts)
	}
	if isQuoted(r.Word) {
		var text strings.Builder
		for _, part := range parts {
			if lit, ok := part.(*syntax.Lit); ok {
				text.WriteString(written(lit.Value))
			}
		}
		return text.String(), nil
	}
	x := expansion{env: e}
	x.parts(parts, inDocument)
	return joined(x.out), x.err
}

// withoutTabs drops the tabs that lines begin with.
func withoutTabs(parts []syntax.WordPart) []syntax.WordPart {
	var out []syntax.WordPart
	begin := true
	for _, part := range parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			out = append(out, part)
			begin = false
			continue
		}
		var text strings.Builder
		for line := range strings.Lines(lit.Value) {
			if begin {
				line = strings.TrimLeft(line, "\t")
			}
			text.WriteString(line)
			begin = strings.HasSuffix(line, "\n")
		}
		out = append(out, &syntax.Lit{Value: text.String()})
	}
	return out
}

func isQuoted(word *syntax.Word) bool {
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			return true
		case *syntax.Lit:
			if strings.Contains(part.Value, `\`) {
				return true
			}
		}
	}
	return false
}

// errnoOf is the bare cause of a failed call: messages name the file themselves.
func errnoOf(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// fdOf is a file's descriptor. Unlike Fd it leaves a file that can be polled so.
func fdOf(f *os.File) int {
	fd := -1
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(number uintptr) { fd = int(number) })
	}
	return fd
}
