package applet

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

func statCommand(c *call, args []string) int {
	opts, paths, err := parseOptions("c:L", map[string]byte{"format": 'c', "dereference": 'L'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a file")
	}
	users, groups := readNames("/etc/passwd"), readNames("/etc/group")
	for _, path := range paths {
		look := os.Lstat
		if opts.has('L') {
			look = os.Stat
		}
		info, err := look(path)
		if err != nil {
			c.fail(path, err)
			continue
		}
		format := opts.value('c', "  File: %N\n  Size: %-10s Blocks: %-8b IO Block: %o  %F\nDevice: %D  Inode: %-10i Links: %h\n"+
			"Access: (%04a/%A)  Uid: (%u/%U)  Gid: (%g/%G)\nAccess: %x\nModify: %y\nChange: %z")
		c.printf("%s\n", statFormat(format, path, info, users, groups))
	}
	return c.status
}

// statFormat writes what the format says of a file: %n and the like, perhaps with
// a width, e.g. %-10s.
func statFormat(format, path string, info fs.FileInfo, users, groups map[uint32]string) string {
	f := statFile{path, info, stat(info), users, groups}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		end := i + 1
		for end < len(format)-1 && strings.IndexByte("-0123456789", format[end]) >= 0 {
			end++
		}
		width := format[i+1 : end]
		value, known := f.value(format[end])
		switch {
		case !known:
			value = format[i : end+1]
		case format[end] == 'a' && width == "04":
			value = fmt.Sprintf("%04o", f.Mode&0o7777)
		}
		fmt.Fprintf(&out, "%"+strings.TrimLeft(width, "0")+"s", value)
		i = end
	}
	return out.String()
}

// statFile is a file that stat tells about.
type statFile struct {
	path string
	info fs.FileInfo
	*syscall.Stat_t
	users, groups map[uint32]string
}

// value is what a letter of a format stands for.
func (f statFile) value(letter byte) (text string, known bool) {
	stamp := func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000000 -0700") }
	switch letter {
	case 'n':
		return f.path, true
	case 'N':
		if target, err := os.Readlink(f.path); err == nil && f.info.Mode()&fs.ModeSymlink != 0 {
			return f.path + " -> " + target, true
		}
		return f.path, true
	case 'A':
		return modeString(f.info.Mode()), true
	case 'U':
		return nameOf(f.users, f.Uid), true
	case 'G':
		return nameOf(f.groups, f.Gid), true
	case 'F':
		return fileKind(f.info), true
	case 'x':
		return stamp(accessTime(f.Stat_t)), true
	case 'y':
		return stamp(f.info.ModTime()), true
	case 'z':
		return stamp(time.Unix(f.Ctim.Unix())), true
	case '%':
		return "%", true
	}
	number, base := f.number(letter)
	return fmt.Sprintf(base, number...), base != ""
}

// number is what a letter stands for that is a number, or two, and how it is
// written; "": there is no such letter.
func (f statFile) number(letter byte) (numbers []any, format string) {
	one := func(n any, format string) ([]any, string) { return []any{n}, format }
	switch letter {
	case 's':
		return one(f.info.Size(), "%d")
	case 'b':
		return one(f.Blocks, "%d")
	case 'B':
		return one(512, "%d") // bytes of such a block
	case 'o':
		return one(f.Blksize, "%d")
	case 'i':
		return one(f.Ino, "%d")
	case 'h':
		return one(f.Nlink, "%d")
	case 'd':
		return one(f.Dev, "%d")
	case 'D':
		return []any{major(uint64(f.Dev)), minor(uint64(f.Dev))}, "%d,%d"
	case 't':
		return one(major(uint64(f.Rdev)), "%x")
	case 'T':
		return one(minor(uint64(f.Rdev)), "%x")
	case 'a':
		return one(f.Mode&0o7777, "%o")
	case 'f':
		return one(f.Mode, "%x")
	case 'u':
		return one(f.Uid, "%d")
	case 'g':
		return one(f.Gid, "%d")
	case 'X':
		return one(accessTime(f.Stat_t).Unix(), "%d")
	case 'Y':
		return one(f.info.ModTime().Unix(), "%d")
	case 'Z':
		return one(time.Unix(f.Ctim.Unix()).Unix(), "%d")
	}
	return nil, ""
}

func fileKind(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeCharDevice != 0:
		return "character special file"
	case mode&fs.ModeDevice != 0:
		return "block special file"
	case mode&fs.ModeNamedPipe != 0:
		return "fifo"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case info.Size() == 0:
		return "regular empty file"
	}
	return "regular file"
}
