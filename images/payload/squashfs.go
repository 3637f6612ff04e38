package payload

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"bantam/images"
	"bantam/switcher"
)

// Entry is a file of a tree that becomes a layer. Folders above it need no entry of their own: they are root's, 0755.
type Entry struct {
	Path     string // below the root, e.g. usr/sbin/mosquitto
	Mode     uint32 // rights, e.g. 0755; those of a link count for nothing
	UID, GID int
	Dir      bool
	Link     string // where a symbolic link leads; "" if it is none
	File     string // path on this host of a file that has its bytes; "" if Data has them
	Data     []byte
}

// blockSize is that of the squashfs: what the device unpacks at once, and the memory that its decompressor takes.
const blockSize = 128 << 10

// blob is a file of the cache.
type blob struct {
	File   string
	Digest switcher.Digest
	Size   int64
}

// squashFS packs a tree as a squashfs, in the cache. The bytes follow from the entries, whatever their order, and from
// the version of mksquashfs: not from times, nor from who calls it. filter is the branch filter for xz, e.g. x86; "" is none.
//
// mksquashfs is given an archive, as it is the way of telling it owners and rights without being root and of giving it
// names that no host's file system needs to bear.
func squashFS(ctx context.Context, cache images.Cache, progress images.Progress, name, filter string, entries []Entry) (blob, error) {
	entries, err := wholeTree(entries)
	if err != nil {
		return blob{}, fmt.Errorf("%s: %w", name, err)
	}
	sums := make([]string, len(entries))
	for i, e := range entries {
		if sums[i], err = e.sum(); err != nil {
			return blob{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	version, err := mksquashfsVersion(ctx)
	if err != nil {
		return blob{}, err
	}
	args := []string{"-comp", "xz", "-b", strconv.Itoa(blockSize),
		"-no-xattrs", "-no-exports", "-mkfs-time", "0", "-all-time", "0", "-reproducible", "-exit-on-error", "-no-progress", "-quiet"}
	if filter != "" {
		args = append(args, "-Xbcj", filter)
	}
	inputs := append([]string{"squashfs 1", version}, args...)
	for i, e := range entries {
		inputs = append(inputs, fmt.Sprintf("%q %o %d %d %t %q", e.Path, e.Mode, e.UID, e.GID, e.Dir, e.Link), sums[i])
	}
	file, digest, err := cache.File(ctx, progress, inputs, func(f *os.File) error {
		progress.Step("packing %s", name)
		return mksquashfs(ctx, f.Name(), args, func(w io.Writer) error { return writeTar(w, entries, sums) })
	})
	if err != nil {
		return blob{}, fmt.Errorf("%s: %w", name, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return blob{}, err
	}
	return blob{file, switcher.Digest("sha256:" + digest), info.Size()}, nil
}

// wholeTree sorts entries and adds the folders above them. What cannot be a tree is an error.
func wholeTree(entries []Entry) ([]Entry, error) {
	known := make(map[string]Entry)
	for _, e := range entries {
		switch _, twice := known[e.Path]; {
		case e.Path == "" || e.Path[0] == '/' || path.Clean(e.Path) != e.Path || e.Path == "." || e.Path == ".." || strings.HasPrefix(e.Path, "../") || strings.Contains(e.Path, "\x00"):
			return nil, fmt.Errorf("%q is no path in a layer", e.Path)
		case twice:
			return nil, fmt.Errorf("%s is there twice", e.Path)
		case e.Mode&^0o7777 != 0:
			return nil, fmt.Errorf("%s has rights %o", e.Path, e.Mode)
		}
		known[e.Path] = e
	}
	for _, e := range entries {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			above, ok := known[dir]
			if ok && !above.Dir {
				return nil, fmt.Errorf("%s lies below %s, which is no folder", e.Path, dir)
			}
			if ok {
				break // those above it have been seen, or will be
			}
			known[dir] = Entry{Path: dir, Mode: 0o755, Dir: true}
		}
	}
	whole := make([]Entry, 0, len(known))
	for _, e := range known {
		whole = append(whole, e)
	}
	slices.SortFunc(whole, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return whole, nil
}

// open gives the bytes of a regular file, and how many they are.
func (e Entry) open() (io.ReadCloser, int64, error) {
	if e.File == "" {
		return io.NopCloser(bytes.NewReader(e.Data)), int64(len(e.Data)), nil
	}
	f, err := os.Open(e.File)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", e.File)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// sum is the SHA-256 of a regular file in hex; "" for another.
func (e Entry) sum() (string, error) {
	if e.Dir || e.Link != "" {
		return "", nil
	}
	r, _, err := e.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("read %s: %w", e.File, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeTar writes a tree as an archive. A file that is no more what its sum says is an error.
func writeTar(w io.Writer, entries []Entry, sums []string) error {
	archive := tar.NewWriter(w)
	for i, e := range entries {
		h := &tar.Header{Name: e.Path, Mode: int64(e.Mode), Uid: e.UID, Gid: e.GID, Format: tar.FormatPAX}
		switch {
		case e.Dir:
			h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
		case e.Link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.Link
		default:
			h.Typeflag = tar.TypeReg
		}
		if err := writeTarEntry(archive, h, e, sums[i]); err != nil {
			return err
		}
	}
	return archive.Close()
}

func writeTarEntry(archive *tar.Writer, h *tar.Header, e Entry, sum string) error {
	if h.Typeflag != tar.TypeReg {
		return archive.WriteHeader(h)
	}
	r, size, err := e.open()
	if err != nil {
		return err
	}
	defer r.Close()
	h.Size = size
	if err := archive.WriteHeader(h); err != nil {
		return err
	}
	digest := sha256.New()
	n, err := io.Copy(archive, io.TeeReader(io.LimitReader(r, size), digest))
	if err != nil {
		return err
	}
	if n != size || hex.EncodeToString(digest.Sum(nil)) != sum {
		return fmt.Errorf("%s changed while it was read", e.File)
	}
	return nil
}

// mksquashfs runs it on what feed writes; what it says in an error is that error.
func mksquashfs(ctx context.Context, to string, args []string, feed func(io.Writer) error) error {
	cmd := exec.CommandContext(ctx, "mksquashfs", append([]string{"-", to, "-tar", "-noappend",
		"-root-mode", "755", "-root-uid", "0", "-root-gid", "0", "-root-time", "0"}, args...)...)
	cmd.Env = plainEnvironment()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return noMksquashfs(err)
	}
	fed := feed(in)
	if fed == nil {
		fed = in.Close()
	} else {
		cmd.Process.Kill() // it would make a file system of what it has
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && said.Len() > 0: // then its input ended because it did
		return fmt.Errorf("mksquashfs: %w: %s", err, lastLines(said.String(), 3))
	case fed != nil:
		return fed
	case err != nil:
		return fmt.Errorf("mksquashfs: %w", err)
	}
	return nil
}

// plainEnvironment is ours without what would change the bytes or the words of programs that pack.
func plainEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "SOURCE_DATE_EPOCH=") || strings.HasPrefix(v, "SQFS_") || strings.HasPrefix(v, "XZ_")
	})
	return append(env, "LC_ALL=C")
}

// mksquashfsVersion is the first line that it says of itself, e.g. mksquashfs version 4.5.1 (2022/03/17).
func mksquashfsVersion(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "mksquashfs", "-version")
	cmd.Env = plainEnvironment()
	out, err := cmd.Output()
	if err != nil && len(out) == 0 { // 4.4 ends with 1 here, too
		return "", noMksquashfs(err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}

func noMksquashfs(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w; install the Debian package squashfs-tools", err)
	}
	return fmt.Errorf("mksquashfs: %w", err)
}

// lastLines are the last n lines of a text that say something.
func lastLines(text string, n int) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
