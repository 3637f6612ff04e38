package applet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"bantam/editor/compare"
)

// exitTrouble is what diff and patch end with when they could not do their
// work; 1 says that there are differences, or that a patch does not fit.
const exitTrouble = 2

// differ compares files and folders and prints what patch takes.
type differ struct {
	*call
	opts    options
	context int
	command string // before the names of each pair in a folder
}

func diff(c *call, args []string) int {
	opts, operands, err := parseOptions("uU:rqsNbwiaL:", map[string]byte{"unified": 'u', "recursive": 'r', "brief": 'q', "report-identical-files": 's', "new-file": 'N',
		"ignore-space-change": 'b', "ignore-all-space": 'w', "ignore-case": 'i', "text": 'a', "label": 'L'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	d := &differ{call: c, opts: opts}
	if d.context, err = opts.number('U', 3); err != nil || d.context < 0 {
		return c.misuse("-U needs a number of lines")
	}
	if len(operands) != 2 {
		return c.misuse("needs two files or folders")
	}
	for _, letter := range []byte("abiNrw") {
		if opts.has(letter) {
			d.command += string([]byte{letter})
		}
	}
	d.command = "diff -u" + d.command
	old, new := d.look(operands[0]), d.look(operands[1])
	if old.folder() && !new.folder() && new.info != nil {
		old = d.look(strings.TrimSuffix(operands[0], "/") + "/" + filepath.Base(operands[1]))
	} else if new.folder() && !old.folder() && old.info != nil {
		new = d.look(strings.TrimSuffix(operands[1], "/") + "/" + filepath.Base(operands[0]))
	}
	d.pair(old, new, nil, true)
	return d.status
}

// side is one of the two that are compared.
type side struct {
	path  string
	info  fs.FileInfo // nil for standard input and what is missing
	err   error
	stdin bool
}

func (d *differ) look(path string) side {
	if path == "-" {
		return side{path: path, stdin: true}
	}
	info, err := os.Stat(path)
	return side{path: path, info: info, err: err}
}

func (s side) folder() bool { return s.info != nil && s.info.IsDir() }

func (s side) missing() bool { return errors.Is(s.err, fs.ErrNotExist) }

func (d *differ) trouble(path string, err error) {
	d.fail(path, err)
	d.status = exitTrouble
}

func (d *differ) differs() { d.status = max(d.status, 1) }

// pair compares two files or folders; above are the folders that they lie in.
func (d *differ) pair(old, new side, above []fs.FileInfo, top bool) {
	absent := d.opts.has('N') && old.missing() != new.missing()
	for _, s := range []side{old, new} {
		if s.err != nil && !(absent && s.missing()) {
			d.trouble(s.path, s.err)
			return
		}
	}
	switch {
	case old.folder() && new.folder(), absent && (old.folder() || new.folder()):
		if !top && !d.opts.has('r') {
			d.printf("Common subdirectories: %s and %s\n", d.shown(old.path), d.shown(new.path))
			return
		}
		d.folders(old, new, above)
		return
	case old.folder() || new.folder():
		d.printf("File %s is a %s while file %s is a %s\n", d.shown(old.path), kindOf(old), d.shown(new.path), kindOf(new))
		d.differs()
		return
	case !top && (old.info != nil && !old.info.Mode().IsRegular() || new.info != nil && !new.info.Mode().IsRegular()):
		// A pipe would wait for ever, and a device's bytes are not what a folder differs in.
		if old.info == nil || new.info == nil || old.info.Mode().Type() != new.info.Mode().Type() {
			d.printf("File %s is a %s while file %s is a %s\n", d.shown(old.path), kindOf(old), d.shown(new.path), kindOf(new))
			d.differs()
		}
		return
	}
	if err := d.files(old, new, top); err != nil {
		d.trouble("", err)
	}
	d.show()
}

func kindOf(s side) string {
	if s.info == nil {
		return "regular empty file"
	}
	return fileKind(s.info)
}

func (d *differ) folders(old, new side, above []fs.FileInfo) {
	for _, info := range above {
		if old.info != nil && os.SameFile(info, old.info) {
			d.trouble(old.path, errors.New("leads back to a folder above it"))
			return
		}
	}
	if old.info != nil {
		above = append(above[:len(above):len(above)], old.info)
	}
	names := map[string][2]bool{}
	for i, s := range []side{old, new} {
		if s.info == nil {
			continue
		}
		entries, err := os.ReadDir(s.path)
		if err != nil {
			d.trouble(s.path, err)
			return
		}
		for _, entry := range entries {
			has := names[entry.Name()]
			has[i] = true
			names[entry.Name()] = has
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	for _, name := range sorted {
		has := names[name]
		if has[0] && has[1] || d.opts.has('N') {
			a, b := d.look(joinPath(old.path, name)), d.look(joinPath(new.path, name))
			if (a.folder() || b.folder()) && !d.opts.has('r') && !(has[0] && has[1]) {
				continue
			}
			d.pair(a, b, above, false)
			continue
		}
		folder := old.path
		if has[1] {
			folder = new.path
		}
		d.printf("Only in %s: %s\n", d.shown(folder), d.shown(name))
		d.differs()
	}
}

func joinPath(folder, name string) string { return strings.TrimSuffix(folder, "/") + "/" + name }

// files compares two files.
func (d *differ) files(old, new side, top bool) error {
	if old.info != nil && new.info != nil && os.SameFile(old.info, new.info) {
		return d.same(old, new)
	}
	a, binaryA, err := d.content(old)
	if err != nil {
		return fmt.Errorf("%s: %w", old.path, err)
	}
	b, binaryB, err := d.content(new)
	if err != nil {
		return fmt.Errorf("%s: %w", new.path, err)
	}
	if bytes.Equal(a, b) {
		return d.same(old, new)
	}
	if (binaryA || binaryB) && !d.opts.has('a') {
		d.differs()
		if d.opts.has('q') {
			d.printf("Files %s and %s differ\n", d.shown(old.path), d.shown(new.path))
		} else {
			d.printf("Binary files %s and %s differ\n", d.shown(old.path), d.shown(new.path))
		}
		return nil
	}
	oldLines, newLines := compare.Split(a), compare.Split(b)
	hunks := compare.Lines(d.folded(oldLines), d.folded(newLines))
	switch {
	case len(hunks) == 0:
		return d.same(old, new)
	case d.opts.has('q'):
		d.printf("Files %s and %s differ\n", d.shown(old.path), d.shown(new.path))
		d.differs()
		return nil
	}
	d.differs()
	if !top {
		d.printf("%s %s %s\n", d.command, d.shown(old.path), d.shown(new.path))
	}
	labels := append(d.opts['L'], "", "")
	for i, s := range []side{old, new} {
		label := labels[i]
		if label == "" {
			stamp := time.Unix(0, 0).UTC() // what is missing, as patch knows it
			if s.info != nil {
				stamp = s.info.ModTime()
			} else if s.stdin {
				stamp = time.Now()
			}
			label = s.path + "\t" + stamp.Format("2006-01-02 15:04:05.000000000 -0700")
		}
		d.printf("%s %s\n", []string{"---", "+++"}[i], label)
	}
	printHunks(d.out, oldLines, newLines, hunks, d.context)
	return nil
}

func (d *differ) same(old, new side) error {
	if d.opts.has('s') {
		d.printf("Files %s and %s are identical\n", d.shown(old.path), d.shown(new.path))
	}
	return nil
}

// content reads a file whole and tells whether it is binary.
func (d *differ) content(s side) (text []byte, binary bool, err error) {
	switch {
	case s.stdin:
		text, err = io.ReadAll(d.in)
	case s.info == nil:
		return nil, false, nil
	default:
		var f *os.File
		if f, err = os.OpenFile(s.path, os.O_RDONLY, 0); err == nil {
			text, err = io.ReadAll(f)
			f.Close()
		}
	}
	if err != nil {
		return nil, false, errors.New(reason(err))
	}
	return text, bytes.IndexByte(text[:min(len(text), 32<<10)], 0) >= 0, nil
}

// folded are the lines as they are compared.
func (d *differ) folded(lines [][]byte) [][]byte {
	if !d.opts.has('b') && !d.opts.has('w') && !d.opts.has('i') {
		return lines
	}
	out := make([][]byte, len(lines))
	for i, line := range lines {
		switch {
		case d.opts.has('w'):
			line = bytes.Join(bytes.Fields(line), nil)
		case d.opts.has('b'):
			text := bytes.TrimRight(line, " \t\r\n\v\f")
			indented := len(text) > 0 && strings.IndexByte(" \t\v\f\r", text[0]) >= 0
			line = bytes.Join(bytes.Fields(text), []byte(" "))
			if indented {
				line = append([]byte(" "), line...)
			}
		}
		if d.opts.has('i') {
			line = bytes.ToLower(line)
		}
		out[i] = line
	}
	return out
}

// printHunks writes hunks with lines around them as they are, and joins those
// whose surroundings meet.
func printHunks(w *bufio.Writer, old, new [][]byte, hunks []compare.Hunk, context int) {
	for len(hunks) > 0 {
		n := 1
		for n < len(hunks) && hunks[n].OldFrom-hunks[n-1].OldTo <= 2*context {
			n++
		}
		group := hunks[:n]
		hunks = hunks[n:]
		first, last := group[0], group[n-1]
		before, after := min(context, first.OldFrom), min(context, len(old)-last.OldTo)
		fmt.Fprintf(w, "@@ -%s +%s @@\n", hunkRange(first.OldFrom-before, last.OldTo+after), hunkRange(first.NewFrom-before, last.NewTo+after))
		at := first.OldFrom - before
		for _, h := range group {
			printMarked(w, ' ', old[at:h.OldFrom])
			printMarked(w, '-', old[h.OldFrom:h.OldTo])
			printMarked(w, '+', new[h.NewFrom:h.NewTo])
			at = h.OldTo
		}
		printMarked(w, ' ', old[at:last.OldTo+after])
	}
}

// hunkRange is lines from to to, the last not included, as @@ has them. An empty
// range names the line before it.
func hunkRange(from, to int) string {
	switch to - from {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(from + 1)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func printMarked(w *bufio.Writer, mark byte, lines [][]byte) {
	for _, line := range lines {
		w.WriteByte(mark)
		w.Write(line)
		if !bytes.HasSuffix(line, []byte("\n")) {
			w.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
