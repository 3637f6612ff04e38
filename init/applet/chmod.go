package applet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"bantam/init/filetree"
)

func chmod(c *call, args []string) int {
	// A mode such as -x looks like an option.
	var recursive bool
	var operands []string
	for i, arg := range args {
		if arg == "-R" || arg == "--recursive" {
			recursive = true
		} else if arg == "--" {
			operands = append(operands, args[i+1:]...)
			break
		} else if strings.HasPrefix(arg, "-") && len(operands) == 0 && strings.Trim(arg[1:], "rwxXst,+-=ugoa") != "" {
			return c.misuse("unknown option %s", arg)
		} else {
			operands = append(operands, arg)
		}
	}
	if len(operands) < 2 {
		return c.misuse("needs a mode and a file")
	}
	mask := fs.FileMode(syscall.Umask(0o22))
	syscall.Umask(int(mask))
	if _, err := changeMode(operands[0], 0, false, mask); err != nil {
		return c.misuse("%v", err)
	}
	c.eachTree(operands[1:], recursive, func(e *filetree.Entry) error {
		if !e.Info.IsLink() {
			mode, err := changeMode(operands[0], e.Info.Mode(), e.Info.IsDir(), mask)
			if err != nil {
				return err
			}
			return e.Dir.Chmod(e.Name, toUnix(mode))
		}
		if recursive {
			return nil // links met on the way are left alone
		}
		path := e.Path()
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		mode, err := changeMode(operands[0], info.Mode(), info.IsDir(), mask)
		if err != nil {
			return err
		}
		return os.Chmod(path, mode)
	})
	return c.status
}

func chown(c *call, args []string) int {
	opts, operands, err := parseOptions("Rh", map[string]byte{"recursive": 'R'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(operands) < 2 {
		return c.misuse("needs an owner and a file")
	}
	owner, group, hasGroup := strings.Cut(operands[0], ":")
	if c.name == "chgrp" {
		owner, group, hasGroup = "", operands[0], true
	}
	uid, gid := -1, -1
	if owner != "" {
		if uid, err = idOf("/etc/passwd", owner); err != nil {
			return c.fail("", err)
		}
	}
	if hasGroup && group == "" && uid >= 0 {
		// "user:" means the user's own group.
		primary, known := primaryGroup(uint32(uid))
		if !known {
			return c.fail(owner, errors.New("its group is unknown"))
		}
		gid = int(primary)
	}
	if hasGroup && group != "" {
		if gid, err = idOf("/etc/group", group); err != nil {
			return c.fail("", err)
		}
	}
	c.eachTree(operands[1:], opts.has('R'), func(e *filetree.Entry) error {
		if opts.has('h') || opts.has('R') {
			return e.Dir.Chown(e.Name, uid, gid)
		}
		return os.Chown(e.Path(), uid, gid)
	})
	return c.status
}

// eachTree calls use for each path and, if recursive, all below it; folders
// come after their content so that taking away a right does not stop the walk.
func (c *call) eachTree(paths []string, recursive bool, use func(*filetree.Entry) error) {
	w := filetree.Walk{
		Enter: func(*filetree.Entry) bool { return recursive },
		Leave: func(e *filetree.Entry) {
			if err := use(e); err != nil {
				c.failEntry(e, err)
			}
		},
		Fail: c.failEntry,
	}
	for _, path := range paths {
		w.Walk(path)
	}
}

// changeMode applies a mode, octal or symbolic (u+rwX,go-w,a=r), to an old one.
func changeMode(text string, old fs.FileMode, isFolder bool, mask fs.FileMode) (fs.FileMode, error) {
	if n, err := strconv.ParseUint(text, 8, 32); err == nil && n <= 0o7777 {
		return fromUnix(uint32(n)), nil
	}
	bad := fmt.Errorf("%q is not a mode", text)
	mode := toUnix(old)
	for clause := range strings.SplitSeq(text, ",") {
		i := strings.IndexAny(clause, "+-=")
		if i < 0 {
			return 0, bad
		}
		who := uint32(0)
		for _, w := range clause[:i] {
			switch w {
			case 'u':
				who |= 0o4700
			case 'g':
				who |= 0o2070
			case 'o':
				who |= 0o1007
			case 'a':
				who |= 0o7777
			default:
				return 0, bad
			}
		}
		allowed := uint32(0o7777)
		if who == 0 {
			who, allowed = 0o7777, ^uint32(mask)
		}
		for clause = clause[i:]; clause != ""; {
			operation := clause[0]
			end := strings.IndexAny(clause[1:], "+-=") + 1
			if end == 0 {
				end = len(clause)
			}
			bits := uint32(0)
			for _, p := range clause[1:end] {
				switch p {
				case 'r':
					bits |= 0o444
				case 'w':
					bits |= 0o222
				case 'x':
					bits |= 0o111
				case 'X':
					if isFolder || mode&0o111 != 0 {
						bits |= 0o111
					}
				case 's':
					bits |= 0o6000
				case 't':
					bits |= 0o1000
				case 'u':
					bits |= mode >> 6 & 7 * 0o111
				case 'g':
					bits |= mode >> 3 & 7 * 0o111
				case 'o':
					bits |= mode & 7 * 0o111
				default:
					return 0, bad
				}
			}
			bits &= who & allowed
			if who&0o1000 == 0 {
				bits &^= 0o1000
			}
			switch operation {
			case '+':
				mode |= bits
			case '-':
				mode &^= bits
			case '=':
				// The set-id bits of folders stay unless they are named, as with GNU.
				clear := who
				if isFolder && !strings.Contains(clause[1:end], "s") {
					clear &= 0o1777
				}
				mode = mode&^clear | bits
			}
			clause = clause[end:]
		}
	}
	return fromUnix(mode), nil
}

func fromUnix(n uint32) fs.FileMode {
	mode := fs.FileMode(n & 0o777)
	if n&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if n&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if n&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

func toUnix(mode fs.FileMode) uint32 {
	n := uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		n |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		n |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		n |= 0o1000
	}
	return n
}
