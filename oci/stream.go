package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// stream is an OCI layout as a tar that comes by once, from a pipe or from a web server that knows no ranges. What is small is kept
// when it is passed, so that manifest, config and signatures may come in any order; of the rest the reader must ask in the order in which it comes.
type stream struct {
	io.Closer
	in    *bufio.Reader
	tar   *tar.Reader
	count int
	kept  map[string][]byte
	gone  map[string]bool // files that were passed and not kept
	bytes int64           // in kept
}

// Bounds of what a stream keeps.
const (
	maxKept    = 64 << 10 // bytes of a file
	maxAllKept = 8 << 20
)

func newStream(r io.ReadCloser) *stream {
	in := bufio.NewReaderSize(r, 32<<10)
	return &stream{Closer: r, in: in, tar: tar.NewReader(in), kept: make(map[string][]byte), gone: make(map[string]bool)}
}

func (s *stream) read(ctx context.Context, name string, most int64) ([]byte, error) {
	if data, ok := s.kept[name]; ok {
		return data, nil
	}
	r, size, err := s.seek(ctx, name)
	if err != nil {
		return nil, err
	}
	if size > most {
		return nil, fmt.Errorf("%s: %d bytes, the limit is %d", name, size, most)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return data, s.keep(name, data)
}

func (s *stream) open(ctx context.Context, name string, from int64) (io.ReadCloser, error) {
	data, ok := s.kept[name]
	var r io.Reader = bytes.NewReader(data)
	if !ok {
		var err error
		if r, _, err = s.seek(ctx, name); err != nil {
			return nil, err
		}
	}
	if _, err := io.CopyN(io.Discard, r, from); err != nil && err != io.EOF {
		return nil, err
	}
	return io.NopCloser(r), nil
}

// seek reads on until a file comes.
func (s *stream) seek(ctx context.Context, wanted string) (io.Reader, int64, error) {
	if s.gone[wanted] {
		return nil, 0, fmt.Errorf("%s has come by already: it %w; save the archive as a file, and take that", wanted, ErrOrder)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		first, _ := s.in.Peek(16)
		h, err := s.tar.Next()
		if errors.Is(err, io.EOF) && s.count > 0 {
			return nil, 0, fs.ErrNotExist
		}
		if err != nil {
			return nil, 0, tarFault(err, s.count, first)
		}
		if s.count++; s.count > maxEntries {
			return nil, 0, fmt.Errorf("tar: more than %d files", maxEntries)
		}
		name := layoutFile(h.Name)
		_, twice := s.kept[name]
		switch {
		case name == "" || h.Typeflag != tar.TypeReg || twice || s.gone[name]:
			continue
		case name == wanted && h.Size > maxKept:
			s.gone[name] = true
			return s.tar, h.Size, nil
		case h.Size > maxKept:
			if wanted == "index.json" {
				return nil, 0, fmt.Errorf("index.json comes behind the blobs: it %w; save the archive as a file, and take that", ErrOrder)
			}
			s.gone[name] = true
			continue
		}
		data, err := io.ReadAll(s.tar)
		if err != nil {
			return nil, 0, tarFault(err, s.count, nil)
		}
		if err := s.keep(name, data); err != nil {
			return nil, 0, err
		}
		if name == wanted {
			return bytes.NewReader(data), h.Size, nil
		}
	}
}

func (s *stream) keep(name string, data []byte) error {
	if s.bytes += int64(len(data)); s.bytes > maxAllKept {
		return fmt.Errorf("tar: small files of more than %d bytes", maxAllKept)
	}
	s.kept[name] = data
	return nil
}
