package applet

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func uname(c *call, args []string) int {
	opts, operands, err := parseOptions("asnrvmpio", map[string]byte{"all": 'a'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(operands) > 0 {
		return c.misuse("takes no operands")
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return c.fail("", err)
	}
	if len(opts) == 0 {
		opts = options{'s': {""}}
	}
	var parts []string
	for _, p := range []struct {
		letter byte
		text   string
	}{{'s', unix.ByteSliceToString(u.Sysname[:])}, {'n', unix.ByteSliceToString(u.Nodename[:])},
		{'r', unix.ByteSliceToString(u.Release[:])}, {'v', unix.ByteSliceToString(u.Version[:])},
		{'m', unix.ByteSliceToString(u.Machine[:])}, {'o', "GNU/Linux"}} {
		if opts.has('a') || opts.has(p.letter) {
			parts = append(parts, p.text)
		}
	}
	if opts.has('p') || opts.has('i') {
		parts = append(parts, "unknown")
	}
	c.printf("%s\n", strings.Join(parts, " "))
	return 0
}

func hostname(c *call, args []string) int {
	if len(args) > 0 {
		return c.misuse("only prints; the name is set by system.toml (bantam edit)")
	}
	name, err := os.Hostname()
	if err != nil {
		return c.fail("", err)
	}
	c.printf("%s\n", name)
	return 0
}

func id(c *call, args []string) int {
	opts, operands, err := parseOptions("ugnG", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	users, groups := readNames("/etc/passwd"), readNames("/etc/group")
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	var supplementary []uint32
	if len(operands) > 1 {
		return c.misuse("takes one user")
	}
	if len(operands) == 1 {
		n, err := idOf("/etc/passwd", operands[0])
		if err != nil {
			return c.fail("", err)
		}
		var known bool
		uid = uint32(n)
		if gid, known = primaryGroup(uid); !known {
			return c.fail(operands[0], errors.New("no such user"))
		}
		supplementary = groupsOf(nameOf(users, uid))
	} else {
		own, _ := os.Getgroups()
		for _, g := range own {
			supplementary = append(supplementary, uint32(g))
		}
	}
	show := func(names map[uint32]string, n uint32) string {
		if opts.has('n') {
			return nameOf(names, n)
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	named := func(names map[uint32]string, n uint32) string {
		text := strconv.FormatUint(uint64(n), 10)
		if name, ok := names[n]; ok {
			text += "(" + name + ")"
		}
		return text
	}
	switch {
	case opts.has('u'):
		c.printf("%s\n", show(users, uid))
	case opts.has('g'):
		c.printf("%s\n", show(groups, gid))
	case opts.has('G'):
		text := show(groups, gid)
		for _, g := range supplementary {
			if g != gid {
				text += " " + show(groups, g)
			}
		}
		c.printf("%s\n", text)
	default:
		list := named(groups, gid)
		for _, g := range supplementary {
			if g != gid {
				list += "," + named(groups, g)
			}
		}
		c.printf("uid=%s gid=%s groups=%s\n", named(users, uid), named(groups, gid), list)
	}
	return 0
}

func whoami(c *call, args []string) int {
	if len(args) > 0 {
		return c.misuse("takes no arguments")
	}
	c.printf("%s\n", nameOf(readNames("/etc/passwd"), uint32(os.Geteuid())))
	return 0
}

func nproc(c *call, args []string) int {
	if len(args) > 0 {
		return c.misuse("takes no arguments")
	}
	c.printf("%d\n", runtime.NumCPU())
	return 0
}

func sync(c *call, args []string) int {
	if len(args) == 0 {
		syscall.Sync()
		return 0
	}
	for _, path := range args {
		f, err := os.Open(path)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			c.fail(path, err)
		}
	}
	return c.status
}
