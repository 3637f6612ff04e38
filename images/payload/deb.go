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
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bantam/layer"
	"bantam/printable"
)

// contents is what a .deb has: what of it becomes a layer, and what is only read.
type contents struct {
	Tree    []File            // trimmed, with merged /usr, whole as wholeTree makes it
	Aside   map[string]string // text of files that the tree lacks but that say what the package wants, by path
	Scripts map[string]string // text of maintainer scripts, by name, e.g. postinst
	Folders []string          // that it has below /var, e.g. /var/lib/mosquitto
	Dropped []string          // what is not carried as it was, and why, for people
	Trimmed int64             // bytes of files that the rules leave out
}

// Bounds of what is taken, beyond what any package of Debian has. mostAside is for a text that is only read.
const (
	mostUnpacked = 8 << 30
	mostFiles    = 200_000
	mostAside    = 256 << 10
)

// readDeb reads a .deb. Its files come into the folder spool, which is empty, under numbers: no name that the package has
// is ever one of the host's. Nothing is run.
func readDeb(ctx context.Context, deb, spool, arch string) (*contents, error) {
	c := &contents{Aside: make(map[string]string), Scripts: make(map[string]string)}
	err := debMember(ctx, deb, "--ctrl-tarfile", c.readScripts)
	if err != nil {
		return nil, err
	}
	u := unpacker{contents: c, spool: spool, seen: make(map[string]int)}
	if err := debMember(ctx, deb, "--fsys-tarfile", u.unpack); err != nil {
		return nil, err
	}
	if c.Tree, err = wholeTree(c.Tree); err != nil {
		return nil, err
	}
	if err := c.joinAuthorities(); err != nil {
		return nil, err
	}
	return c, inspect(c.Tree, arch)
}

// debMember reads one of the two archives that a .deb consists of; dpkg-deb unpacks it as it goes.
func debMember(ctx context.Context, deb, member string, read func(*tar.Reader) error) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", member, deb)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("dpkg-deb: %w", err)
	}
	fault := read(tar.NewReader(out))
	if fault == nil {
		_, fault = io.Copy(io.Discard, out) // what is behind the archive's end
	}
	early := fault != nil && !errors.Is(fault, io.ErrUnexpectedEOF)
	if early {
		out.Close() // otherwise the processes of dpkg-deb wait for somebody to read
	}
	err = cmd.Wait()
	switch {
	case early:
		return fault
	case err != nil:
		return fmt.Errorf("dpkg-deb %s %s: %w: %s", member, filepath.Base(deb), err, lastLines(said.String(), 2))
	}
	return fault
}

func (c *contents) readScripts(archive *tar.Reader) error {
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("its control archive: %w", err)
		}
		name := path.Clean(h.Name)
		if h.Typeflag != tar.TypeReg || !slices.Contains([]string{"config", "postinst", "postrm", "preinst", "prerm"}, name) {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(archive, mostAside))
		if err != nil {
			return fmt.Errorf("its control archive: %w", err)
		}
		c.Scripts[name] = string(text)
	}
}

// unpacker takes a package's files one after the other.
type unpacker struct {
	*contents
	spool string
	seen  map[string]int // index in Tree by path
	files int
	total int64
}

func (u *unpacker) unpack(archive *tar.Reader) error {
	for {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("its files: %w", err)
		}
		if u.files++; u.files > mostFiles {
			return fmt.Errorf("it has more than %d files", mostFiles)
		}
		if u.total += h.Size; h.Size < 0 || u.total > mostUnpacked {
			return fmt.Errorf("its files have more than %d bytes", int64(mostUnpacked))
		}
		if err := u.take(h, archive); err != nil {
			return err
		}
	}
}

