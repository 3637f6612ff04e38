// Package packing reads compressed files: gzip, xz and zstd, told by their first bytes. Nothing is written here.
package packing

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// mostWindow bounds the memory that the header of a compressed file may ask for, in bytes:
// what xz -9 and zstd --ultra make can be read.
const mostWindow = 128 << 20

// ErrMemory: unpacking wants more memory than it may have.
var ErrMemory = errors.New("needs more memory to be unpacked")

// A Format is one way to compress files.
type Format struct {
	Name   string // as its tool is called, e.g. zstd
	Suffix string // of files, e.g. .zst
	Magic  string // its first bytes
	tar    string // what stands for .tar and the suffix
	open   func(r *bufio.Reader, window int) (io.ReadCloser, error)
}

const gzipMagic = "\x1f\x8b"

// The formats that there are.
var (
	Gzip = &Format{"gzip", ".gz", gzipMagic, ".tgz", openGzip}
	XZ   = &Format{"xz", ".xz", "\xfd7zXZ\x00", ".txz", openXZ}
	Zstd = &Format{"zstd", ".zst", "\x28\xb5\x2f\xfd", ".tzst", openZstd}
)

// Of tells by its first bytes how the input is compressed; nil if it is not.
func Of(r *bufio.Reader) *Format {
	for _, f := range []*Format{Gzip, XZ, Zstd} {
		if head, _ := r.Peek(len(f.Magic)); string(head) == f.Magic {
			return f
		}
	}
	return nil
}

// ErrTrailing follows all data of a gzip file behind which there is something else.
var ErrTrailing = errors.New("what follows the compressed data was ignored")

// gzipReader reads the members of a gzip file one after another. Zeros behind
// the last one fill up the blocks of a tape and are nothing; other bytes there
// are ErrTrailing, after all data.
type gzipReader struct {
	*gzip.Reader
	in *bufio.Reader
}

func openGzip(r *bufio.Reader, _ int) (io.ReadCloser, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, brokenPacking(err)
	}
	z.Multistream(false)
	return &gzipReader{z, r}, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for {
		n, err := g.Reader.Read(p)
		if n > 0 && err == io.EOF {
			return n, nil // asked again it says so again
		}
		if err != io.EOF || len(p) == 0 {
			return n, brokenPacking(err)
		}
		more, err := g.next()
		if !more {
			return 0, err
		}
	}
}

// next begins the next member. Without one err is how the input ends.
func (g *gzipReader) next() (more bool, err error) {
	for {
		b, err := g.in.ReadByte()
		if err != nil {
			return false, err
		}
		if b != 0 {
			g.in.UnreadByte()
			break
		}
	}
	if head, err := g.in.Peek(2); string(head) != gzipMagic {
		if err != nil && err != io.EOF {
			return false, err
		}
		return false, ErrTrailing
	}
	if err := g.Reader.Reset(g.in); err != nil {
		return false, brokenPacking(err)
	}
	g.Reader.Multistream(false)
	return true, nil
}

func openXZ(r *bufio.Reader, window int) (io.ReadCloser, error) {
	z, err := xz.NewReader(r, uint32(window))
	if err != nil {
		return nil, brokenPacking(err)
	}
	return readCloser{z, func() {}}, nil
}

func openZstd(r *bufio.Reader, window int) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(window)))
	if err != nil {
		return nil, brokenPacking(err)
	}
	return readCloser{z, z.Close}, nil
}

type readCloser struct {
	r     io.Reader
	close func()
}

func (r readCloser) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	return n, brokenPacking(err)
}

func (r readCloser) Close() error {
	r.close()
	return nil
}

// What a Read says of data that is broken.
var (
	ErrCutOff    = errors.New("the compressed data is cut off")
	ErrNotPacked = errors.New("is not in that compressed format")
)

// brokenPacking says in words what is wrong with compressed data.
func brokenPacking(err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, xz.ErrBuf):
		return ErrCutOff
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return errors.New("the checksum does not fit: the data is damaged")
	case errors.Is(err, xz.ErrMemlimit), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return ErrMemory
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, xz.ErrFormat), errors.Is(err, zstd.ErrMagicMismatch):
		return ErrNotPacked
	}
	return err
}

// Open reads the input as Of tells its beginning: what it was before it was compressed, or as it is. Of compressed data that is
// cut off or damaged the error of a Read says so.
func Open(r io.Reader) (io.ReadCloser, *Format, error) { return OpenWithin(r, mostWindow) }

// OpenWithin is Open that takes at most so many bytes of memory for what a format refers back to, and never more than Open: ErrMemory.
func OpenWithin(r io.Reader, window int64) (io.ReadCloser, *Format, error) {
	const least = 64 << 10 // what the readers take as a bound
	in := bufio.NewReaderSize(r, 64<<10)
	if f := Of(in); f != nil {
		z, err := f.open(in, int(max(least, min(window, mostWindow))))
		return z, f, err
	}
	if head, err := in.Peek(1); len(head) == 0 && err != io.EOF {
		return nil, nil, err
	}
	return io.NopCloser(in), nil, nil
}

// Open reads what is compressed in this format.
func (f *Format) Open(r *bufio.Reader) (io.ReadCloser, error) { return f.open(r, mostWindow) }

// PlainName is the name of a file before it was compressed: x of x.gz, x.tar of x.tgz.
func (f *Format) PlainName(name string) (plain string, ok bool) {
	if plain, ok = strings.CutSuffix(name, f.Suffix); ok && !strings.HasSuffix("/"+plain, "/") {
		return plain, true
	}
	if plain, ok = strings.CutSuffix(name, f.tar); ok && !strings.HasSuffix("/"+plain, "/") {
		return plain + ".tar", true
	}
	return "", false
}
