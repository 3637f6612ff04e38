package applet

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// mostWindow bounds the memory that the header of a compressed file may ask for:
// what xz -9 and zstd --ultra make can be read.
const mostWindow = 128 << 20

// packing is a format of compressed files. All three are read, only gzip is written.
type packing struct {
	name   string
	magic  string
	suffix string
	tar    string // what stands for .tar and suffix
	open   func(*bufio.Reader) (io.ReadCloser, error)
}

var packings = []*packing{
	{"gzip", "\x1f\x8b", ".gz", ".tgz", openGzip},
	{"xz", "\xfd7zXZ\x00", ".xz", ".txz", openXZ},
	{"zstd", "\x28\xb5\x2f\xfd", ".zst", ".tzst", openZstd},
}

func packingNamed(name string) *packing {
	for _, p := range packings {
		if p.name == name {
			return p
		}
	}
	return nil
}

// packingOf tells by its first bytes how the input is compressed; nil if it is not.
func packingOf(r *bufio.Reader) *packing {
	for _, p := range packings {
		if head, _ := r.Peek(len(p.magic)); string(head) == p.magic {
			return p
		}
	}
	return nil
}

var errTrailing = errors.New("what follows the compressed data was ignored")

// gzipReader reads the members of a gzip file one after another. Zeros behind
// the last one fill up the blocks of a tape and are nothing; other bytes there
// are errTrailing, after all data.
type gzipReader struct {
	*gzip.Reader
	in *bufio.Reader
}

func openGzip(r *bufio.Reader) (io.ReadCloser, error) {
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
	if head, err := g.in.Peek(2); string(head) != packings[0].magic {
		if err != nil && err != io.EOF {
			return false, err
		}
		return false, errTrailing
	}
	if err := g.Reader.Reset(g.in); err != nil {
		return false, brokenPacking(err)
	}
	g.Reader.Multistream(false)
	return true, nil
}

func openXZ(r *bufio.Reader) (io.ReadCloser, error) {
	z, err := xz.NewReader(r, mostWindow)
	if err != nil {
		return nil, brokenPacking(err)
	}
	return readCloser{z, func() {}}, nil
}

func openZstd(r *bufio.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(mostWindow))
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

var (
	errCutOff    = errors.New("the compressed data is cut off")
	errNotPacked = errors.New("is not in that compressed format")
)

// brokenPacking says in words what is wrong with compressed data.
func brokenPacking(err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, xz.ErrBuf):
		return errCutOff
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return errors.New("the checksum does not fit: the data is damaged")
	case errors.Is(err, xz.ErrMemlimit), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("needs more than %d MiB of memory", mostWindow>>20)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, xz.ErrFormat), errors.Is(err, zstd.ErrMagicMismatch):
		return errNotPacked
	}
	return err
}

// unpacked is the input as it was before it was compressed, if it was.
func unpacked(r io.Reader) (io.ReadCloser, *packing, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if p := packingOf(in); p != nil {
		z, err := p.open(in)
		return z, p, err
	}
	if head, err := in.Peek(1); len(head) == 0 && err != io.EOF {
		return nil, nil, err
	}
	return io.NopCloser(in), nil, nil
}

// plainName is the name of a file before it was compressed: x of x.gz, x.tar of x.tgz.
func (p *packing) plainName(name string) (plain string, ok bool) {
	if plain, ok = strings.CutSuffix(name, p.suffix); ok && !strings.HasSuffix("/"+plain, "/") {
		return plain, true
	}
	if plain, ok = strings.CutSuffix(name, p.tar); ok && !strings.HasSuffix("/"+plain, "/") {
		return plain + ".tar", true
	}
	return "", false
}
