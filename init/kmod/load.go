package kmod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnknown is the error for a name that is neither module, alias nor built in.
var ErrUnknown = errors.New("no such module")

// Guard runs each goroutine of this package. PID 1 sets it, before anything
// else, to what keeps a panic from ending the process.
var Guard = func(task string, f func()) { f() }

// Loader inserts modules. Its methods may be called from several goroutines:
// the kernel lets the second of two insertions of a module wait for the first.
type Loader struct {
	Index   *Index
	Options Options

	insert func(path, params string) error // replaced by tests
	live   func(module string) bool
}

// NewLoader loads from an index into the running kernel.
func NewLoader(x *Index, o Options) *Loader {
	return &Loader{Index: x, Options: o, insert: insertFile, live: isLive}
}

// Result is the outcome for one module.
type Result struct {
	Module   string
	Inserted bool // now, by us; false also if it was there already
	Took     time.Duration
	Err      error // nil also if it was there already
}

// Modprobe loads what a name or an alias stands for and all that it needs.
// params, e.g. "max_bonds=2 mode=1", go to that module alone, after those of
// the Options. A module that is loaded or built in is no error.
func (l *Loader) Modprobe(name, params string) error {
	if l.Index.File(name) != "" {
		return l.load([]string{Name(name)}, params)
	}
	if l.Index.Builtin(name) {
		return nil
	}
	names := l.resolve(name)
	if len(names) == 0 {
		return fmt.Errorf("module %s: %w in %s", name, ErrUnknown, l.Index.Dir)
	}
	return l.load(names, params)
}

// Loaded says whether all that a name or an alias stands for is in the kernel.
func (l *Loader) Loaded(name string) bool {
	if l.Index.File(name) != "" {
		return l.live(Name(name))
	}
	if l.Index.Builtin(name) {
		return true
	}
	names := l.resolve(name)
	return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !l.live(n) })
}

func (l *Loader) load(names []string, params string) error {
	given := map[string]string{}
	for _, name := range names {
		given[name] = params
	}
	var errs []error
	for _, r := range l.run(l.Index.Plan(names...), given) {
		if _, asked := given[r.Module]; asked && r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return errors.Join(errs...)
}

// resolve is Index.Resolve without what is blacklisted.
func (l *Loader) resolve(alias string) []string {
	var names []string
	for _, name := range l.Index.Resolve(alias) {
		if !l.Options.Blacklist[name] {
			names = append(names, name)
		}
	}
	return names
}

// run executes a plan and gives the outcomes as they came.
func (l *Loader) run(steps []Step, params map[string]string) (results []Result) {
	ended := make(chan Result)
	l.start(steps, params, func(r Result) { ended <- r })
	for range steps {
		results = append(results, <-ended)
	}
	return results
}

// start executes a plan in the background and calls tell, from several
// goroutines, with each outcome. Modules that do not wait for each other are
// inserted at the same time, because drivers sleep while they probe their hardware.
func (l *Loader) start(steps []Step, params map[string]string, tell func(Result)) {
	results := make([]Result, len(steps))
	done := make([]chan struct{}, len(steps))
	for i := range done {
		done[i] = make(chan struct{})
	}
	slots := make(chan struct{}, 8) // each is a thread in the kernel
	for i, step := range steps {
		go Guard("module "+step.Module, func() {
			results[i].Module = step.Module
			results[i].Err = wait(step, results, done)
			if results[i].Err == nil {
				slots <- struct{}{}
				runtime.LockOSThread() // whose end is this goroutine's: otherwise there would be one more thread for ever
				start := time.Now()
				results[i].Inserted, results[i].Err = l.one(step.Module, params[step.Module])
				results[i].Took = time.Since(start)
				<-slots
			}
			close(done[i])
			tell(results[i])
		})
	}
}

// wait returns when the step may begin, or with the reason why it may not.
func wait(step Step, results []Result, done []chan struct{}) error {
	for _, at := range step.After {
		<-done[at]
	}
	for _, at := range step.Needs {
		<-done[at]
		if err := results[at].Err; err != nil {
			return fmt.Errorf("module %s needs %w", step.Module, err)
		}
	}
	return nil
}

func (l *Loader) one(name, params string) (inserted bool, err error) {
	if l.live(name) {
		return false, nil // asked first: the kernel would read the whole file before it says EEXIST
	}
	path := filepath.Join(l.Index.Dir, l.Index.File(name))
	err = l.insert(path, join(l.Options.Params[name], params))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EEXIST):
		return false, nil
	}
	return false, fmt.Errorf("module %s: %w", name, err)
}

func isLive(module string) bool {
	state, err := os.ReadFile("/sys/module/" + module + "/initstate")
	return err == nil && strings.TrimSpace(string(state)) == "live"
}

// insertFile is finit_module(2).
func insertFile(path, params string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	compressed := !strings.HasSuffix(path, ".ko")
	if compressed {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	err = unix.FinitModule(int(f.Fd()), params, flags)
	switch {
	case err == nil:
		return nil
	case compressed && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)):
		return fmt.Errorf("finit_module %s: this kernel cannot unpack it (%w); it has to be in the image as a plain .ko", path, err)
	}
	return fmt.Errorf("finit_module %s: %w%s", path, err, meaning(err, Name(path)))
}

// meaning says what the kernel's error number stands for here.
func meaning(err error, module string) string {
	text := ""
	switch {
	case errors.Is(err, unix.ENODEV):
		return " (the driver found no device)"
	case errors.Is(err, unix.ENOEXEC):
		text = "made for another kernel, or damaged"
	case errors.Is(err, unix.ENOENT):
		text = "unknown symbol or parameter"
	case errors.Is(err, unix.EKEYREJECTED), errors.Is(err, unix.ENOKEY):
		text = "its signature is not trusted"
	case errors.Is(err, unix.EINVAL):
		text = "bad value of a parameter, or another kernel's module"
	}
	if said := kernelSaid(module); said != "" {
		text = strings.TrimPrefix(text+"; the kernel says: "+said, "; ")
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
