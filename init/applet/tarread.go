package applet

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"bantam/init/filetree"
	"bantam/packing"
)

// read lists an archive or unpacks it.
func (t *tarCall) read(folders []string) error {
	strip, err := t.opts.number(tarStrip, 0)
	if err != nil {
		return err
	}
	in := t.in
	name := t.archive()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%s: %s", name, reason(err))
		}
		defer f.Close()
		in = f
	}
	var x *extraction
	if t.opts.has('x') && !t.opts.has('O') {
		for _, folder := range folders {
			if err := os.Chdir(folder); err != nil {
				return fmt.Errorf("%s: %s", folder, reason(err))
			}
		}
		root, err := filetree.Here.Folder(".", false)
		if err != nil {
			return err
		}
		defer root.Close()
		x = newExtraction(t, root, strip)
		defer x.finish()
	}
	plain, _, err := packing.Open(in)
	if err != nil {
		return fmt.Errorf("%s: %s", name, reason(err))
	}
	defer plain.Close()
	wanted := newTarSelection(t.names)
	archive := tar.NewReader(plain)
	for count := 0; ; count++ {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %s", name, tarFault(err, count))
		}
		if h.Typeflag == tar.TypeXGlobalHeader || !wanted.has(h.Name) || t.excluded(h.Name) {
			continue
		}
		if err := t.readMember(h, archive, x); err != nil {
			if errors.Is(err, errDamagedArchive) {
				return fmt.Errorf("%s: %w", name, err)
			}
			t.fail(h.Name, err)
			t.status = exitTar
		}
	}
	// The checksum of the compressed data stands at its end, and who writes into
	// a pipe wants to get rid of all.
	if _, err := io.Copy(io.Discard, plain); err != nil {
		if !errors.Is(err, packing.ErrTrailing) {
			return fmt.Errorf("%s: %s", name, reason(err))
		}
		t.warn("%s: %v", PrintableLine(name), err)
	}
	for _, missing := range wanted.missing() {
		t.warn("%s: is not in the archive", PrintableLine(missing))
		t.status = exitTar
	}
	return nil
}

func (t *tarCall) readMember(h *tar.Header, content io.Reader, x *extraction) error {
	switch {
	case t.opts.has('t'):
		if t.opts.has('v') {
			t.tell(t.out, t.long(h))
		} else {
			t.tell(t.out, t.shown(h.Name))
		}
		return nil
	case x == nil: // -O
		if t.opts.has('v') {
			t.tell(t.err, PrintableLine(h.Name))
		}
		if !tarIsFile(h) {
			return nil
		}
		_, err := copyMember(t.out, content)
		return err
	}
	if t.opts.has('v') {
		t.tell(t.out, t.shown(h.Name))
	}
	return x.member(h, content)
}

var errDamagedArchive = errors.New("the archive is cut off or damaged")

// copyMember copies the content of a member. What is wrong with the archive is
// errDamagedArchive, all else concerns the target.
func copyMember(w io.Writer, content io.Reader) (int64, error) {
	r := &memberReader{r: content}
	n, err := io.Copy(w, struct{ io.Reader }{r})
	if r.err != nil {
		return n, fmt.Errorf("%w: %s", errDamagedArchive, reason(r.err))
	}
	return n, err
}

// memberReader remembers that reading failed.
type memberReader struct {
	r   io.Reader
	err error
}

func (m *memberReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

func tarFault(err error, count int) string {
	switch {
	case errors.Is(err, tar.ErrHeader) && count == 0:
		return "is not a tar archive"
	case errors.Is(err, tar.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return errDamagedArchive.Error()
	}
	return reason(err)
}

func tarIsFile(h *tar.Header) bool {
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo, 'D', 'M', 'V':
		return false
	}
	return true // what is not known is a file, as POSIX wants it
}

// long is the line of -tv.
func (t *tarCall) long(h *tar.Header) string {
	kind := byte('-')
	switch h.Typeflag {
	case tar.TypeDir:
		kind = 'd'
	case tar.TypeLink:
		kind = 'h'
	case tar.TypeSymlink:
		kind = 'l'
	case tar.TypeChar:
		kind = 'c'
	case tar.TypeBlock:
		kind = 'b'
	case tar.TypeFifo:
		kind = 'p'
	}
	mode := []byte(modeString(h.FileInfo().Mode()))
	mode[0] = kind
	owner := tarOwner(h.Uname, h.Uid, t.opts.has(tarNumeric)) + "/" + tarOwner(h.Gname, h.Gid, t.opts.has(tarNumeric))
	size := fmt.Sprint(h.Size)
	if kind == 'c' || kind == 'b' {
		size = fmt.Sprintf("%d,%d", h.Devmajor, h.Devminor)
	}
	line := fmt.Sprintf("%s %s %*s %s %s", mode, owner, max(18-len(owner), len(size)), size, h.ModTime.In(time.Local).Format("2006-01-02 15:04"), h.Name)
	switch kind {
	case 'l':
		line += " -> " + h.Linkname
	case 'h':
		line += " link to " + h.Linkname
	}
	return t.shown(line)
}

func tarOwner(name string, id int, numeric bool) string {
	if name == "" || numeric {
		return fmt.Sprint(id)
	}
	return name
}

// tarSelection is which members are wanted: those named and what lies in them.
type tarSelection struct {
	names []string
	found []bool
}

func newTarSelection(names []tarName) *tarSelection {
	s := &tarSelection{found: make([]bool, len(names))}
	for _, n := range names {
		s.names = append(s.names, strings.Trim(n.name, "/"))
	}
	return s
}

func (s *tarSelection) has(member string) bool {
	if len(s.names) == 0 {
		return true
	}
	member = strings.Trim(member, "/")
	wanted := false
	for i, name := range s.names {
		if member == name || strings.HasPrefix(member, name+"/") {
			wanted, s.found[i] = true, true
		}
	}
	return wanted
}

func (s *tarSelection) missing() (names []string) {
	for i, name := range s.names {
		if !s.found[i] {
			names = append(names, name)
		}
	}
	return names
}
