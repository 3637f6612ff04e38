package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"bantam/init/applet"
)

// call sees every simple command before the interpreter does. It diverts our
// builtins, which must win over the interpreter's, to exec, and ends killed lists.
func (sh *shell) call(ctx context.Context, args []string) ([]string, error) {
	if j := sh.listOf(interp.HandlerCtx(ctx)); j != nil && sh.isKilled(j) && args[0] != doneWord {
		return nil, syscall.ECANCELED
	}
	switch {
	case args[0] == "logout":
		args = append([]string{"exit"}, args[1:]...)
	case args[0] == "eval" && len(args) > 1:
		args = []string{"eval", sh.rewriteText(strings.Join(args[1:], " "))}
	case (args[0] == "." || args[0] == "source") && len(args) > 1:
		if path := findScript(interp.HandlerCtx(ctx), args[1]); path != "" {
			args = append([]string{args[0], scriptMark + path}, args[2:]...)
		}
	case len(args) == 1 && args[0] == "return":
		// Alone it means the status of the command before, not 0.
		args = []string{"return", strconv.Itoa(interp.HandlerCtx(ctx).LastExitStatus)}
	}
	if _, own := sh.declared.Load(args[0]); isBuiltin(args[0]) && !own {
		return append([]string{builtinMark + args[0]}, args[1:]...), nil
	}
	return args, nil
}

const builtinMark = "\x00builtin "

// exec runs what is neither a function nor one of the interpreter's builtins.
func (sh *shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if name, ok := strings.CutPrefix(args[0], builtinMark); ok {
		out := &noted{Writer: hc.Stdout}
		hc.Stdout = out
		status := builtins[name].run(sh, ctx, hc, args[1:])
		switch {
		case out.broken && sh.isPipe(out.Writer):
			// A process would have died of SIGPIPE; else while true; do echo y; done | head -n 1
			// would never end.
			return hc.Builtin(ctx, []string{"exit", strconv.Itoa(128 + int(syscall.SIGPIPE))})
		case out.broken: // some files of /sys answer so
			status = complain(hc, name, "write: %v", syscall.EPIPE)
		}
		return exitError(status)
	}
	switch args[0] {
	case jobWord:
		return sh.startList(ctx, hc, args[1])
	case doneWord:
		return sh.endList(hc, args[1])
	case execWord:
		err := sh.become(hc, args[1:])
		if status, failed := err.(interp.ExitStatus); failed && sh.history == nil {
			return hc.Builtin(ctx, []string{"exit", strconv.Itoa(int(status))}) // only a person gets the shell back
		}
		return err
	case timeWord:
		return sh.startTime(ctx, hc)
	case timedWord:
		return sh.endTime(ctx, hc, args[1] == "-p")
	case spawnWord:
		return sh.spawn(ctx, hc, args[1:])
	}
	return sh.runForeground(ctx, hc, args)
}

// noted is a writer that remembers whether its reader has gone.
type noted struct {
	io.Writer
	broken bool
}

func (n *noted) Write(p []byte) (int, error) {
	written, err := n.Writer.Write(p)
	n.broken = n.broken || errors.Is(err, syscall.EPIPE)
	return written, err
}

// isPipe tells whether a writer that broke is a pipe: the left side of |, which is
// a subshell, or in a script also a named one.
func (sh *shell) isPipe(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0 && (sh.history == nil || f.Name() == "|1")
}

// exitError is a status as the interpreter wants it.
func exitError(status int) error {
	if status == 0 {
		return nil
	}
	return interp.ExitStatus(uint8(status))
}

// listOf is the background list that a command is part of, if any.
func (sh *shell) listOf(hc interp.HandlerContext) *job {
	spec := hc.Env.Get(jobVariable).String()
	if spec == "" {
		return nil
	}
	j, err := sh.jobs.find(spec)
	if err != nil {
		return nil
	}
	return j
}

func (sh *shell) isKilled(j *job) bool {
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	return j.killed
}

