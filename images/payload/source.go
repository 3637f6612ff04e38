package payload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"bantam/images"
	"bantam/layer"
	"bantam/spelling"
	"bantam/system"
	"bantam/system/syntax"
)

// filesLayer makes the layer of what files bring by source; none if there are none.
func filesLayer(ctx context.Context, r Request) ([]built, []string, error) {
	var tree []File
	var problems []system.Problem
	var root *os.Root
	for _, name := range slices.Sorted(maps.Keys(r.System.Files)) {
		f := r.System.Files[name]
		if f.Source == "" {
			continue
		}
		if root == nil {
			var err error
			if root, err = os.OpenRoot(r.Dir); err != nil {
				return nil, nil, err
			}
			defer root.Close()
		}
		s := source{File: f, request: r, root: root, name: name}
		s.uid, s.gid = r.System.FileIDs(f)
		if err := s.read(ctx); err != nil {
			return nil, nil, err
		}
		if len(s.problems) == 0 {
			r.Archive.Lock.AddSource(path.Clean(f.Source), s.digest())
		}
		tree, problems = append(tree, s.tree...), append(problems, s.problems...)
	}
	if root == nil || len(problems) > 0 {
		return nil, nil, badSystem(problems)
	}
	b, err := r.build(ctx, images.Layer{Name: "files", For: []string{"files"}}, tree)
	return []built{b}, nil, err
}

// A source is what a [file] brings from beside system.toml: a file, or a folder with all in it. Whatever is in the folder,
// nothing outside of that of system.toml is read: an os.Root leaves it by no link.
type source struct {
	system.File
	request  Request
	root     *os.Root // the folder of system.toml
	name     string   // on the device, e.g. /srv/www
	uid, gid int      // of all in it
	tree     []File
	inEtc    int // how many of them lie below /etc
	problems []system.Problem
}

// mostEtc is how many files a source may have below /etc: each is made anew by every boot, lies in memory, and is looked at by every
// status and plan.
const mostEtc = 1000

// mostProblems is how many a source has before the rest is only counted.
const mostProblems = 10

func (s *source) fail(suggestion, format string, args ...any) {
	s.failAt("source", suggestion, format, args...)
}

func (s *source) failAt(key, suggestion, format string, args ...any) {
	at := syntax.Join("file", s.name) + "." + key
	s.problems = append(s.problems, s.request.problem(at, suggestion, "%s: %s", at, fmt.Sprintf(format, args...)))
}

// read fills tree and problems. An error is none of the user's file.
func (s *source) read(ctx context.Context) error {
	s.request.Progress.Step("reading %s", s.Source)
	at := path.Clean(s.Source)
	info, err := s.root.Stat(at)
	switch {
	case at == ".":
		s.fail("move what is meant into a folder of its own", "%q is the folder of system.toml itself, in which images are made", s.Source)
	case leadsOut(err):
		s.fail("move it there, and write its path from that folder", "%q leads out of the folder of system.toml", s.Source)
	case errors.Is(err, fs.ErrNotExist):
		s.fail(s.near(at), "there is no file or folder %q beside system.toml", s.Source)
	case err != nil:
		message, suggestion := unreadable(s.Source, err)
		s.fail(suggestion, "%s", message)
	case info.IsDir():
		s.readFolder(ctx, at)
	case info.Mode().IsRegular():
		s.add(at, "", layer.RegularFile, s.Perm(), "")
	default:
		s.fail("name a file or a folder", "%q is %s", s.Source, special(info.Mode()))
	}
	if more := len(s.problems) - mostProblems; more > 0 {
		s.problems = s.problems[:mostProblems]
		s.fail("", "%d more of this kind", more)
	}
	return ctx.Err()
}

// digest is that of what was read, wherever it goes to on the device and whoever owns it there.
func (s *source) digest() string {
	var all layer.Index
	for _, f := range s.tree {
		e := f.Entry
		e.Path, e.UID, e.GID = "."+strings.TrimPrefix("/"+e.Path, s.name), 0, 0
		if f.Kind == layer.Folder {
			e.SHA256 = ""
		}
		all = append(all, e)
	}
	sum := sha256.Sum256(all.Encode())
	return hex.EncodeToString(sum[:])
}

// readFolder adds a folder and all in it, and gives it the digest of all that.
func (s *source) readFolder(ctx context.Context, at string) {
	place := syntax.Join("file", s.name) + ".mode"
	if _, given := system.Scan(s.request.Text).Find(place); given {
		s.failAt("mode", "remove it", "%q is a folder; files in it are 0755 if their owner may run them, or else 0644", s.Source)
	}
	sub, err := s.root.OpenRoot(at)
	if err != nil {
		s.fail("", "%v", err)
		return
	}
	defer sub.Close()
	s.add(at, "", layer.Folder, 0o755, "")
	s.walk(ctx, sub, at, ".")
	var all layer.Index
	for _, f := range s.tree {
		all = append(all, f.Entry)
	}
	sum := sha256.Sum256(all.Encode())
	s.tree[0].SHA256 = hex.EncodeToString(sum[:])
}

