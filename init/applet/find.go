package applet

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bantam/init/filetree"
)

// find knows: -name -iname -path -type -size -mtime -mmin -newer -empty -user
// -perm -maxdepth -mindepth -xdev -print -print0 -delete -prune -quit -exec ; and +, -execdir ;
// ! -a -o and parentheses.
func find(c *call, args []string) int {
	f := &finder{c: c, now: time.Now(), maxDepth: -1}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:] // the end of -H, -L and their like, which we have not
	}
	i := 0
	for i < len(args) && !strings.HasPrefix(args[i], "-") && args[i] != "(" && args[i] != "!" {
		i++
	}
	roots := args[:i]
	if len(roots) == 0 {
		roots = []string{"."}
	}
	f.args = args[i:]
	test, err := f.either()
	if err == nil && len(f.args) > 0 {
		err = fmt.Errorf("unexpected %s", f.args[0])
	}
	if err != nil {
		return c.misuse("%v", err)
	}
	if !f.acts {
		inner := test
		test = func(e *found) bool {
			if inner(e) {
				c.printf("%s\n", c.shown(e.path))
			}
			return true
		}
	}
	w := f.walk(test)
	for _, root := range roots {
		w.Walk(root)
		if f.quit {
			break
		}
	}
	for _, batch := range f.batches {
		batch.flush(c)
	}
	return c.status
}

// found is a file that the tests look at.
type found struct {
	*filetree.Entry
	path  string
	info  *filetree.Info
	prune bool
}

type finder struct {
	c          *call
	args       []string
	now        time.Time
	maxDepth   int
	minDepth   int
	oneDevice  bool
	device     uint64
	depthFirst bool
	acts       bool
	quit       bool
	batches    []*batch
}

type condition func(*found) bool

func (f *finder) walk(test condition) *filetree.Walk {
	w := &filetree.Walk{}
	use := func(e *filetree.Entry) *found {
		it := &found{Entry: e, path: e.Path(), info: e.Info}
		if e.Depth >= f.minDepth && !f.quit {
			test(it)
		}
		if f.quit {
			w.Stop()
		}
		return it
	}
	w.Enter = func(e *filetree.Entry) bool {
		if e.Depth == 0 {
			f.device = e.Info.ID().Device
		}
		f.c.show()
		prune := !f.depthFirst && use(e).prune
		return !prune && (f.maxDepth < 0 || e.Depth < f.maxDepth) && !(f.oneDevice && e.Info.ID().Device != f.device)
	}
	w.Leave = func(e *filetree.Entry) {
		if f.depthFirst {
			use(e)
		}
	}
	w.Fail = func(e *filetree.Entry, err error) {
		if e.Depth == 0 || !errors.Is(err, fs.ErrNotExist) { // gone meanwhile, as in /proc
			f.c.failEntry(e, err)
		}
	}
	return w
}

func (f *finder) next() (string, error) {
	if len(f.args) == 0 {
		return "", errors.New("an argument is missing")
	}
	arg := f.args[0]
	f.args = f.args[1:]
	return arg, nil
}

func (f *finder) either() (condition, error) {
	left, err := f.both()
	for err == nil && len(f.args) > 0 && (f.args[0] == "-o" || f.args[0] == "-or") {
		f.args = f.args[1:]
		var right condition
		if right, err = f.both(); err != nil {
			return nil, err
		}
		first := left
		left = func(e *found) bool { return first(e) || right(e) }
	}
	return left, err
}

func (f *finder) both() (condition, error) {
	all := always
	for len(f.args) > 0 && f.args[0] != ")" && f.args[0] != "-o" && f.args[0] != "-or" {
		if f.args[0] == "-a" || f.args[0] == "-and" {
			f.args = f.args[1:]
			continue
		}
		one, err := f.primary()
		if err != nil {
			return nil, err
		}
		before := all
		all = func(e *found) bool { return before(e) && one(e) }
	}
	return all, nil
}

func (f *finder) primary() (condition, error) {
	word, _ := f.next()
	switch word {
	case "!", "-not":
		if len(f.args) == 0 {
			return nil, errors.New("! needs a test")
		}
		inner, err := f.primary()
		return func(e *found) bool { return !inner(e) }, err
	case "(":
		inner, err := f.either()
		if err == nil {
			if end, _ := f.next(); end != ")" {
				err = errors.New("( without )")
			}
		}
		return inner, err
	case "-exec", "-execdir":
		return f.exec(word == "-execdir")
	}
	if c := f.action(word); c != nil {
		return c, nil
	}
	value, err := f.next()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", word, err)
	}
	switch word {
	case "-maxdepth":
		f.maxDepth, err = strconv.Atoi(value)
		return always, err
	case "-mindepth":
		f.minDepth, err = strconv.Atoi(value)
		return always, err
	}
	test, known := findTests[word]
	if !known {
		return nil, fmt.Errorf("unknown test %s", word)
	}
	return test(f, word, value)
}