// runForeground starts a command and waits until it ends or stops.
func (sh *shell) runForeground(ctx context.Context, hc interp.HandlerContext, args []string) error {
	j := sh.listOf(hc)
	if j == nil {
		j = sh.foreground.Load()
	}
	if j == nil {
		j = sh.jobs.new(args[0]) // profile and prompts run outside any job
	}
	p, copied, err := sh.start(hc, j, args)
	if err != nil {
		return startError(hc, args[0], err)
	}
	sh.jobs.wait(context.Background(), j, func() bool { return p.done || (p.stopped && j.foreground) })
	sh.jobs.Lock()
	done, status := p.done, p.status
	sh.jobs.Unlock()
	if done {
		copied()
	} else {
		sh.interrupt(errStopped)
	}
	if j.foreground && done && status.Signaled() {
		switch status.Signal() {
		case syscall.SIGINT, syscall.SIGQUIT:
			sh.interrupt(errInterrupted)
		case syscall.SIGPIPE:
		default:
			fmt.Fprintf(os.Stderr, "%s: %s: %v\n", sh.name, args[0], status.Signal())
		}
	}
	return exitError(waitCode(status))
}

// spawn starts a command in the background.
func (sh *shell) spawn(ctx context.Context, hc interp.HandlerContext, args []string) error {
	j := sh.jobs.new(strings.Join(args, " "))
	if sh.terminal == nil && hc.Stdin == io.Reader(os.Stdin) {
		hc.Stdin = nil // as POSIX wants it without job control
	}
	p, _, err := sh.start(hc, j, args)
	if err != nil {
		return startError(hc, args[0], err)
	}
	sh.jobs.add(j)
	if sh.terminal != nil {
		fmt.Fprintf(os.Stderr, "[%d] %d\n", j.id, p.pid)
	}
	return hc.Builtin(ctx, []string{"eval", fmt.Sprintf("%s=%d", lastVariable, p.pid)})
}

// startList makes the job for a list that the interpreter runs in the background.
func (sh *shell) startList(ctx context.Context, hc interp.HandlerContext, text string) error {
	j := sh.jobs.new(text)
	j.list = true
	sh.jobs.add(j)
	if sh.terminal != nil {
		fmt.Fprintf(os.Stderr, "[%d]\n", j.id)
	}
	return hc.Builtin(ctx, []string{"eval", fmt.Sprintf("%s=%%%d", lastVariable, j.id)})
}

func (sh *shell) endList(hc interp.HandlerContext, spec string) error {
	j, err := sh.jobs.find(spec)
	if err != nil {
		return nil // already forgotten
	}
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	j.listDone, j.status = true, hc.LastExitStatus
	if j.killed {
		j.status = 128 + int(syscall.SIGTERM)
	}
	j.signalChange()
	return nil
}

// become replaces the shell by a command, for exec.
func (sh *shell) become(hc interp.HandlerContext, args []string) error {
	path, err := lookPath(hc.Dir, hc.Env, args[0])
	if err != nil {
		return startError(hc, args[0], err)
	}
	files, closeOurs, _, err := childFiles(hc)
	if err != nil {
		return startError(hc, args[0], err)
	}
	defer closeOurs()
	if strings.Contains(args[0], "/") {
		path = args[0] // the $0 of a script
	}
	if sh.terminal != nil {
		sh.terminal.release()
	}
	if err := os.Chdir(hc.Dir); err != nil {
		return startError(hc, args[0], err)
	}
	// The descriptors may be each other's targets (2>&1 >file), so move them
	// out of the way first.
	var moved [3]int
	for i, fd := range files {
		if moved[i], err = dupAbove(int(fd), 10); err != nil {
			return startError(hc, args[0], err)
		}
	}
	for i, fd := range moved {
		if err := syscall.Dup3(fd, i, 0); err != nil {
			return startError(hc, args[0], err)
		}
	}
	err = syscall.Exec(path, args, exported(hc.Env))
	return startError(hc, args[0], err)
}

