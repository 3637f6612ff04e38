package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/editor/compare"
	"bantam/init/filetree"
)

// patcher applies a patch as a whole or not at all: where one hunk fits nowhere
// no file is changed.
type patcher struct {
	*call
	strip   int // -1: only the last part of names
	forward bool
	fuzz    int
	quiet   bool
	root    filetree.Dir
	files   map[string]*patched
	order   []string
}

// patched is a file as it will be.
type patched struct {
	text   []byte
	exists bool
	was    *filetree.Info // nil if it is new
	mode   fs.FileMode
	named  bool // on the command line, so that it may be anywhere
}

func patch(c *call, args []string) int {
	opts, operands, err := parseOptions("p:Ri:d:NF:stfuE", map[string]byte{"strip": 'p', "reverse": 'R', "input": 'i', "directory": 'd', "dry-run": 'n', "forward": 'N',
		"fuzz": 'F', "silent": 's', "quiet": 's', "batch": 't', "force": 'f', "unified": 'u', "remove-empty-files": 'E'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	p := &patcher{call: c, forward: opts.has('N'), quiet: opts.has('s'), files: map[string]*patched{}}
	p.strip, err = opts.number('p', -1)
	var err2 error
	p.fuzz, err2 = opts.number('F', mostFuzz)
	if err := errors.Join(err, err2); err != nil {
		return c.misuse("%v", err)
	}
	if len(operands) > 2 {
		return c.misuse("takes a file and a patch at most")
	}
	if folder := opts.value('d', "."); folder != "." {
		if err := os.Chdir(folder); err != nil {
			c.fail(folder, err)
			return exitTrouble
		}
	}
	input := opts.value('i', "-")
	if len(operands) == 2 {
		input = operands[1]
	}
	var text []byte
	if !c.withInput(input, func(r io.Reader) (err error) { text, err = io.ReadAll(r); return err }) {
		return exitTrouble
	}
	patches, err := parsePatch(text)
	if err != nil {
		c.fail(input, err)
		return exitTrouble
	}
	if p.root, err = filetree.Here.Folder(".", false); err != nil {
		c.fail(".", err)
		return exitTrouble
	}
	defer p.root.Close()
	fits := true
	for _, one := range patches {
		if opts.has('R') {
			one = one.reverse()
		}
		name := ""
		if len(operands) > 0 {
			name = operands[0]
		}
		ok, err := p.plan(one, name)
		if err != nil {
			c.warn("line %d of the patch: %s; nothing is changed", one.patchAtStart, PrintableLine(reason(err)))
			return exitTrouble
		}
		fits = fits && ok
	}
	if !fits {
		c.warn("nothing is changed")
		return 1
	}
	if opts.has('n') {
		return c.status
	}
	for _, name := range p.order {
		if err := p.write(name, p.files[name]); err != nil {
			c.fail(name, err)
			return exitTrouble
		}
	}
	return c.status
}

// name is the file that a patch is about.
func (p *patcher) name(one filePatch) (string, error) {
	best := ""
	for _, name := range []string{one.old, one.new} {
		stripped, ok := stripName(name, p.strip)
		if !ok {
			continue
		}
		switch {
		case best == "":
			best = stripped
		case p.present(stripped) != p.present(best):
			if p.present(stripped) {
				best = stripped
			}
		case strings.Count(stripped, "/") < strings.Count(best, "/"), strings.Count(stripped, "/") == strings.Count(best, "/") && len(stripped) < len(best):
			best = stripped
		}
	}
	if best == "" {
		return "", fmt.Errorf("no name for a file is left (-p says how many parts of %q to leave out)", one.old+one.new)
	}
	return best, nil
}

// stripName leaves out parts of a name, all but the last for -1.
func stripName(name string, strip int) (string, bool) {
	if name == "" {
		return "", false
	}
	if strip < 0 {
		return path.Base(name), true
	}
	for range strip {
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", false
		}
		name = strings.TrimLeft(rest, "/")
	}
	return name, name != ""
}

func (p *patcher) present(name string) bool {
	if f := p.files[name]; f != nil {
		return f.exists
	}
	dir, err := p.root.Beneath(path.Dir(name))
	if err != nil {
		return false
	}
	defer dir.Close()
	_, err = dir.Lstat(path.Base(name))
	return err == nil
}

// plan applies one file's patch to what is known of the file and tells whether it fits.
func (p *patcher) plan(one filePatch, name string) (fits bool, err error) {
	if one.unsupported != "" {
		return false, errors.New(one.unsupported)
	}
	named := name != ""
	if !named {
		if name, err = p.name(one); err != nil {
			return false, err
		}
		if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
			return false, fmt.Errorf("%s: is refused: the name leads out of the folder", name)
		}
	}
	f, err := p.load(name, named)
	if err != nil {
		return false, fmt.Errorf("%s: %s", name, reason(err))
	}
	if !p.quiet {
		p.printf("patching file %s\n", p.shown(name))
	}
	if !f.exists && !one.oldGone && len(one.hunks) > 0 && len(one.hunks[0].old) > 0 {
		return false, fmt.Errorf("%s: there is no such file", name)
	}
	lines := compare.Split(f.text)
	out, results := applyHunks(lines, one.hunks, p.fuzz)
	failed := one.oldGone && f.exists && len(f.text) > 0
	for _, r := range results {
		failed = failed || r.failed
	}
	if failed {
		_, back := applyHunks(lines, one.reverse().hunks, 0)
		undone := len(back) > 0
		for _, r := range back {
			undone = undone && !r.failed
		}
		if undone && p.forward {
			p.warn("%s: has these changes already; left out", PrintableLine(name))
			p.status = 1
			return true, nil
		}
		if undone {
			p.warn("%s: has these changes already (-R takes them back)", PrintableLine(name))
			return false, nil
		}
	}
	for i, r := range results {
		if said := r.say(i + 1); said != "" && (!p.quiet || r.failed) {
			p.warn("%s: %s", PrintableLine(name), said)
		}
	}
	if failed {
		if len(results) == 0 || !results[0].failed && one.oldGone {
			p.warn("%s: exists already", PrintableLine(name))
		}
		return false, nil
	}
	f.text = bytes.Join(out, nil)
	f.exists = !(one.newGone && len(f.text) == 0)
	if one.newGone && f.exists {
		p.warn("%s: stays, because it has more than the patch says", PrintableLine(name))
		p.status = 1
	}
	if one.mode != 0 && f.was == nil {
		f.mode = fs.FileMode(one.mode)
	}
	return true, nil
}

