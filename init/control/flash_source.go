package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"bantam/http1"
	"bantam/init/flashing"
	"bantam/oci"
	"bantam/packing"
	"bantam/regular"

	"golang.org/x/sys/unix"
)

// A flashFile is what a word led to: a firmware that can be read at any place, or the source of a generation.
type flashFile struct {
	firmware flashing.Firmware
	source   oci.Source // of a generation's archive or registry; nil: it is a firmware
	closers  []io.Closer
}

func (f *flashFile) close() {
	for _, c := range f.closers {
		c.Close()
	}
}

// firmwareOpener opens what `bantam flash` is given.
type firmwareOpener struct {
	ctx     context.Context
	options oci.Options
	memory  int64  // what unpacking may take, in bytes
	dir     string // where what cannot be read at any place is spooled, e.g. /state
	told    func(format string, args ...any)
}

// open finds out what a word means, and fetches and unpacks what has to be.
func (o firmwareOpener) open(word string) (f *flashFile, err error) {
	f = &flashFile{}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if word == "-" {
		return f, o.stream(f, os.Stdin, -1)
	}
	info, statErr := os.Stat(word)
	switch {
	case statErr == nil && info.Mode().IsRegular():
		return f, o.file(f, word)
	case strings.HasPrefix(word, "http://"), strings.HasPrefix(word, "https://"):
		if at, err := url.Parse(word); err == nil && at.Host != "" && isDownload(at.Path) {
			return f, o.web(f, at)
		}
	case statErr != nil && (strings.HasPrefix(word, "/") || strings.HasPrefix(word, ".") || isDownload(word)):
		return f, errors.Unwrap(statErr) // the word stands before it already
	}
	return f, o.generation(f, word)
}

// isDownload says that the end of a path is that of a file, and not of a registry's repository, nor of an archive, of which only what is
// lacking need be fetched.
func isDownload(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for _, ending := range []string{".img", ".bin", ".itb", ".trx", ".chk", ".ubi", packing.Gzip.Suffix, packing.XZ.Suffix, packing.Zstd.Suffix} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return strings.HasSuffix(name, ".iso")
}

// generation opens what `bantam import` takes.
func (o firmwareOpener) generation(f *flashFile, word string) error {
	source, err := oci.Open(o.ctx, word, o.options)
	if err != nil {
		return err
	}
	f.source, f.firmware = source, flashing.Firmware{Kind: flashing.Archive, What: "a generation"}
	f.closers = append(f.closers, source)
	return nil
}

// file reads a file where it lies, unless it is compressed.
func (o firmwareOpener) file(f *flashFile, path string) error {
	const anySize = 1 << 50
	file, err := regular.Open(path, 0, anySize)
	if err != nil {
		return err
	}
	f.closers = append(f.closers, file)
	size := file.Stat.Size
	head := bufio.NewReader(io.NewSectionReader(file, 0, 512))
	begins, _ := head.Peek(512)
	switch {
	case packing.Of(head) != nil:
		return o.stream(f, file, -1)
	case flashing.IsArchive(begins):
		return o.generation(f, path)
	}
	return o.look(f, io.NewSectionReader(file, 0, size))
}

// look says what a file is. An archive is read as a stream: its blobs come in the order in which they are asked for.
func (o firmwareOpener) look(f *flashFile, r *io.SectionReader) (err error) {
	if f.firmware, err = flashing.Look(r); err != nil {
		return err
	}
	if f.firmware.Kind == flashing.Archive {
		o.options.Stdin = r
		return o.generation(f, "-")
	}
	return nil
}

// web fetches a file.
func (o firmwareOpener) web(f *flashFile, at *url.URL) error {
	client, err := o.options.Client(at.Scheme)
	if err != nil {
		return err
	}
	f.closers = append(f.closers, client)
	answer, err := client.Follow(o.ctx, &http1.Request{Method: "GET", URL: at})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.Status != 200 {
		return fmt.Errorf("%s://%s%s: the server answers %d %s", at.Scheme, at.Host, at.EscapedPath(), answer.Status, answer.Reason)
	}
	return o.stream(f, answer.Body, answer.Length)
}