// walk adds what is in a folder of the source, by its path in it.
func (s *source) walk(ctx context.Context, sub *os.Root, at, folder string) {
	names, err := namesIn(sub, folder)
	if err != nil {
		s.fail("", "%v", err)
	}
	for _, base := range names {
		name := path.Join(folder, base)
		info, err := sub.Lstat(name)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.fail("", "%v", err)
			continue
		}
		switch mode := info.Mode(); {
		case strings.ContainsFunc(base, func(c rune) bool { return c < ' ' || c == 0x7f }):
			s.fail("rename it", "%q has control characters in its name", path.Join(at, name))
		case mode.IsDir():
			s.add(at, name, layer.Folder, 0o755, "")
			s.walk(ctx, sub, at, name)
		case mode&fs.ModeSymlink != 0:
			s.addLink(sub, at, name)
		case !mode.IsRegular():
			s.fail("remove it", "%q is %s", path.Join(at, name), special(mode))
		case mode&0o100 != 0:
			s.add(at, name, layer.RegularFile, 0o755, "")
		default:
			s.add(at, name, layer.RegularFile, 0o644, "")
		}
	}
}

// namesIn lists a folder, sorted. Names are bytes: fs.FS would refuse those that are no UTF-8.
func namesIn(root *os.Root, folder string) ([]string, error) {
	f, err := root.Open(folder)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// addLink adds a symbolic link as it is, if it leads nowhere outside of the folder.
func (s *source) addLink(sub *os.Root, at, name string) {
	to, err := sub.Readlink(name)
	if err == nil {
		_, err = sub.Stat(name)
	}
	switch {
	case leadsOut(err):
		s.fail("put what it leads to into the folder, and write a path from the link's own folder", "the link %q leads out of the folder, to %q", path.Join(at, name), to)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		message, suggestion := unreadable(path.Join(at, name), err)
		s.fail(suggestion, "%s", message)
	default:
		s.add(at, name, layer.Link, 0, to)
	}
}

// add takes an entry of the source at a path below the folder of system.toml; name is its path in the source, "" for all of it.
func (s *source) add(at, name string, kind layer.Kind, mode uint32, to string) {
	f := File{
		Entry:  layer.Entry{Path: path.Join(s.name, name)[1:], Kind: kind, Mode: mode, UID: s.uid, GID: s.gid, Link: to},
		source: name == "",
	}
	if strings.HasPrefix(f.Path, "etc/") {
		if s.inEtc++; s.inEtc > mostEtc {
			if s.inEtc == mostEtc+1 {
				s.fail("put it below /srv or /usr/share, where it is read where it lies", "%q has more than %s files for /etc, which lie in memory and are made anew by each boot", s.Source, images.Commas(mostEtc))
			}
			return
		}
	}
	if kind == layer.RegularFile {
		f.Host, f.root = path.Join(at, name), s.root
		sum, err := f.digest()
		if err == nil && strings.HasPrefix(f.Path, "etc/") {
			err = s.checkSize(f.Host)
		}
		if err != nil {
			s.fail("", "%v", err)
			return
		}
		f.SHA256 = sum
	}
	s.tree = append(s.tree, f)
}

// checkSize: what lies below /etc is copied into memory, a file at a time, with system.MaxSize as its bound.
func (s *source) checkSize(at string) error {
	info, err := s.root.Stat(at)
	if err == nil && info.Size() > system.MaxSize {
		err = fmt.Errorf("%q has %s bytes; a file below /etc has at most %s, as it lies in memory", at, images.Commas(info.Size()), images.Commas(system.MaxSize))
	}
	return err
}

// near is what is beside a source that is not there and may be meant.
func (s *source) near(at string) string {
	names, _ := namesIn(s.root, path.Dir(at))
	if name := spelling.Nearest(path.Base(at), names); name != "" {
		return fmt.Sprintf("did you mean %q?", path.Join(path.Dir(at), name))
	}
	return ""
}

// leadsOut tells the error of a path that leaves an os.Root from one of the kernel, which has a number.
func leadsOut(err error) bool {
	var number syscall.Errno
	return err != nil && !errors.As(err, &number) && !errors.Is(err, fs.ErrNotExist)
}

// unreadable says of a path beside system.toml why what it leads to cannot be read, and what to do.
func unreadable(name string, err error) (message, suggestion string) {
	var number syscall.Errno
	switch errors.As(err, &number); number {
	case syscall.ELOOP:
		return fmt.Sprintf("links lead from %q in a circle", name), "have one of them lead to a file"
	case syscall.ENOTDIR:
		return fmt.Sprintf("%q goes on behind what is no folder", name), ""
	case syscall.EACCES:
		return fmt.Sprintf("this user may not read %q", name), ""
	case 0:
		return fmt.Sprintf("%q: %v", name, err), ""
	}
	return fmt.Sprintf("%q: %v", name, number), ""
}

// special says what a file is that has no bytes to carry.
func special(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file"
}
