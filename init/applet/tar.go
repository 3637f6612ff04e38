package applet

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"bantam/init/glob"
	"bantam/packing"
)

// exitTar is what tar ends with when something went wrong; 1 says that a file
// changed while it was read.
const exitTar = 2

// Long options of tar that have no letter.
const (
	tarZstd       = 'Z'
	tarExclude    = 'E'
	tarStrip      = 'S'
	tarXattrs     = 'A'
	tarNumeric    = 'N'
	tarSameOwner  = 'Y'
	tarLoosePerms = 'L'
)

var tarLong = map[string]byte{"create": 'c', "extract": 'x', "get": 'x', "list": 't', "file": 'f', "verbose": 'v', "gzip": 'z', "gunzip": 'z', "xz": 'J', "zstd": tarZstd,
	"auto-compress": 'a', "directory": 'C', "preserve-permissions": 'p', "same-permissions": 'p', "keep-old-files": 'k', "touch": 'm', "to-stdout": 'O', "dereference": 'h',
	"files-from": 'T', "no-same-owner": 'o', "same-owner": tarSameOwner, "no-same-permissions": tarLoosePerms, "exclude": tarExclude, "strip-components": tarStrip,
	"xattrs": tarXattrs, "numeric-owner": tarNumeric}

const tarLetters = "cxtf:vzJaC:pkmOhT:o"

// tarCall is one run of tar.
type tarCall struct {
	*call
	opts    options
	exclude []string
	names   []tarName
	told    bool // that leading parts of names are left out
}

// tarName is an operand and the folder changes before it.
type tarName struct {
	folders []string
	name    string
}

// tarCommand writes, lists and unpacks archives. Reading, it tells by the content
// how the archive is compressed.
func tarCommand(c *call, args []string) int {
	t := &tarCall{call: c, opts: options{}}
	folders, err := t.parse(args)
	if err != nil {
		return c.misuse("%v", err)
	}
	actions := 0
	for _, letter := range []byte("cxt") {
		if t.opts.has(letter) {
			actions++
		}
	}
	if actions != 1 {
		return c.misuse("needs one of -c, -x and -t")
	}
	if t.opts.has('c') && (t.opts.has('J') || t.opts.has(tarZstd)) {
		return c.misuse("xz and zstd can only be read; -z writes gzip")
	}
	if t.opts.has('c') && len(t.names) == 0 {
		return c.misuse("needs a file to put into the archive")
	}
	if t.opts.has('c') {
		err = t.create()
	} else {
		err = t.read(folders)
	}
	if err != nil {
		c.fail("", err)
		c.status = exitTar
	}
	return c.status
}

// parse reads options and names in their order, because -C counts for the names
// behind it. It returns all folders of -C.
func (t *tarCall) parse(args []string) (folders []string, err error) {
	args = tarBundle(args)
	var literal []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, literal = args[:i], args[i+1:]
	}
	spec := "+" + tarLetters + string([]byte{tarZstd, tarExclude, ':', tarStrip, ':', tarXattrs, tarNumeric, tarSameOwner, tarLoosePerms})
	var pending []string
	add := func(name string) {
		t.names = append(t.names, tarName{pending, name})
		pending = nil
	}
	for len(args) > 0 {
		// One option at a time, whose argument may be the next word.
		n := 1
		opts, rest, err := parseOptions(spec, tarLong, args[:n])
		if err != nil && len(args) > 1 {
			n = 2
			opts, rest, err = parseOptions(spec, tarLong, args[:n])
		}
		if err != nil {
			return nil, err
		}
		args = args[n:]
		for letter, values := range opts {
			t.opts[letter] = append(t.opts[letter], values...)
		}
		pending = append(pending, opts['C']...)
		folders = append(folders, opts['C']...)
		for _, file := range opts['T'] {
			if !t.withInput(file, func(r io.Reader) error {
				return eachLine(r, func(line []byte) error { add(strings.TrimSuffix(string(line), "\n")); return nil })
			}) {
				return nil, fmt.Errorf("%s: the names in it cannot be read", file)
			}
		}
		for _, name := range rest {
			add(name)
		}
	}
	for _, name := range literal {
		add(name)
	}
	t.exclude = t.opts[tarExclude]
	return folders, nil
}

// tarBundle turns the old form "xzf FILE" into "-x -z -f FILE".
func tarBundle(args []string) []string {
	if len(args) == 0 || args[0] == "" || args[0][0] == '-' {
		return args
	}
	var out []string
	letters, rest := args[0], args[1:]
	for _, letter := range []byte(letters) {
		out = append(out, "-"+string([]byte{letter}))
		if takesArgument(tarLetters, letter) && len(rest) > 0 {
			out, rest = append(out, rest[0]), rest[1:]
		}
	}
	return append(out, rest...)
}

// archive is the name given with -f, - without one.
func (t *tarCall) archive() string { return t.opts.value('f', "-") }

// excluded tells whether --exclude names a member or a folder that it is in. A
// pattern may match from any slash on.
func (t *tarCall) excluded(name string) bool {
	if len(t.exclude) == 0 {
		return false
	}
	name = strings.TrimSuffix(name, "/")
	for end := 1; end <= len(name); end++ {
		if end < len(name) && name[end] != '/' {
			continue
		}
		for start := 0; start < end; start++ {
			if start > 0 && name[start-1] != '/' {
				continue
			}
			if slices.ContainsFunc(t.exclude, func(pattern string) bool { return glob.Match(strings.TrimSuffix(pattern, "/"), name[start:end]) }) {
				return true
			}
		}
	}
	return false
}

// tell prints a line about a member.
func (t *tarCall) tell(w io.Writer, text string) {
	if w == t.call.err {
		t.out.Flush()
	}
	fmt.Fprintf(w, "%s\n", text)
	t.show()
}

// create writes an archive.
func (t *tarCall) create() (err error) {
	name := t.archive()
	if name == "-" && t.seen {
		return errors.New("an archive is not for a terminal; name a file with -f")
	}
	out := t.rawOut
	listTo := t.call.err
	if name != "-" {
		f, err := os.Create(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, errors.New(reason(err)))
		}
		defer func() {
			if cerr := f.Close(); err == nil && cerr != nil {
				err = fmt.Errorf("%s: %s", name, reason(cerr))
			}
		}()
		out, listTo = f, t.out
	}
	w := &tarWriter{tarCall: t, listTo: listTo, archive: out}
	buffered := bufio.NewWriterSize(out, 64<<10)
	packs := t.opts.has('z')
	if _, isGzip := packing.Gzip.PlainName(name); isGzip && t.opts.has('a') {
		packs = true
	}
	var z *gzip.Writer
	if packs {
		z = gzip.NewWriter(buffered)
		err = w.write(z)
	} else {
		err = w.write(buffered)
	}
	if z != nil {
		err = errors.Join(err, z.Close())
	}
	if ferr := buffered.Flush(); err == nil {
		err = ferr
	}
	if err != nil {
		return fmt.Errorf("%s: %s", name, reason(err))
	}
	return nil
}
