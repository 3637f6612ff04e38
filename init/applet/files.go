package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// confirm asks on standard error and reads an answer beginning with y.
func (c *call) confirm(format string, args ...any) bool {
	c.out.Flush()
	fmt.Fprintf(c.err, "%s: %s ", c.name, PrintableLine(fmt.Sprintf(format, args...)))
	if c.answers == nil {
		c.answers = bufio.NewReader(c.in)
	}
	answer, _ := c.answers.ReadString('\n')
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y")
}

// destinations pairs the sources of cp, mv and ln with their targets: the last
// operand, or files of the same name in it when it is a folder.
func (c *call) destinations(operands []string, plain bool) (from, to []string, code int) {
	if len(operands) < 2 {
		return nil, nil, c.misuse("needs a source and a destination")
	}
	last := operands[len(operands)-1]
	sources := operands[:len(operands)-1]
	info, err := os.Stat(last)
	folder := err == nil && info.IsDir() && !plain
	if !folder && len(sources) > 1 {
		return nil, nil, c.fail(last, errors.New("is not a directory"))
	}
	for _, source := range sources {
		target := last
		if folder {
			target = filepath.Join(last, filepath.Base(source))
		}
		from, to = append(from, source), append(to, target)
	}
	return from, to, 0
}

func cp(c *call, args []string) int {
	opts, operands, err := parseOptions("aRrpdfivLPT", map[string]byte{"recursive": 'r', "archive": 'a', "force": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	from, to, code := c.destinations(operands, opts.has('T'))
	if code != 0 {
		return code
	}
	recursive := opts.has('r') || opts.has('R') || opts.has('a')
	p := &copier{c: c, recursive: recursive, keep: opts.has('p') || opts.has('a'), all: opts.has('a'),
		links: (recursive || opts.has('d') || opts.has('P')) && !opts.has('L'),
		force: opts.has('f'), ask: opts.has('i'), verbose: opts.has('v'), done: map[filetree.ID]copied{}}
	for i := range from {
		p.copy(from[i], to[i])
	}
	return c.status
}

func mv(c *call, args []string) int {
	opts, operands, err := parseOptions("finvT", map[string]byte{"force": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	from, to, code := c.destinations(operands, opts.has('T'))
	if code != 0 {
		return code
	}
	for i := range from {
		if _, err := os.Lstat(to[i]); err == nil {
			if opts.has('n') || opts.has('i') && !opts.has('f') && !c.confirm("overwrite %s?", to[i]) {
				continue
			}
		}
		c.move(from[i], to[i], opts.has('v'))
	}
	return c.status
}

// move renames, or copies to another file system and removes the source only
// when everything has arrived.
func (c *call) move(from, to string, verbose bool) {
	source, err := os.Lstat(from)
	if err != nil {
		c.fail(from, err)
		return
	}
	target, targetErr := os.Lstat(to)
	// rename(2) does nothing between two names of one file, and a link that takes
	// the name of its own target destroys that. Another spelling of a file that
	// has one name is fine: on vfat it changes the case.
	if filepath.Clean(from) == filepath.Clean(to) || targetErr == nil && os.SameFile(source, target) && stat(source).Nlink > 1 ||
		source.Mode()&fs.ModeSymlink != 0 && linksTo(from, to) {
		c.fail(from, fmt.Errorf("%s is the same file", to))
		return
	}
	if inside, err := isInside(to, from); source.IsDir() && err == nil && inside {
		c.fail(from, fmt.Errorf("cannot move a folder into itself, %s", to))
		return
	}
	err = syscall.Rename(from, to) // not os.Rename, which refuses every folder as a target
	if errors.Is(err, syscall.EXDEV) {
		if source.IsDir() && targetErr == nil && target.IsDir() {
			// Like rename, which takes the place of an empty folder only.
			if err := syscall.Rmdir(to); err != nil {
				c.fail(to, err)
				return
			}
		}
		p := &copier{c: c, recursive: true, keep: true, all: true, moves: true, links: true, done: map[filetree.ID]copied{}}
		if !p.copy(from, to) {
			return // the source stays
		}
		if !c.remove(from, true, nil) {
			return
		}
		err = nil
	}
	if err != nil {
		c.fail(from, fmt.Errorf("to %s: %s", to, reason(err)))
		return
	}
	if verbose {
		c.printf("%s -> %s\n", from, to)
	}
}

func mkdir(c *call, args []string) int {
	opts, paths, err := parseOptions("pm:v", map[string]byte{"parents": 'p', "mode": 'm'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a folder")
	}
	for _, path := range paths {
		var err error
		if opts.has('p') {
			err = os.MkdirAll(path, 0o777)
		} else {
			err = os.Mkdir(path, 0o777)
		}
		if err == nil && opts.has('m') {
			var mode fs.FileMode
			if mode, err = changeMode(opts.value('m', ""), 0o777, true, 0); err == nil {
				err = os.Chmod(path, mode)
			}
		}
		if err != nil {
			c.fail(path, err)
		}
	}
	return c.status
}

func touch(c *call, args []string) int {
	opts, paths, err := parseOptions("camr:d:t:", map[string]byte{"date": 'd', "reference": 'r', "no-create": 'c'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a file")
	}
	access, modified := time.Now(), time.Now()
	switch {
	case opts.has('r'):
		info, err := os.Stat(opts.value('r', ""))
		if err != nil {
			return c.fail(opts.value('r', ""), err)
		}
		access, modified = accessTime(stat(info)), info.ModTime()
	case opts.has('d') || opts.has('t'):
		t, err := parseDate(opts.value('d', opts.value('t', "")), time.Now())
		if err != nil {
			return c.misuse("%v", err)
		}
		access, modified = t, t
	}
	if opts.has('a') && !opts.has('m') {
		modified = time.Time{} // os.Chtimes leaves a zero time alone
	} else if opts.has('m') && !opts.has('a') {
		access = time.Time{}
	}
	for _, path := range paths {
		if !opts.has('c') {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o666)
			if err != nil && !errors.Is(err, syscall.EISDIR) && !errors.Is(err, syscall.ENXIO) {
				c.fail(path, err)
				continue
			}
			f.Close()
		}
		if err := os.Chtimes(path, access, modified); err != nil && !(opts.has('c') && errors.Is(err, fs.ErrNotExist)) {
			c.fail(path, err)
		}
	}
	return c.status
}

func accessTime(st *syscall.Stat_t) time.Time { return time.Unix(st.Atim.Unix()) }

func major(dev uint64) uint32 { return unix.Major(dev) }
func minor(dev uint64) uint32 { return unix.Minor(dev) }

func truncateFile(c *call, args []string) int {
	opts, paths, err := parseOptions("cs:", map[string]byte{"size": 's'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	size, err := parseSize(opts.value('s', ""))
	if err != nil || len(paths) == 0 {
		return c.misuse("needs -s SIZE and a file")
	}
	for _, path := range paths {
		flags := os.O_WRONLY | os.O_CREATE
		if opts.has('c') {
			flags = os.O_WRONLY
		}
		f, err := os.OpenFile(path, flags, 0o666)
		if err == nil {
			err = errors.Join(f.Truncate(size), f.Close())
		}
		if err != nil {
			c.fail(path, err)
		}
	}
	return c.status
}

func mktemp(c *call, args []string) int {
	opts, operands, err := parseOptions("dp:t", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	template := "tmp.XXXXXX"
	folder := opts.value('p', os.TempDir())
	if len(operands) > 0 {
		template = operands[0]
		if !opts.has('p') && !opts.has('t') {
			folder = filepath.Dir(template)
			template = filepath.Base(template)
		}
	}
	name := strings.TrimRight(template, "X")
	if len(template)-len(name) < 3 {
		return c.misuse("%s: needs at least XXX at its end", template)
	}
	for range 100 {
		path := filepath.Join(folder, name+strconv.FormatInt(time.Now().UnixNano()%1e9+int64(os.Getpid()), 36))
		if opts.has('d') {
			err = os.Mkdir(path, 0o700)
		} else {
			var f *os.File
			if f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err == nil {
				f.Close()
			}
		}
		if err == nil {
			c.printf("%s\n", path)
			return 0
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return c.fail(folder, err)
}