// take puts one file where it belongs.
func (u *unpacker) take(h *tar.Header, r io.Reader) error {
	name, err := inPackage(h.Name)
	if err != nil || name == "." {
		return err
	}
	name = mergeUsr(name)
	shown := printable.Escape("/" + name)
	if !slices.Contains([]byte{tar.TypeReg, tar.TypeLink, tar.TypeSymlink, tar.TypeDir}, h.Typeflag) {
		u.drop("%s is a device file, FIFO or socket: not carried", shown)
		return nil
	}
	isDir := h.Typeflag == tar.TypeDir
	if where, ok := outside(name); ok {
		switch {
		case isDir && where == "var" && strings.Count(name, "/") >= 2 && !strings.HasPrefix(name, "var/log/runit"):
			u.Folders = append(u.Folders, "/"+name)
		case !isDir && where != "":
			u.drop("%s lies outside of /usr and /etc: not carried", shown)
		}
		return nil
	}
	if isMergedRoot(name) && h.Typeflag == tar.TypeSymlink {
		return nil // every machine has these
	}
	if trimmed(name) {
		u.Trimmed += h.Size
		if note := "it has modules of a kernel: they come with the board's, by modules = [...]"; strings.HasPrefix(name, "usr/lib/modules/") && !slices.Contains(u.Dropped, note) {
			u.Dropped = append(u.Dropped, note)
		}
		if !isAside(name) || h.Typeflag != tar.TypeReg {
			return nil
		}
		text, err := io.ReadAll(io.LimitReader(r, mostAside))
		u.Aside[name] = string(text)
		return err
	}
	f := File{Entry: layer.Entry{Path: name, Kind: layer.RegularFile, Mode: uint32(h.Mode) & 0o777}}
	switch h.Typeflag {
	case tar.TypeDir:
		f.Kind = layer.Folder
		if i, twice := u.seen[name]; twice && u.Tree[i].Kind == layer.Folder {
			return nil // as /lib and /usr/lib
		}
	case tar.TypeSymlink:
		f.Kind, f.Mode, f.Link = layer.Link, 0, h.Linkname
		if f.Link == "" {
			return fmt.Errorf("%s is a link to nowhere", shown)
		}
	case tar.TypeLink:
		if f, err = u.hardLink(h, f); err != nil {
			return err
		}
	default:
		if f.Size, f.SHA256, f.Host, err = u.keep(r); err != nil {
			return fmt.Errorf("%s: %w", shown, err)
		}
	}
	if h.PAXRecords["SCHILY.xattr.security.capability"] != "" {
		u.drop("%s has capabilities of its own: it runs without; a service gets them by capabilities", shown)
	}
	if h.Mode&0o6000 != 0 && f.Kind == layer.RegularFile {
		u.drop("%s is setuid or setgid: it runs with the rights of whoever starts it; a service gets rights by capabilities", shown)
	}
	u.seen[name] = len(u.Tree)
	u.Tree = append(u.Tree, f)
	return nil
}

// hardLink makes a file of its own of another name for one: a squashfs keeps equal bytes once.
func (u *unpacker) hardLink(h *tar.Header, f File) (File, error) {
	target, err := inPackage(h.Linkname)
	if err != nil {
		return f, err
	}
	i, known := u.seen[mergeUsr(target)]
	if !known || u.Tree[i].Kind != layer.RegularFile {
		return f, fmt.Errorf("%s is a hard link to %s, which is no file of the package", printable.Escape("/"+f.Path), printable.Escape(h.Linkname))
	}
	f.Size, f.SHA256, f.Host = u.Tree[i].Size, u.Tree[i].SHA256, u.Tree[i].Host
	return f, nil
}

// keep copies a file into the spool.
func (u *unpacker) keep(r io.Reader) (size int64, digest, host string, err error) {
	host = filepath.Join(u.spool, strconv.Itoa(u.files))
	f, err := os.OpenFile(host, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, "", "", err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, h), r)
	return size, hex.EncodeToString(h.Sum(nil)), host, errors.Join(err, f.Close())
}

func (u *unpacker) drop(format string, args ...any) {
	u.Dropped = append(u.Dropped, fmt.Sprintf(format, args...))
}

// inPackage is a name of an archive as a path below the root. One that leads out is an error.
func inPackage(name string) (string, error) {
	clean := path.Clean(name)
	if name == "" || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("it has a file %q, which leads out of it", name)
	}
	return clean, nil
}
