// Package layer is what a read-only file system of a generation says of itself: its names, and the index behind it, from
// which a machine tells what a program needs without reading the program. It does no I/O.
package layer

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"bantam/order"
)

// mostLine and mostEntries bound what ReadIndex takes: the largest package of Debian has some ten thousand programs and links.
const mostLine, mostEntries = 64 << 10, 200_000

// Entry is one file of a layer on which something may depend: a program, a library, a file of etc, a symbolic link, what a
// [file] with source brings.
type Entry struct {
	Path     string // below the root of the layer, e.g. usr/sbin/mosquitto
	Kind     Kind
	Mode     uint32 // rights, e.g. 0755; 0 for a link
	UID, GID int
	SHA256   string // of a file's bytes, in hex; of a Source that is a folder: that of all in it
	Link     string // where a link leads
	Loads
}

// Kind is what an entry is.
type Kind byte

// The kinds of entries.
const (
	RegularFile Kind = 'f'
	Folder      Kind = 'd'
	Link        Kind = 'l'
)

// Loads is what the dynamic loader brings to a program or a library (ELF specification, "Dynamic Section").
type Loads struct {
	Interpreter string   // e.g. /lib64/ld-linux-x86-64.so.2, or the one of a #! line
	Needs       []string // names of libraries, e.g. libc.so.6
	RunPath     []string // where they are looked for first; $ORIGIN is spelt out
}

// An Index lists the entries of a layer, sorted by path.
type Index []Entry

// Encode writes x as a line for each entry, fields with tabs between them. Equal indexes give equal bytes.
//
// The fields are kind, rights in octal, owner and group, digest, path, target, interpreter, needs and run path; in the last
// two, blanks are between the names. Empty fields at the end are left out. It is no JSON because a machine reads the
// indexes of all layers at each boot, and that takes a tenth of the time so.
func (x Index) Encode() []byte {
	var b []byte
	for _, e := range order.Sorted(slices.Values(x), func(a, b Entry) int { return strings.Compare(a.Path, b.Path) }) {
		line := fmt.Sprintf("%c\t%04o\t%d:%d\t%s\t%s\t%s\t%s\t%s\t%s", e.Kind, e.Mode, e.UID, e.GID, e.SHA256,
			escape(e.Path), escape(e.Link), escape(e.Interpreter), escape(e.Needs...), escape(e.RunPath...))
		b = append(b, strings.TrimRight(line, "\t")+"\n"...)
	}
	return b
}

// ReadIndex reads what Encode wrote. Paths that lead out of the layer, or are there twice, are errors.
func ReadIndex(r io.Reader) (Index, error) {
	var x Index
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, mostLine)
	for lines.Scan() {
		e, err := readEntry(lines.Text())
		if err == nil && len(x) > 0 && x[len(x)-1].Path >= e.Path {
			err = fmt.Errorf("%q is not in order", e.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("index of a layer: line %d: %w", len(x)+1, err)
		}
		if x = append(x, e); len(x) > mostEntries {
			return nil, errors.New("index of a layer: too many entries")
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("index of a layer: %w", err)
	}
	return x, nil
}

const fields = 9

func readEntry(line string) (e Entry, err error) {
	var f [fields]string
	copy(f[:], strings.SplitN(line, "\t", fields))
	mode, wrong := strconv.ParseUint(f[1], 8, 12)
	uid, gid, _ := strings.Cut(f[2], ":")
	e = Entry{Mode: uint32(mode), SHA256: f[3]}
	if e.UID, err = strconv.Atoi(uid); err == nil {
		e.GID, err = strconv.Atoi(gid)
	}
	if err = errors.Join(wrong, err); err != nil {
		return e, err
	}
	texts := [5][]string{}
	for i, field := range f[4:] {
		if texts[i], err = unescape(field); err != nil {
			return e, err
		}
	}
	e.Path, e.Link, e.Interpreter, e.Needs, e.RunPath = one(texts[0]), one(texts[1]), one(texts[2]), texts[3], texts[4]
	if len(f[0]) == 1 {
		e.Kind = Kind(f[0][0])
	}
	switch {
	case e.Kind != RegularFile && e.Kind != Folder && e.Kind != Link:
		return e, fmt.Errorf("unknown kind %q", f[0])
	case e.Path == "" || e.Path[0] == '/' || path.Clean(e.Path) != e.Path || e.Path == ".." || strings.HasPrefix(e.Path, "../"):
		return e, fmt.Errorf("bad path %q", e.Path)
	}
	return e, nil
}

func one(list []string) string { return strings.Join(list, " ") }

// escape joins names by blanks, and spells out what separates them and fields.
func escape(names ...string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(' ')
		}
		for j := range len(name) {
			if c := name[j]; c <= ' ' || c == '%' || c == 0x7f {
				fmt.Fprintf(&b, "%%%02x", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

func unescape(field string) (names []string, err error) {
	if field == "" {
		return nil, nil
	}
	names = strings.Split(field, " ")
	for i, name := range names {
		plain, rest, found := strings.Cut(name, "%")
		for found {
			code, fault := hex.DecodeString(rest[:min(2, len(rest))])
			if fault != nil || len(code) == 0 {
				return nil, fmt.Errorf("%q ends in half an escape", name)
			}
			var next string
			next, rest, found = strings.Cut(rest[2:], "%")
			plain += string(code) + next
		}
		if names[i] = plain; plain == "" {
			return nil, errors.New("an empty name")
		}
	}
	return names, nil
}

// Find gives the entry of a path below the root; nil if there is none.
func (x Index) Find(path string) *Entry {
	i, found := slices.BinarySearchFunc(x, path, func(e Entry, path string) int { return strings.Compare(e.Path, path) })
	if !found {
		return nil
	}
	return &x[i]
}