// load reads a file that is patched, once.
func (p *patcher) load(name string, named bool) (*patched, error) {
	if f := p.files[name]; f != nil {
		return f, nil
	}
	f := &patched{mode: 0o666, named: named}
	var dir filetree.Dir
	var err error
	last := path.Base(name)
	if named {
		dir, last, err = filetree.OpenOperand(name)
	} else {
		dir, err = p.root.Beneath(path.Dir(name))
	}
	switch {
	case errors.Is(err, syscall.ENOENT):
	case errors.Is(err, syscall.EXDEV):
		return nil, errors.New("is refused: a link on its way leads out of the folder")
	case err != nil:
		return nil, err
	default:
		defer dir.Close()
		in, err := dir.File(last, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, syscall.ELOOP) {
			return nil, errors.New("is refused: it is a link")
		}
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			return nil, err
		}
		if err == nil {
			defer in.Close()
			if f.was, err = dir.Lstat(last); err != nil {
				return nil, err
			}
			if !f.was.Mode().IsRegular() {
				return nil, errors.New("is refused: it is not a regular file")
			}
			f.exists = true
			if f.text, err = io.ReadAll(in); err != nil {
				return nil, err
			}
		}
	}
	p.files[name] = f
	p.order = append(p.order, name)
	return f, nil
}

// write makes a file what it was planned to be.
func (p *patcher) write(name string, f *patched) error {
	var dir filetree.Dir
	var err error
	last := path.Base(name)
	if f.named {
		dir, last, err = filetree.OpenOperand(name)
	} else if dir, err = p.root.Beneath(path.Dir(name)); errors.Is(err, syscall.ENOENT) && f.exists {
		dir, err = p.makeFolder(path.Dir(name))
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if !f.exists {
		if f.was == nil {
			return nil
		}
		return dir.Unlink(last)
	}
	mode := f.mode
	if f.was == nil {
		mask := syscall.Umask(0o22)
		syscall.Umask(mask)
		mode &^= fs.FileMode(mask)
	}
	return replaceName(dir, last, mode, f.was, func(w io.Writer) error { _, err := w.Write(f.text); return err })
}

// makeFolder makes a folder below the root, with those above it, and opens it.
func (p *patcher) makeFolder(name string) (filetree.Dir, error) {
	above, err := p.root.Beneath(path.Dir(name))
	if errors.Is(err, syscall.ENOENT) {
		above, err = p.makeFolder(path.Dir(name))
	}
	if err != nil {
		return above, err
	}
	defer above.Close()
	if err := above.Mkdir(path.Base(name), 0o777); err != nil && !errors.Is(err, syscall.EEXIST) {
		return above, err
	}
	return p.root.Beneath(name)
}
