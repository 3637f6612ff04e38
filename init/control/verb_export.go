package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/oci"
	"bantam/signature"
	"bantam/switcher"
	"bantam/tty"
)

const exportHelp = `Writes all of generation NUMBER as an OCI layout in a tar, which "bantam import" of another machine
takes, and skopeo reads: skopeo inspect oci-archive:FILE. A FILE that is there is not
overwritten; - is standard output. What a boot slot or the boot medium holds is read there. Each
blob is compared with its digest on the way.

  --partial  leave out what is not on this machine, as the kernel of a machine that was started
             from a CD, which only its boot loader reads. Another machine with that kernel needs
             none of it`

func runExport(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--partial")
	if code != 0 {
		return code
	}
	if len(rest) != 2 {
		return c.misuse("export which one, and to where?")
	}
	number, code := c.generation(rest[0])
	if code != 0 {
		return code
	}
	file := rest[1]
	toPipe := file == "-"
	if toPipe && c.out == io.Writer(os.Stdout) && tty.Is(os.Stdout) {
		return c.fail(errors.New("an archive is nothing for a terminal; name a file, or redirect the output"))
	}
	var x switcher.Export
	if last, ok := c.ask(Request{Verb: "export", Generation: number}, &x); !ok {
		return max(last.Exit, ExitError)
	}
	source := &exportSource{Export: x, partial: flags["--partial"] != "", progress: newProgress(c.errOut)}
	if err := source.complete(); err != nil {
		return c.fail(err)
	}
	var err error
	if toPipe {
		err = source.write(c.out)
	} else {
		err = source.writeFile(file)
	}
	source.progress.clear()
	if err != nil {
		return c.fail(err)
	}
	if !toPipe {
		fmt.Fprintf(c.out, "generation %d is in %s: %s, %d kB%s\n", number, visible(file), count(source.blobs, "blob"), (source.done+1023)>>10, source.leftOut())
	}
	return ExitGood
}

// exportSource reads a generation of this machine.
type exportSource struct {
	switcher.Export
	partial  bool
	progress *progress

	absent      []string // what is left out, for people
	blobs       int
	done, total int64
}

// complete looks whether all is here.
func (s *exportSource) complete() error {
	var faults []error
	for _, b := range s.Blobs {
		if b.Path == "" {
			faults = append(faults, fmt.Errorf("%s (%s): %s", b.Spoken(), b.Digest.Short(), b.Fault))
			s.absent = append(s.absent, b.Spoken())
			continue
		}
		s.blobs++
		s.total += b.Size
	}
	if len(faults) == 0 || s.partial {
		return nil
	}
	return errors.Join(append(faults, errors.New("not all of it is on this machine; --partial exports the rest, for a machine that has these"))...)
}

func (s *exportSource) leftOut() string {
	if len(s.absent) == 0 {
		return ""
	}
	return "; left out: " + strings.Join(s.absent, ", ")
}

func (s *exportSource) write(w io.Writer) error {
	return oci.WriteArchive(context.Background(), w, s.Name, s)
}

// writeFile makes the file in one step, so that no half of an archive is carried away.
func (s *exportSource) writeFile(file string) error {
	switch info, err := os.Stat(file); {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder; name a file in it, e.g. %s", file, filepath.Join(file, s.Name+".oci.tar"))
	case err == nil:
		return fmt.Errorf("%s is there already; remove it, or name another", file)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(file)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	const tarRoom = 1 << 10 // beside each blob
	free, need := int64(st.Bavail)*int64(st.Bsize), s.total+int64(len(s.Blobs)+8)*tarRoom
	if free < need {
		return fmt.Errorf("%s has %d kB free, the archive needs %d kB", dir, free>>10, need>>10)
	}
	from, to := io.Pipe()
	go func() { to.CloseWithError(s.write(to)) }()
	temp, err := atomicfile.Temp(atomicfile.OS{}, dir, from, 0o644)
	from.Close() // the writer may still be at it
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return atomicfile.Commit(atomicfile.OS{}, temp, file)
}

// Manifest is for oci.WriteArchive, as are the following.
func (s *exportSource) Manifest(context.Context) ([]byte, error) { return s.Export.Manifest, nil }

func (s *exportSource) Signatures(context.Context) ([]signature.Signed, error) { return s.Signed, nil }

func (s *exportSource) Close() error { return nil }

func (s *exportSource) Blob(_ context.Context, d switcher.Descriptor, from int64) (io.ReadCloser, error) {
	for _, b := range s.Blobs {
		switch {
		case b.Digest != d.Digest:
			continue
		case b.Path == "":
			return nil, oci.ErrAbsent
		}
		f, err := os.Open(b.Path)
		if err != nil {
			return nil, err
		}
		return &exportedBlob{Reader: io.NewSectionReader(f, b.Offset+from, b.Size-from), f: f, source: s, name: d.Spoken()}, nil
	}
	if switcher.DigestOf(s.Config) == d.Digest {
		return io.NopCloser(bytes.NewReader(s.Config)), nil
	}
	return nil, fmt.Errorf("%s is no blob of the generation", d.Digest.Short())
}

// exportedBlob tells how far things are.
type exportedBlob struct {
	io.Reader
	f      *os.File
	source *exportSource
	name   string
}

func (b *exportedBlob) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.source.done += int64(n)
	b.source.progress.show("%d of %d kB: %s", b.source.done>>10, b.source.total>>10, b.name)
	return n, err
}

func (b *exportedBlob) Close() error { return b.f.Close() }
