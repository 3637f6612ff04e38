package applet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bantam/init/filetree"
)

// listed is one line of ls.
type listed struct {
	name string       // in dir
	dir  filetree.Dir // open
	info fs.FileInfo
}

func ls(c *call, args []string) int {
	opts, paths, err := parseOptions("1AaCdFhilnRrStp", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	l := lister{c: c, opts: opts, now: time.Now(), users: readNames("/etc/passwd"), groups: readNames("/etc/group")}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var files, folders []listed
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || opts.has('l') || opts.has('d') || opts.has('F') {
			if own, lerr := os.Lstat(path); lerr != nil {
				c.fail(path, lerr)
				c.status = 2 // as GNU: an operand could not be read
				continue
			} else if err != nil || opts.has('d') || own.Mode()&fs.ModeSymlink != 0 && !opts.has('H') {
				info = own
			}
		}
		entry := listed{path, filetree.Here, info}
		if info.IsDir() && !opts.has('d') {
			folders = append(folders, entry)
		} else {
			files = append(files, entry)
		}
	}
	l.sort(files)
	l.print(files, false)
	l.sort(folders)
	titled := len(paths) > 1 || opts.has('R')
	for i, folder := range folders {
		if i > 0 || len(files) > 0 {
			c.printf("\n")
		}
		l.folder(folder.name, titled)
	}
	return c.status
}

type lister struct {
	c             *call
	opts          options
	now           time.Time
	users, groups map[uint32]string
}

// folder lists a folder and with -R all below it.
func (l *lister) folder(path string, titled bool) {
	first := true
	w := filetree.Walk{FollowFirst: true}
	w.Enter = func(e *filetree.Entry) bool { return e.Depth == 0 || l.opts.has('R') && e.Info.IsDir() }
	w.List = func(e *filetree.Entry, names []string) []string {
		l.c.show()
		if !first {
			l.c.printf("\n")
		}
		first = false
		if titled {
			l.c.printf("%s:\n", l.c.shown(e.Path()))
		}
		return l.content(e, names)
	}
	w.Fail = func(e *filetree.Entry, err error) {
		if titled && !errors.Is(err, filetree.ErrLoop) {
			if !first {
				l.c.printf("\n")
			}
			first = false
			l.c.printf("%s:\n", l.c.shown(e.Path()))
		}
		l.c.failEntry(e, err)
	}
	w.Walk(path)
}

// content lists an open folder and returns the folders in it.
func (l *lister) content(e *filetree.Entry, names []string) []string {
	if l.opts.has('a') {
		names = append([]string{".", ".."}, names...)
	}
	var list []listed
	for _, name := range names {
		if name[0] == '.' && !l.opts.has('a') && !l.opts.has('A') {
			continue
		}
		info, err := e.Dir.Lstat(name)
		if err != nil {
			l.c.fail(strings.TrimSuffix(e.Path(), "/")+"/"+name, err)
			continue
		}
		list = append(list, listed{name, e.Dir, info})
	}
	l.sort(list)
	l.print(list, true)
	var folders []string
	for _, entry := range list {
		if entry.info.IsDir() && entry.name != "." && entry.name != ".." && l.opts.has('R') {
			folders = append(folders, entry.name)
		}
	}
	return folders
}

func (l *lister) sort(list []listed) {
	sort.SliceStable(list, func(a, b int) bool {
		x, y := list[a], list[b]
		if l.opts.has('r') {
			x, y = y, x
		}
		switch {
		case l.opts.has('t') && !x.info.ModTime().Equal(y.info.ModTime()):
			return x.info.ModTime().After(y.info.ModTime())
		case l.opts.has('S') && x.info.Size() != y.info.Size():
			return x.info.Size() > y.info.Size()
		}
		return x.name < y.name
	})
}