// startError reports why a command did not start: 127 not found, 126 not runnable.
func startError(hc interp.HandlerContext, name string, err error) error {
	if errors.Is(err, errNotFound) {
		fmt.Fprintf(hc.Stderr, "sh: %s: not found%s\n", name, suggestion(name))
		return interp.ExitStatus(127)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	fmt.Fprintf(hc.Stderr, "sh: %s: %v\n", name, err)
	return interp.ExitStatus(126)
}

var errNotFound = errors.New("not found")

// lookPath finds the executable for name: in PATH, or this binary for a command
// that it has built in, should its link be missing.
func lookPath(dir string, env expand.Environ, name string) (string, error) {
	path, err := interp.LookPathDir(dir, env, name)
	if err == nil {
		return path, nil
	}
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if info, err := os.Stat(name); err != nil {
			return "", errNotFound
		} else if info.IsDir() {
			return "", syscall.EISDIR
		}
		return "", syscall.EACCES
	}
	if applet.Has(name) {
		return "/proc/self/exe", nil
	}
	return "", errNotFound
}

// exported is the environment for a child.
func exported(env expand.Environ) []string {
	values := map[string]string{}
	var names []string
	env.Each(func(name string, value expand.Variable) bool {
		if !value.IsSet() || !value.Exported || value.Kind != expand.String {
			delete(values, name)
			return true
		}
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value.Str
		return true
	})
	list := make([]string, 0, len(names))
	for _, name := range names {
		if value, ok := values[name]; ok {
			list = append(list, name+"="+value)
			delete(values, name)
		}
	}
	return list
}

// openFile opens redirections. /proc/self/fd/N stands for >&N, see rewrite.
func (sh *shell) openFile(ctx context.Context, path string, flag int, perm os.FileMode) (io.ReadWriteCloser, error) {
	hc := interp.HandlerCtx(ctx)
	if script, ok := strings.CutPrefix(path, scriptMark); ok {
		text, err := os.ReadFile(script)
		if err != nil {
			return nil, err
		}
		return readOnly{strings.NewReader(sh.rewriteText(string(text)))}, nil
	}
	if fd, ok := strings.CutPrefix(path, descriptorFolder); ok {
		switch fd {
		case "0":
		case "1":
			return keepOpen{hc.Stdout}, nil
		case "2":
			return keepOpen{hc.Stderr}, nil
		default:
			// A socket cannot be opened through /proc, a copy always works.
			var number int
			if _, err := fmt.Sscanf(fd, "%d", &number); err != nil {
				return nil, &os.PathError{Op: "open", Path: ">&" + fd, Err: syscall.EBADF}
			}
			copied, err := dupAbove(number, 10)
			if err != nil {
				return nil, &os.PathError{Op: "open", Path: ">&" + fd, Err: err}
			}
			return os.NewFile(uintptr(copied), path), nil
		}
	}
	if path != "" && !filepath.IsAbs(path) {
		path = filepath.Join(hc.Dir, path)
	}
	return os.OpenFile(path, flag, perm)
}

// scriptMark before the path of a script tells openFile that the . command reads it.
const scriptMark = "/.//"

// findScript is the absolute path of the file that the . command means, "" when
// there is none.
func findScript(hc interp.HandlerContext, name string) string {
	folders := []string{hc.Dir}
	if !strings.Contains(name, "/") {
		folders = append(filepath.SplitList(hc.Env.Get("PATH").String()), hc.Dir)
	}
	for _, folder := range folders {
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(folder, name)
		}
		if info, err := os.Stat(path); err == nil && !info.IsDir() && filepath.IsAbs(path) {
			return path
		}
	}
	return ""
}

type readOnly struct{ io.Reader }

func (readOnly) Write([]byte) (int, error) { return 0, syscall.EBADF }
func (readOnly) Close() error              { return nil }

// keepOpen lends a writer that the redirection must not close.
type keepOpen struct{ io.Writer }

func (keepOpen) Read([]byte) (int, error) { return 0, io.EOF }
func (keepOpen) Close() error             { return nil }
