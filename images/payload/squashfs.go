package payload

import (
	"archive/tar"
	"bytes"
	"cmp"
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
	"syscall"

	"bantam/images"
	"bantam/layer"
	"bantam/switcher"
)

// File is a file, link or folder of a tree that becomes a layer. Folders above it need none of their own: they are root's, 0755.
type File struct {
	layer.Entry          // SHA256 may be left out
	Host        string   // path on this host of a file that has its bytes; "" if Data has them
	root        *os.Root // the folder that Host is below, and is not left for; nil: any
	Data        []byte

	source  bool   // system.toml names it: the index lists it, whatever it is
	Size    int64  // bytes of a file
	ELF     bool   // a program or a library for the board
	Unwinds bool   // it may come to load libgcc_s.so.1
	Env     string // of a script for env: what that starts, e.g. python3
}

// blockSize is that of the squashfs: what the device unpacks at once. The kernel keeps room for a block, a dictionary and what
// else xz needs of each layer that is mounted, for each processor that the machine may have, and for three more blocks where small
// files share them (fragments). 24 layers of 32 KiB blocks with dictionaries of that size took 4.1 MB with one processor and 11.4 MB
// with four; with small dictionaries, and small blocks in small layers, 3.2 and 7.5 MB, for 3 % more bytes (Linux 6.1, amd64). With
// small blocks everywhere it would be 2.9 and 6.4 MB, for 12 %. Blocks of 128 KiB and fragments would save 7 % of the bytes.
func blockSize(tree []File) int {
	size := int64(0)
	for _, f := range tree {
		size += f.Size
	}
	if size < smallTree {
		return dictionary
	}
	return 32 << 10
}

// smallTree is what a layer has less than, unpacked, whose blocks are small: more of them hardly matter there.
const smallTree = 512 << 10

// dictionary is that of xz: the least that the kernel takes.
const dictionary = 8 << 10

// blob is a file of the cache.
type blob struct {
	File   string
	Digest switcher.Digest
	Size   int64
}

// withBytes gives the files of a tree their bytes while it does something.
type withBytes func(tree []File, do func() error) error

// atHand is for trees that have them.
func atHand(_ []File, do func() error) error { return do() }