func (l *lister) print(list []listed, total bool) {
	if !l.opts.has('l') && !l.opts.has('n') {
		names := make([]string, len(list))
		for i, entry := range list {
			names[i] = l.name(entry)
			if l.opts.has('i') {
				names[i] = fmt.Sprintf("%d %s", stat(entry.info).Ino, names[i])
			}
		}
		if l.opts.has('C') || l.c.seen && !l.opts.has('1') {
			Columns(l.c.out, names, Width(l.c.rawOut, 80))
			return
		}
		for _, name := range names {
			l.c.printf("%s\n", name)
		}
		return
	}
	var rows [][]string
	blocks := int64(0)
	for _, entry := range list {
		st := stat(entry.info)
		blocks += int64(st.Blocks)
		size := strconv.FormatInt(entry.info.Size(), 10)
		if l.opts.has('h') {
			size = humanSize(entry.info.Size())
		}
		if entry.info.Mode()&fs.ModeDevice != 0 {
			size = fmt.Sprintf("%d, %d", major(uint64(st.Rdev)), minor(uint64(st.Rdev)))
		}
		when := entry.info.ModTime()
		stamp := when.Format("Jan _2 15:04")
		if age := l.now.Sub(when); age > 182*24*time.Hour || age < -time.Hour {
			stamp = when.Format("Jan _2  2006")
		}
		name := l.name(entry)
		if entry.info.Mode()&fs.ModeSymlink != 0 {
			if target, err := entry.dir.Readlink(entry.name); err == nil {
				name += " -> " + l.c.shown(target)
			}
		}
		user, group := nameOf(l.users, st.Uid), nameOf(l.groups, st.Gid)
		if l.opts.has('n') {
			user, group = strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
		}
		row := []string{modeString(entry.info.Mode()), strconv.FormatUint(uint64(st.Nlink), 10),
			user, group, size, stamp, name}
		if l.opts.has('i') {
			row[0] = fmt.Sprintf("%d %s", st.Ino, row[0])
		}
		rows = append(rows, row)
	}
	if total {
		if l.opts.has('h') {
			l.c.printf("total %s\n", humanSize(blocks*512))
		} else {
			l.c.printf("total %d\n", blocks/2)
		}
	}
	table := alignment{right: []bool{false, true, false, false, true, false}}
	table.print(l.c.out, rows)
}

func (l *lister) name(entry listed) string {
	name := l.c.shown(entry.name)
	mode := entry.info.Mode()
	switch {
	case mode.IsDir() && (l.opts.has('F') || l.opts.has('p')):
		name += "/"
	case !l.opts.has('F'):
	case mode&fs.ModeSymlink != 0 && !l.opts.has('l'):
		name += "@"
	case mode&fs.ModeNamedPipe != 0:
		name += "|"
	case mode&fs.ModeSocket != 0:
		name += "="
	case mode.IsRegular() && mode&0o111 != 0:
		name += "*"
	}
	return name
}

func stat(info fs.FileInfo) *syscall.Stat_t {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st
	}
	return &syscall.Stat_t{}
}

// modeString is a mode as ls shows it, e.g. drwxr-xr-t.
func modeString(mode fs.FileMode) string {
	kind := byte('-')
	switch {
	case mode.IsDir():
		kind = 'd'
	case mode&fs.ModeSymlink != 0:
		kind = 'l'
	case mode&fs.ModeCharDevice != 0:
		kind = 'c'
	case mode&fs.ModeDevice != 0:
		kind = 'b'
	case mode&fs.ModeNamedPipe != 0:
		kind = 'p'
	case mode&fs.ModeSocket != 0:
		kind = 's'
	}
	out := append([]byte{kind}, mode.Perm().String()[1:]...)
	special := func(at int, set bool, letter byte) {
		if !set {
			return
		}
		if out[at] == '-' {
			letter -= 'a' - 'A'
		}
		out[at] = letter
	}
	special(3, mode&fs.ModeSetuid != 0, 's')
	special(6, mode&fs.ModeSetgid != 0, 's')
	special(9, mode&fs.ModeSticky != 0, 't')
	return string(out)
}
