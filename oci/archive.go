package oci

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"bantam/regular"
)

// tape is the bytes of an archive that can be read from any place.
type tape interface {
	// part reads n bytes from one on, or as many as there are.
	part(ctx context.Context, from, n int64) (io.ReadCloser, error)
	Close() error
}

// archive is an OCI layout as a tar, of which only the heads of its files are read to find them.
type archive struct {
	tape
	window int64             // bytes that are worth reading at once while looking for heads
	files  map[string]extent // once looked for
}

// extent is where a file lies in an archive.
type extent struct{ at, size int64 }

// maxEntries bounds the files of an archive: a generation has some hundred, the store of a host a few thousand.
const maxEntries = 20_000

func (a *archive) read(ctx context.Context, name string, most int64) ([]byte, error) {
	if err := a.find(ctx); err != nil {
		return nil, err
	}
	if e := a.files[name]; e.size > most {
		return nil, fmt.Errorf("%s: %d bytes, the limit is %d", name, e.size, most)
	}
	r, err := a.open(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (a *archive) open(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	if err := a.find(ctx); err != nil {
		return nil, err
	}
	e, ok := a.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	from = min(from, e.size)
	r, err := a.part(ctx, e.at+from, e.size-from)
	if err != nil {
		return nil, err
	}
	return section{io.LimitReader(r, e.size-from), r}, nil
}

// find looks where the files lie. Of two with one name the first holds, as in a stream.
func (a *archive) find(ctx context.Context) error {
	if a.files != nil {
		return nil
	}
	found := make(map[string]extent)
	at := &head{ctx: ctx, tape: a.tape, window: a.window}
	reader := tar.NewReader(at)
	for count := 0; ; count++ {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) && count > 0 {
			break
		}
		if err != nil {
			return tarFault(err, count, at.first)
		}
		if count == maxEntries {
			return fmt.Errorf("tar: more than %d files", maxEntries)
		}
		name := layoutFile(h.Name)
		if _, twice := found[name]; name == "" || twice || h.Typeflag != tar.TypeReg {
			continue
		}
		found[name] = extent{at.pos, h.Size}
	}
	a.files = found
	return nil
}

// packers are how files begin that people take for a tar.
var packers = []struct{ magic, name string }{
	{"\x1f\x8b", "gzip"}, {"\xfd7zXZ\x00", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"},
	{"<", "HTML or XML"}, {"{", "JSON"},
}

// tarFault says why the next head of an archive cannot be read; first is how it begins.
func tarFault(err error, count int, first []byte) error {
	if count > 0 {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("tar: %w, behind %d files", ErrShort, count)
		}
		return fmt.Errorf("tar: behind %d files: %w", count, err)
	}
	for _, p := range packers {
		if len(first) >= len(p.magic) && string(first[:len(p.magic)]) == p.magic {
			return fmt.Errorf("it is no tar but %s", p.name)
		}
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it is no tar: it is empty")
	}
	return fmt.Errorf("it is no tar: %w", err)
}

// head is how the heads of an archive are read: archive/tar seeks over the files between them.
type head struct {
	ctx    context.Context
	tape   tape
	window int64
	pos    int64
	first  []byte // how the archive begins
	have   []byte // bytes from pos on, in memory
}

func (h *head) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(h.have) == 0 {
		r, err := h.tape.part(h.ctx, h.pos, h.window)
		if err != nil {
			return 0, err
		}
		h.have, err = io.ReadAll(io.LimitReader(r, h.window))
		r.Close()
		if err != nil {
			return 0, err
		}
		if len(h.have) == 0 {
			return 0, io.EOF
		}
		if h.pos == 0 {
			h.first = h.have[:min(len(h.have), 16)]
		}
	}
	n := copy(p, h.have)
	h.have, h.pos = h.have[n:], h.pos+int64(n)
	return n, nil
}

// Seek is what archive/tar needs of an io.Seeker: where are we, and forward from there.
func (h *head) Seek(offset int64, whence int) (int64, error) {
	switch {
	case whence == io.SeekStart:
		offset -= h.pos
	case whence != io.SeekCurrent:
		return 0, errors.ErrUnsupported
	}
	if offset < 0 || offset > maxBlob {
		return 0, fmt.Errorf("seek by %d bytes", offset)
	}
	h.have = h.have[min(offset, int64(len(h.have))):]
	h.pos += offset
	return h.pos, nil
}

// fileTape is an archive in a file.
type fileTape struct{ *regular.File }

func (f fileTape) part(_ context.Context, from, n int64) (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(f.File, from, n)), nil
}

// Windows in which heads are looked for: of a file a page is enough, of a web server one question costs as much as some kilobytes.
const (
	fileWindow = 4 << 10
	webWindow  = 16 << 10
)
