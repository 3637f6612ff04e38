package applet

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// mounted is one line of /proc/self/mountinfo.
type mounted struct {
	source, target, kind, options string
	device                        string // major:minor
}

func mounts() ([]mounted, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var list []mounted
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		dash := 6
		for dash < len(fields) && fields[dash] != "-" {
			dash++
		}
		if dash+3 >= len(fields) {
			continue
		}
		list = append(list, mounted{
			source: unescapeMount(fields[dash+2]), target: unescapeMount(fields[4]),
			kind: fields[dash+1], options: joinOptions(fields[5], fields[dash+3]), device: fields[2]})
	}
	return list, nil
}

// joinOptions merges the options of the mount and of the file system.
func joinOptions(mount, super string) string {
	all := strings.Split(mount, ",")
	seen := map[string]bool{"rw": true}
	for _, o := range all {
		seen[o] = true
	}
	for o := range strings.SplitSeq(super, ",") {
		if !seen[o] {
			all = append(all, o)
		}
	}
	return strings.Join(all, ",")
}

// unescapeMount undoes \040 and the like.
func unescapeMount(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func df(c *call, args []string) int {
	opts, paths, err := parseOptions("ahikmTP", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	list, err := mounts()
	if err != nil {
		return c.fail("/proc/self/mountinfo", err)
	}
	var chosen []mounted
	if len(paths) == 0 {
		seen := map[string]int{}
		for _, m := range list {
			// Of several mounts on one another only the last is visible.
			if i, ok := seen[m.target]; ok {
				chosen[i] = m
				continue
			}
			seen[m.target] = len(chosen)
			chosen = append(chosen, m)
		}
	}
	for _, path := range paths {
		m, err := mountOf(list, path)
		if err != nil {
			c.fail(path, err)
			continue
		}
		chosen = append(chosen, m)
	}
	sizeTitle := "1K-blocks"
	if opts.has('h') {
		sizeTitle = "Size"
	} else if opts.has('m') {
		sizeTitle = "1M-blocks"
	}
	rows := [][]string{{"Filesystem", sizeTitle, "Used", "Available", "Use%", "Mounted on"}}
	if opts.has('i') {
		rows[0][1], rows[0][2], rows[0][3], rows[0][4] = "Inodes", "IUsed", "IFree", "IUse%"
	}
	for _, m := range chosen {
		var st unix.Statfs_t
		if err := unix.Statfs(m.target, &st); err != nil {
			if len(paths) > 0 {
				c.fail(m.target, err)
			}
			continue
		}
		if st.Blocks == 0 && !opts.has('a') && len(paths) == 0 {
			continue // proc, sysfs and the like
		}
		show := func(blocks uint64) string {
			bytes := int64(blocks) * int64(st.Bsize)
			switch {
			case opts.has('i'):
				return strconv.FormatUint(blocks, 10)
			case opts.has('h'):
				return humanSize(bytes)
			case opts.has('m'):
				return strconv.FormatInt((bytes+1<<20-1)>>20, 10)
			}
			return strconv.FormatInt(bytes>>10, 10)
		}
		total, avail, used := uint64(st.Blocks), uint64(st.Bavail), uint64(st.Blocks)-uint64(st.Bfree)
		if opts.has('i') {
			total, avail, used = uint64(st.Files), uint64(st.Ffree), uint64(st.Files)-uint64(st.Ffree)
		}
		percent := "-"
		if used+avail > 0 {
			percent = fmt.Sprintf("%d%%", (used*100+used+avail-1)/(used+avail))
		}
		row := []string{c.shown(m.source), show(total), show(used), show(avail), percent, c.shown(m.target)}
		if opts.has('T') {
			row[0] += " (" + m.kind + ")"
		}
		rows = append(rows, row)
	}
	alignment{right: []bool{false, true, true, true, true}}.print(c.out, rows)
	return c.status
}

// mountOf finds the mount that a path lies on.
func mountOf(list []mounted, path string) (mounted, error) {
	info, err := os.Stat(path)
	if err != nil {
		return mounted{}, err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err == nil {
		resolved, err = filepath.Abs(resolved)
	}
	if err != nil {
		return mounted{}, err
	}
	best, found := mounted{}, false
	device := uint64(stat(info).Dev)
	id := fmt.Sprintf("%d:%d", major(device), minor(device))
	if info.Mode()&fs.ModeDevice != 0 {
		for _, m := range list {
			if m.source == resolved {
				return m, nil
			}
		}
	}
	for _, m := range list {
		inside := m.target == "/" || resolved == m.target || strings.HasPrefix(resolved, m.target+"/")
		if inside && len(m.target) >= len(best.target) && (m.device == id || !found) {
			best, found = m, true
		}
	}
	if !found {
		return best, errors.New("is on no known mount")
	}
	return best, nil
}

func du(c *call, args []string) int {
	opts, paths, err := parseOptions("shakmxcd:", map[string]byte{"max-depth": 'd'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	depth, err := opts.number('d', -1)
	if err != nil {
		return c.misuse("%v", err)
	}
	if opts.has('s') {
		depth = 0
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	print := func(bytes int64, path string) {
		size := strconv.FormatInt((bytes+1023)/1024, 10)
		if opts.has('h') {
			size = humanSize(bytes)
		} else if opts.has('m') {
			size = strconv.FormatInt((bytes+1<<20-1)>>20, 10)
		}
		c.printf("%s\t%s\n", size, c.shown(path))
		c.show()
	}
	seen := map[filetree.ID]bool{}
	var device uint64
	var totals []int64 // of the folders on the way, by depth
	w := filetree.Walk{
		Enter: func(e *filetree.Entry) bool {
			if e.Depth == 0 {
				device = e.Info.ID().Device
			}
			totals = append(totals[:e.Depth], 0)
			return !opts.has('x') || e.Info.ID().Device == device
		},
		Leave: func(e *filetree.Entry) {
			if opts.has('x') && e.Info.ID().Device != device {
				return
			}
			st := stat(e.Info)
			if st.Nlink > 1 && !e.Info.IsDir() {
				if seen[e.Info.ID()] {
					return // another name of a file already counted
				}
				seen[e.Info.ID()] = true
			}
			total := totals[e.Depth] + int64(st.Blocks)*512
			if e.Depth > 0 {
				totals[e.Depth-1] += total
			}
			if (e.Info.IsDir() || opts.has('a') || e.Depth == 0) && (depth < 0 || e.Depth <= depth) {
				print(total, e.Path())
			}
			totals[e.Depth] = total
		},
		Fail: c.failEntry,
	}
	sum := int64(0)
	for _, path := range paths {
		totals = []int64{0}
		w.Walk(path)
		sum += totals[0]
	}
	if opts.has('c') {
		print(sum, "total")
	}
	return c.status
}

// mountFlags are the words of -o that the kernel takes as flags; "set" false
// clears them again.
var mountFlags = map[string]struct {
	flag uintptr
	set  bool
}{
	"ro": {syscall.MS_RDONLY, true}, "rw": {syscall.MS_RDONLY, false},
	"nosuid": {syscall.MS_NOSUID, true}, "suid": {syscall.MS_NOSUID, false},
	"nodev": {syscall.MS_NODEV, true}, "dev": {syscall.MS_NODEV, false},
	"noexec": {syscall.MS_NOEXEC, true}, "exec": {syscall.MS_NOEXEC, false},
	"sync": {syscall.MS_SYNCHRONOUS, true}, "async": {syscall.MS_SYNCHRONOUS, false},
	"remount": {syscall.MS_REMOUNT, true}, "bind": {syscall.MS_BIND, true}, "rbind": {syscall.MS_BIND | syscall.MS_REC, true},
	"move": {syscall.MS_MOVE, true}, "noatime": {syscall.MS_NOATIME, true}, "atime": {syscall.MS_NOATIME, false},
	"nodiratime": {syscall.MS_NODIRATIME, true}, "relatime": {syscall.MS_RELATIME, true}, "strictatime": {syscall.MS_STRICTATIME, true},
	"dirsync": {syscall.MS_DIRSYNC, true}, "silent": {syscall.MS_SILENT, true},
	"private": {syscall.MS_PRIVATE, true}, "rprivate": {syscall.MS_PRIVATE | syscall.MS_REC, true},
	"shared": {syscall.MS_SHARED, true}, "rshared": {syscall.MS_SHARED | syscall.MS_REC, true},
	"slave": {syscall.MS_SLAVE, true}, "rslave": {syscall.MS_SLAVE | syscall.MS_REC, true},
	"defaults": {0, true},
}

func mount(c *call, args []string) int {
	long := map[string]byte{"bind": 'B', "rbind": 'R', "move": 'M', "read-only": 'r', "types": 't', "options": 'o'}
	opts, operands, err := parseOptions("t:o:rwBRMv", long, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	words := strings.Join(opts['o'], ",")
	for letter, word := range map[byte]string{'r': "ro", 'w': "rw", 'B': "bind", 'R': "rbind", 'M': "move"} {
		if opts.has(letter) {
			words += "," + word
		}
	}
	flags, data := readMountOptions(words)
	kind := opts.value('t', "")
	switch {
	case len(operands) == 0:
		list, err := mounts()
		if err != nil {
			return c.fail("/proc/self/mountinfo", err)
		}
		for _, m := range list {
			if kind == "" || kind == m.kind {
				c.printf("%s on %s type %s (%s)\n", c.shown(m.source), c.shown(m.target), m.kind, c.shown(m.options))
			}
		}
		return 0
	case len(operands) == 1 && (flags&syscall.MS_REMOUNT != 0 || flags&(syscall.MS_PRIVATE|syscall.MS_SHARED|syscall.MS_SLAVE) != 0):
		operands = []string{"none", operands[0]}
	case len(operands) != 2:
		return c.misuse("needs a source and a target")
	}
	source, target := operands[0], operands[1]
	if flags&syscall.MS_REMOUNT != 0 {
		flags = remountFlags(target, words)
	}
	if kind == "" && flags&(syscall.MS_BIND|syscall.MS_MOVE|syscall.MS_REMOUNT|syscall.MS_PRIVATE|syscall.MS_SHARED|syscall.MS_SLAVE) == 0 {
		return c.mountAny(source, target, flags, data)
	}
	if kind != "" && flags&(syscall.MS_BIND|syscall.MS_MOVE|syscall.MS_REMOUNT) == 0 {
		return c.mountDisk(source, target, kind, flags, data)
	}
	if err := syscall.Mount(source, target, kind, flags, strings.Join(data, ",")); err != nil {
		return c.fail(target, mountReason(err, source, kind))
	}
	// The kernel ignores ro on the first bind; it takes a remount.
	if flags&syscall.MS_BIND != 0 && flags&syscall.MS_REMOUNT == 0 && flags&^(syscall.MS_BIND|syscall.MS_REC) != 0 {
		if err := syscall.Mount("none", target, "", flags&^syscall.MS_REC|syscall.MS_REMOUNT, ""); err != nil {
			return c.fail(target, err)
		}
	}
	return 0
}

// accessTimes are the flags of which a mount has one.
const accessTimes = syscall.MS_NOATIME | syscall.MS_RELATIME | syscall.MS_STRICTATIME

// readMountOptions splits the words of -o into the kernel's flags and what is
// for the file system; later ones win.
func readMountOptions(words string) (flags uintptr, data []string) {
	for word := range strings.SplitSeq(words, ",") {
		switch f, known := mountFlags[word]; {
		case word == "":
		case !known:
			data = append(data, word)
		case f.set:
			if f.flag&accessTimes != 0 {
				flags &^= accessTimes
			}
			flags |= f.flag
		default:
			flags &^= f.flag
		}
	}
	return flags, data
}

// remountFlags are the flags that a mount has now, changed by words. The kernel
// would take away nosuid, nodev and noexec when they are not said again.
func remountFlags(target, words string) uintptr {
	if resolved, err := filepath.EvalSymlinks(target); err == nil {
		if target, err = filepath.Abs(resolved); err != nil {
			target = resolved
		}
	}
	list, _ := mounts()
	now := ""
	for _, m := range list {
		if m.target == target {
			now = m.options
		}
	}
	flags, _ := readMountOptions(now + "," + words)
	return flags
}

func umount(c *call, args []string) int {
	opts, targets, err := parseOptions("lf", map[string]byte{"lazy": 'l', "force": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(targets) == 0 {
		return c.misuse("needs a mounted folder or device")
	}
	flags := 0
	if opts.has('l') {
		flags |= syscall.MNT_DETACH
	}
	if opts.has('f') {
		flags |= syscall.MNT_FORCE
	}
	list, _ := mounts()
	for _, name := range targets {
		target := name
		for _, m := range list {
			if m.source == name && strings.HasPrefix(name, "/dev/") {
				target = m.target
			}
		}
		err := syscall.Unmount(target, flags)
		if errors.Is(err, syscall.EINVAL) {
			err = errors.New("is not mounted")
		}
		if errors.Is(err, syscall.EBUSY) {
			err = errors.New("is busy (a process has files there; -l takes it away anyway)")
		}
		if err != nil {
			c.fail(name, err)
		}
	}
	return c.status
}

// byNumber has loop2 before loop10.
func byNumber(a, b string) int {
	const digits = "0123456789"
	return cmp.Or(strings.Compare(strings.TrimRight(a, digits), strings.TrimRight(b, digits)), len(a)-len(b), strings.Compare(a, b))
}

// loopName is what a loop device was called by who made it: the file that it is of, or what that holds; "" for whom that is no
// business.
func loopName(device string) string {
	f, err := os.Open("/dev/" + device)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err != nil {
		return ""
	}
	return PrintableLine(unix.ByteSliceToString(info.File_name[:]))
}

func lsblk(c *call, args []string) int {
	if len(args) > 0 {
		return c.misuse("takes no arguments")
	}
	list, _ := mounts()
	points := map[string]string{}
	for _, m := range list {
		if points[m.device] == "" {
			points[m.device] = m.target
		}
	}
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return c.fail("/sys/block", err)
	}
	read := func(parts ...string) string {
		text, _ := os.ReadFile(filepath.Join(parts...))
		return strings.TrimSpace(string(text))
	}
	rows := [][]string{{"NAME", "MAJ:MIN", "RM", "RO", "SIZE", "MODEL", "MOUNTED ON"}}
	add := func(indent, folder, name, model string) {
		sectors, _ := strconv.ParseInt(read(folder, "size"), 10, 64)
		dev := read(folder, "dev")
		rows = append(rows, []string{indent + name, dev, read(folder, "removable"), read(folder, "ro"), humanSize(sectors * 512), model, points[dev]})
	}
	sort.SliceStable(entries, func(a, b int) bool { return byNumber(entries[a].Name(), entries[b].Name()) < 0 })
	for _, entry := range entries {
		folder := filepath.Join("/sys/block", entry.Name())
		if read(folder, "size") == "0" {
			continue // an empty loop device or card reader
		}
		model := read(folder, "device/model")
		if file := PrintableLine(read(folder, "loop/backing_file")); file != "" {
			model = cmp.Or(loopName(entry.Name()), file)
		}
		add("", folder, entry.Name(), model)
		parts, _ := filepath.Glob(filepath.Join(folder, entry.Name()+"*"))
		sort.Slice(parts, func(a, b int) bool { return byNumber(parts[a], parts[b]) < 0 })
		for _, part := range parts {
			add("  ", part, filepath.Base(part), "")
		}
	}
	alignment{right: []bool{false, true, true, true, true}}.print(c.out, rows)
	return 0
}