func always(*found) bool { return true }

// action is what a word without a value does or asks; nil: it is none.
func (f *finder) action(word string) condition {
	switch word {
	case "-print":
		f.acts = true
		return func(e *found) bool { f.c.printf("%s\n", f.c.shown(e.path)); return true }
	case "-print0":
		f.acts = true
		return func(e *found) bool { f.c.printf("%s\x00", e.path); return true }
	case "-delete":
		f.acts, f.depthFirst = true, true
		return f.delete
	case "-prune":
		return func(e *found) bool { e.prune = true; return true }
	case "-quit":
		f.acts = true
		return func(*found) bool { f.quit = true; return true }
	case "-xdev", "-mount":
		f.oneDevice = true
		return always
	case "-depth":
		f.depthFirst = true
		return always
	case "-true":
		return always
	case "-false":
		return func(*found) bool { return false }
	case "-empty":
		return func(e *found) bool {
			if e.info.IsDir() {
				return isEmpty(e)
			}
			return e.info.Mode().IsRegular() && e.info.Size() == 0
		}
	}
	return nil
}

func (f *finder) delete(e *found) bool {
	if e.path == "." {
		return true
	}
	err := removeEntry(e.Entry)
	if err != nil {
		f.c.failEntry(e.Entry, err)
	}
	return err == nil
}

// isEmpty tells whether there is nothing in a folder.
func isEmpty(e *found) bool {
	dir, err := e.Dir.Folder(e.Name, false)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, err := dir.Names()
	return err == nil && len(names) == 0
}

// batch collects paths for one command of -exec + or xargs.
type batch struct {
	command []string
	paths   []string
	bytes   int
}

// argumentBytes keeps command lines far below the kernel's limit.
const argumentBytes = 96 << 10

func (b *batch) add(c *call, path string) {
	if b.bytes+len(path)+9 > argumentBytes {
		b.flush(c)
	}
	b.paths = append(b.paths, path)
	b.bytes += len(path) + 9
}

func (b *batch) flush(c *call) {
	if len(b.paths) == 0 {
		return
	}
	if c.execute(append(append([]string(nil), b.command...), b.paths...), nil) != 0 {
		c.status = max(c.status, 1)
	}
	b.paths, b.bytes = nil, 0
}

func (f *finder) exec(inside bool) (condition, error) {
	f.acts = true
	var command []string
	for {
		arg, err := f.next()
		if err != nil {
			return nil, errors.New("-exec: ; or + is missing")
		}
		if arg == ";" {
			break
		}
		if arg == "+" && !inside && len(command) > 0 && command[len(command)-1] == "{}" {
			b := &batch{command: command[:len(command)-1]}
			f.batches = append(f.batches, b)
			return func(e *found) bool { b.add(f.c, e.path); return true }, nil
		}
		command = append(command, arg)
	}
	if len(command) == 0 {
		return nil, errors.New("-exec needs a command")
	}
	return func(e *found) bool {
		path, folder := e.path, ""
		if inside {
			// In the open folder, where nobody can exchange what the path leads through.
			path, folder = "./"+strings.TrimRight(e.Name, "/"), e.Dir.Path("")
		}
		args := make([]string, len(command))
		for i, arg := range command {
			args[i] = strings.ReplaceAll(arg, "{}", path)
		}
		return f.c.executeIn(folder, args, nil) == 0
	}, nil
}

// execute runs a command as find, xargs, env and watch do, and returns its
// status: 127 when it is not there, 126 when it cannot run.
func (c *call) execute(args []string, env []string) int { return c.executeIn("", args, env) }

// executeIn is execute in another folder than the current one.
func (c *call) executeIn(folder string, args []string, env []string) int {
	c.out.Flush()
	path, code := c.lookCommand(args[0])
	if code != 0 {
		return code
	}
	cmd := &exec.Cmd{Path: path, Args: args, Env: env, Dir: folder, Stdin: c.in, Stdout: c.rawOut, Stderr: c.err}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return exit.ExitCode()
	}
	c.warn("%s: %s", args[0], reason(err))
	return 126
}

// lookCommand finds a command or says why not, with the status of that.
func (c *call) lookCommand(name string) (path string, code int) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, 0
	case Has(name):
		return "/proc/self/exe", 0 // its link is missing
	case errors.Is(err, fs.ErrPermission):
		c.fail(name, syscall.EACCES)
		return "", 126
	}
	c.warn("%s: not found", name)
	return "", 127
}
