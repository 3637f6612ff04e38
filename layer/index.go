// Package layer is what a read-only file system of a generation says of itself: its names, and the index at its root, from
// which a machine tells what a program needs without reading the program. It does no I/O.
package layer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// IndexName is the index's name at the root of a layer.
const IndexName = "index"

// mostLine and mostEntries bound what ReadIndex takes: the largest package of Debian has some ten thousand programs and links.
const mostLine, mostEntries = 64 << 10, 200_000

// Entry is one file of a layer on which something may depend: a program, a library, a file of etc, a symbolic link.
type Entry struct {
	Path   string `json:"path"`             // below the root of the layer, e.g. usr/sbin/mosquitto
	Mode   uint32 `json:"mode,omitempty"`   // rights, e.g. 0755; 0 for a link
	UID    int    `json:"uid,omitempty"`    //
	GID    int    `json:"gid,omitempty"`    //
	SHA256 string `json:"sha256,omitempty"` // of the bytes, in hex; "" for a link and a folder
	Link   string `json:"link,omitempty"`   // where a symbolic link leads
	Dir    bool   `json:"dir,omitempty"`    // a folder of etc

	Loads
}

// Loads is what the dynamic loader brings to a program or a library (ELF specification, "Dynamic Section").
type Loads struct {
	Interpreter string   `json:"interpreter,omitempty"` // e.g. /lib64/ld-linux-x86-64.so.2, or the one of a #! line
	Needs       []string `json:"needs,omitempty"`       // names of libraries, e.g. libc.so.6
	RunPath     []string `json:"runpath,omitempty"`     // where they are looked for first; $ORIGIN is spelt out
}

// An Index lists the entries of a layer, sorted by path.
type Index []Entry

// Encode writes x as one line of JSON for each entry. Equal indexes give equal bytes.
func (x Index) Encode() []byte {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for _, e := range slices.SortedFunc(slices.Values(x), func(a, b Entry) int { return strings.Compare(a.Path, b.Path) }) {
		if err := lines.Encode(e); err != nil {
			panic("layer: an entry of strings and numbers does not marshal: " + err.Error())
		}
	}
	return b.Bytes()
}

// ReadIndex reads what Encode wrote. Paths that lead out of the layer, or are there twice, are errors.
func ReadIndex(r io.Reader) (Index, error) {
	var x Index
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, mostLine)
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("index of a layer: line %d: %w", len(x)+1, err)
		}
		if e.Path == "" || e.Path[0] == '/' || path.Clean(e.Path) != e.Path || e.Path == ".." || strings.HasPrefix(e.Path, "../") {
			return nil, fmt.Errorf("index of a layer: line %d: bad path %q", len(x)+1, e.Path)
		}
		if len(x) > 0 && x[len(x)-1].Path >= e.Path {
			return nil, fmt.Errorf("index of a layer: line %d: %q is not in order", len(x)+1, e.Path)
		}
		if x = append(x, e); len(x) > mostEntries {
			return nil, errors.New("index of a layer: too many entries")
		}
	}
	return x, lines.Err()
}

// Find gives the entry of a path below the root; nil if there is none.
func (x Index) Find(path string) *Entry {
	i, found := slices.BinarySearchFunc(x, path, func(e Entry, path string) int { return strings.Compare(e.Path, path) })
	if !found {
		return nil
	}
	return &x[i]
}