// stream spools what comes, unpacked, unless it is a generation's archive: of that the blobs go where they belong as they come. length is
// that of what comes; -1: nobody knows it.
func (o firmwareOpener) stream(f *flashFile, r io.Reader, length int64) error {
	plain, format, err := packing.OpenWithin(r, o.memory)
	if err != nil {
		return o.unpacking(format, err)
	}
	f.closers = append(f.closers, plain)
	in := bufio.NewReaderSize(plain, 64<<10)
	head, err := in.Peek(512)
	if err != nil && err != io.EOF {
		return o.unpacking(format, err)
	}
	if flashing.IsArchive(head) {
		o.options.Stdin = in
		return o.generation(f, "-")
	}
	if format != nil {
		length = -1
	}
	file, size, err := o.spool(in, length)
	if file != nil {
		f.closers = append(f.closers, file)
	}
	if err != nil {
		return o.unpacking(format, err)
	}
	return o.look(f, io.NewSectionReader(file, 0, size))
}

// unpacking says what helps where compressed data cannot be read.
func (o firmwareOpener) unpacking(format *packing.Format, err error) error {
	switch {
	case errors.Is(err, packing.ErrMemory):
		return &flashing.Refusal{Why: fmt.Sprintf("it %v than this machine has to spare, %d MiB", err, o.memory>>20), Help: "unpack it before", Err: err}
	case format != nil && !errors.As(err, new(*flashing.Refusal)):
		return &flashing.Refusal{Why: fmt.Sprintf("its %s data: %v", format.Name, err), Help: "fetch or build it again", Err: err}
	}
	return err
}

// spareRoom is what spooling leaves free.
const spareRoom = 4 << 20

// spool keeps what comes in a file without a name, which is gone with this process, whatever ends that.
func (o firmwareOpener) spool(r io.Reader, length int64) (*os.File, int64, error) {
	free, err := freeAt(o.dir)
	if err != nil {
		return nil, 0, err
	}
	if length > free-spareRoom {
		return nil, 0, tooFull(o.dir, free, length)
	}
	fd, err := unix.Open(o.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, 0, &os.PathError{Op: "make a file without a name in", Path: o.dir, Err: err}
	}
	file := os.NewFile(uintptr(fd), o.dir)
	const chunk = 1 << 20
	size := int64(0)
	for {
		if err := o.ctx.Err(); err != nil {
			return file, size, err
		}
		n, err := io.CopyN(file, r, chunk)
		size += n
		switch {
		case err == io.EOF && (length < 0 || size == length):
			return file, size, nil
		case err == io.EOF:
			return file, size, fmt.Errorf("it ended after %d of %d bytes: %w", size, length, io.ErrUnexpectedEOF)
		case err != nil:
			return file, size, err
		}
		if free, err := freeAt(o.dir); err != nil || free < spareRoom {
			return file, size, errors.Join(err, tooFull(o.dir, free, -1))
		}
		if length > 0 {
			o.told("%d of %d kB fetched", size>>10, length>>10)
		} else {
			o.told("%d kB read", size>>10)
		}
	}
}

func tooFull(dir string, free, need int64) error {
	why := fmt.Sprintf("%s is too full to hold the image while it is looked at: %d kB are free", dir, free>>10)
	if need >= 0 {
		why += fmt.Sprintf(", it needs %d kB", (need+spareRoom+1023)>>10)
	}
	if dir != statePath {
		return &flashing.Refusal{Why: why, Help: "remove files there: it lies in memory"}
	}
	return &flashing.Refusal{Why: why, Help: "files that nobody needs there, `bantam generations delete` and `bantam gc` make room; of an archive (.oci.tar) only what is lacking is kept"}
}

func freeAt(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil
}

// availableMemory is what the kernel says that a program may still take, in bytes.
func availableMemory() int64 {
	text, _ := os.ReadFile("/proc/meminfo") // without it only the smallest windows are taken
	for line := range strings.Lines(string(text)) {
		var kB int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	return 0
}
