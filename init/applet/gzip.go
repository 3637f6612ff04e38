package applet

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
	"bantam/packing"
)

// compressor is one run of gzip, xz or zstd under one of their names.
type compressor struct {
	c       *call
	format  *packing.Format
	unpack  bool
	stdout  bool
	keep    bool
	force   bool
	test    bool
	verbose bool
	level   int
}

// gzipCommand is gzip, gunzip, zcat and the same of xz and zstd. The new file
// takes the place of the old one only when it is whole and on the disk.
func gzipCommand(c *call, args []string) int {
	opts, files, err := parseOptions("cdfkntqvz123456789", map[string]byte{"stdout": 'c', "to-stdout": 'c', "decompress": 'd', "uncompress": 'd', "force": 'f',
		"keep": 'k', "no-name": 'n', "test": 't', "quiet": 'q', "verbose": 'v', "compress": 'z', "fast": '1', "best": '9'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	z := &compressor{c: c, format: packing.Gzip, stdout: opts.has('c'), keep: opts.has('k'), force: opts.has('f'), verbose: opts.has('v'), level: gzip.DefaultCompression}
	z.test = opts.has('t')
	z.unpack = opts.has('d') || z.test
	switch name := c.name; {
	case strings.Contains(name, "xz"):
		z.format = packing.XZ
	case strings.Contains(name, "zst"):
		z.format = packing.Zstd
		z.keep = true // as zstd itself
	}
	if strings.HasPrefix(c.name, "un") || c.name == "gunzip" {
		z.unpack = true
	}
	if strings.HasSuffix(c.name, "cat") {
		z.unpack, z.stdout = true, true
	}
	if !z.unpack && z.format.Name != "gzip" {
		return c.misuse("compresses only as gzip; give -d to read")
	}
	for level := byte('1'); level <= '9'; level++ {
		if opts.has(level) {
			z.level = int(level - '0')
		}
	}
	for _, file := range orStdin(files) {
		if file == "-" || z.stdout || z.test {
			z.stream(file)
		} else {
			z.replace(file)
		}
	}
	return c.status
}

// stream reads a file for standard output, or for nothing with -t.
func (z *compressor) stream(file string) {
	out := io.Writer(z.c.out)
	switch {
	case z.test:
		out = io.Discard
	case !z.unpack && z.c.seen && !z.force:
		z.c.fail("", errors.New("compressed data is not for a terminal (-f sends it nevertheless)"))
		return
	}
	z.c.withInput(file, func(r io.Reader) error {
		err := z.convert(out, r)
		if errors.Is(err, packing.ErrTrailing) {
			z.warnTrailing(file)
			return nil
		}
		if err == nil && z.verbose {
			z.c.warn("%s: OK", PrintableLine(file))
		}
		return err
	})
}

func (z *compressor) warnTrailing(file string) {
	z.c.warn("%s: %v", PrintableLine(file), packing.ErrTrailing)
	z.c.status = max(z.c.status, 2) // as gzip: a warning
}

// replace makes file.gz of file, or the other way round.
func (z *compressor) replace(file string) {
	target, ok := file+z.format.Suffix, true
	if z.unpack {
		target, ok = z.format.PlainName(file)
	} else if _, packed := z.format.PlainName(file); packed {
		z.c.warn("%s: has the suffix %s already", PrintableLine(file), z.format.Suffix)
		z.c.status = max(z.c.status, 2)
		return
	}
	if !ok {
		z.c.warn("%s: has not the suffix %s; -c reads it nevertheless", PrintableLine(file), z.format.Suffix)
		z.c.status = max(z.c.status, 2)
		return
	}
	if err := z.replaceBy(file, target); err != nil {
		z.c.fail(file, err)
	}
}

func (z *compressor) replaceBy(file, target string) error {
	dir, name, err := filetree.OpenOperand(file)
	if err != nil {
		return err
	}
	defer dir.Close()
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if !z.force {
		flags |= syscall.O_NOFOLLOW
	}
	in, err := dir.File(name, flags, 0)
	if errors.Is(err, syscall.ELOOP) && !z.force {
		return errors.New("is a link; -f follows it, -c leaves it")
	}
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return syscall.EISDIR
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file; -c reads it nevertheless")
	case stat(info).Nlink > 1 && !z.force && !z.keep:
		return fmt.Errorf("has %d other names, which would keep the old content; -f does it nevertheless", stat(info).Nlink-1)
	}
	made := filepath.Base(target)
	if old, err := dir.Lstat(made); err == nil {
		switch {
		case old.IsDir():
			return fmt.Errorf("%s is a directory", target)
		case !z.force && !(isTerminal(z.c.in) && z.c.confirm("overwrite %s?", target)):
			return fmt.Errorf("%s exists (-f overwrites it)", target)
		}
	}
	trailing := false
	err = replaceName(dir, made, info.Mode().Perm(), nil, func(w io.Writer) error {
		err := z.convert(w, streamed{in, z.c.out})
		if errors.Is(err, packing.ErrTrailing) {
			trailing, err = true, nil
		}
		if err != nil {
			return err
		}
		// Owner, times and extended attributes stay; the owner only where that is allowed.
		f, st := w.(*os.File), stat(info)
		f.Chown(int(st.Uid), int(st.Gid))
		if err := copyAttributes(dir.Path(name), dir.Path(f.Name()), capabilities); err != nil {
			return err
		}
		return dir.Chtimes(f.Name(), unix.Timespec(st.Atim), unix.Timespec(st.Mtim))
	})
	if err != nil {
		return err
	}
	if trailing {
		z.warnTrailing(file)
	}
	if z.verbose {
		z.c.warn("%s -> %s", PrintableLine(file), PrintableLine(target))
	}
	if z.keep {
		return nil
	}
	if now, err := dir.Stat(name); err != nil || now.ID() != (filetree.ID{Device: uint64(stat(info).Dev), Inode: stat(info).Ino}) {
		return nil // another file took its name meanwhile
	}
	return dir.Unlink(name)
}

// convert packs or unpacks one stream.
func (z *compressor) convert(w io.Writer, r io.Reader) error {
	if !z.unpack {
		return pack(w, r, z.level)
	}
	in := bufio.NewReaderSize(r, 64<<10)
	format := packing.Of(in)
	if format == nil {
		head, err := in.Peek(len(z.format.Magic))
		switch {
		case err != nil && err != io.EOF:
			return err
		case z.force && z.stdout: // zcat -f is cat for what is not compressed
			_, err := io.Copy(w, in)
			return err
		case strings.HasPrefix(z.format.Magic, string(head)):
			return packing.ErrCutOff
		}
		return packing.ErrNotPacked
	}
	out, err := format.Open(in)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(w, out)
	return err
}

// pack writes what it reads as one gzip member, without name and time: the same
// input gives the same bytes.
func pack(w io.Writer, r io.Reader, level int) error {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, r); err != nil {
		return err
	}
	return z.Close()
}