// packTree packs a whole tree, as wholeTree makes it, as a squashfs with its index behind it, in the cache. The bytes follow
// from both and from the version of mksquashfs: not from times, nor from who calls it. filter is the branch filter for xz, e.g.
// x86; "" is none. The tree's bytes are needed only if the cache has not the result.
//
// mksquashfs is given an archive, as it is the way of telling it owners and rights without being root and of giving it
// names that no host's file system needs to bear.
func packTree(ctx context.Context, cache images.Cache, progress images.Progress, name, filter string, tree []File, index layer.Index, with withBytes) (blob, error) {
	version, err := mksquashfsVersion(ctx)
	if err != nil {
		return blob{}, err
	}
	args := []string{"-comp", "xz", "-b", strconv.Itoa(blockSize(tree)), "-Xdict-size", strconv.Itoa(dictionary),
		"-no-fragments", "-no-xattrs", "-no-exports", "-mkfs-time", "0", "-all-time", "0", "-reproducible", "-exit-on-error", "-no-progress", "-quiet"}
	if filter != "" {
		args = append(args, "-Xbcj", filter)
	}
	rooted := !slices.ContainsFunc(tree, func(f File) bool { return f.UID != 0 || f.GID != 0 })
	if rooted {
		args = append(args, "-all-root") // or whoever packs is in the table of owners
	}
	inputs := append([]string{"squashfs 3", version, string(index.Encode())}, args...)
	for _, f := range tree {
		inputs = append(inputs, fmt.Sprintf("%c %q %o %d %d %q %s", f.Kind, f.Path, f.Mode, f.UID, f.GID, f.Link, f.SHA256))
	}
	file, digest, err := cache.File(ctx, progress, inputs, func(f *os.File) error {
		return with(tree, func() error {
			progress.Step("packing %s", name)
			err := mksquashfs(ctx, f.Name(), args, !rooted, func(w io.Writer) error { return writeTar(w, tree) })
			if err == nil {
				_, err = f.Seek(0, io.SeekEnd)
			}
			if err == nil {
				_, err = f.Write(layer.Tail(index))
			}
			return err
		})
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

// wholeTree sorts a tree, adds the folders above its files, and how many bytes these have, with digests. What cannot be a tree is an error.
func wholeTree(tree []File) ([]File, error) {
	known := make(map[string]File)
	for _, f := range tree {
		switch _, twice := known[f.Path]; {
		case f.Path == "" || f.Path[0] == '/' || path.Clean(f.Path) != f.Path || f.Path == "." || f.Path == ".." || strings.HasPrefix(f.Path, "../") || strings.Contains(f.Path, "\x00"):
			return nil, fmt.Errorf("%q is no path in a layer", f.Path)
		case twice:
			return nil, fmt.Errorf("%s is there twice", f.Path)
		case f.Mode&^0o7777 != 0:
			return nil, fmt.Errorf("%s has rights %o", f.Path, f.Mode)
		case (f.Kind == layer.Link) != (f.Link != ""):
			return nil, fmt.Errorf("%s is of kind %c and leads to %q", f.Path, f.Kind, f.Link)
		case f.Kind == layer.RegularFile && f.SHA256 == "":
			var err error
			if f.SHA256, err = f.digest(); err != nil {
				return nil, err
			}
		}
		if f.Kind == layer.RegularFile && f.Size == 0 {
			r, size, err := f.open()
			if err != nil {
				return nil, err
			}
			r.Close()
			f.Size = size
		}
		known[f.Path] = f
	}
	for _, f := range tree {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			above, ok := known[dir]
			if ok && above.Kind != layer.Folder {
				return nil, fmt.Errorf("%s lies below %s, which is no folder", f.Path, dir)
			}
			if ok {
				break // those above it have been seen, or will be
			}
			known[dir] = File{Entry: layer.Entry{Path: dir, Kind: layer.Folder, Mode: 0o755}}
		}
	}
	whole := make([]File, 0, len(known))
	for _, f := range known {
		whole = append(whole, f)
	}
	slices.SortFunc(whole, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return whole, nil
}

func (f File) openHost() (*os.File, error) {
	if f.root != nil {
		return f.root.Open(f.Host)
	}
	return os.Open(f.Host)
}

// open gives the bytes of a regular file, and how many they are.
func (f File) open() (io.ReadCloser, int64, error) {
	if f.Host == "" {
		return io.NopCloser(bytes.NewReader(f.Data)), int64(len(f.Data)), nil
	}
	r, err := f.openHost()
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", f.Host)
	}
	if err != nil {
		r.Close()
		return nil, 0, err
	}
	return r, info.Size(), nil
}

// digest is the SHA-256 of a regular file in hex.
func (f File) digest() (string, error) {
	r, _, err := f.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("read %s: %w", f.Host, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeTar writes a tree as an archive. A file that is no more what its digest says is an error.
func writeTar(w io.Writer, tree []File) error {
	archive := tar.NewWriter(w)
	for _, f := range tree {
		h := &tar.Header{Name: f.Path, Mode: int64(f.Mode), Uid: f.UID, Gid: f.GID, Format: tar.FormatPAX}
		var err error
		switch f.Kind {
		case layer.Folder:
			h.Typeflag, h.Name = tar.TypeDir, f.Path+"/"
			err = archive.WriteHeader(h)
		case layer.Link:
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
			err = archive.WriteHeader(h)
		default:
			h.Typeflag = tar.TypeReg
			err = writeTarFile(archive, h, f)
		}
		if err != nil {
			return err
		}
	}
	return archive.Close()
}

func writeTarFile(archive *tar.Writer, h *tar.Header, f File) error {
	r, size, err := f.open()
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
	if n != size || hex.EncodeToString(digest.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s changed while it was read", cmp.Or(f.Host, f.Path))
	}
	return nil
}

// mksquashfs runs it on what feed writes; what it says in an error is that error. It writes who it is into the table of
// owners. asRoot has it take itself for root, in a user namespace if need be, so that this is the same for everybody.
func mksquashfs(ctx context.Context, to string, args []string, asRoot bool, feed func(io.Writer) error) error {
	cmd := exec.CommandContext(ctx, "mksquashfs", append([]string{"-", to, "-tar", "-noappend",
		"-root-mode", "755", "-root-uid", "0", "-root-gid", "0", "-root-time", "0"}, args...)...)
	cmd.Env = plainEnvironment()
	if asRoot && (os.Getuid() != 0 || os.Getgid() != 0) {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		if cmd.SysProcAttr != nil && errors.Is(err, syscall.EPERM) {
			return fmt.Errorf("%w: files of a layer that belong to others than root need a user namespace, which this host does not allow; build as root", err)
		}
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
