package pid1

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// openToAll lists the folders and files on the machine that every user may
// write to, with their modes, and what is setuid or setgid. The kernel answers
// for /proc and /sys itself, and devices are what they are.
func openToAll() (list []string, err error) {
	err = filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "/proc" || path == "/sys" || path == "/dev/pts" {
			return fs.SkipDir
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK, unix.S_IFCHR, unix.S_IFBLK:
			return nil
		}
		if st.Mode&0o002 != 0 || st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
			list = append(list, fmt.Sprintf("%s %04o", path, st.Mode&0o7777))
		}
		return nil
	})
	slices.Sort(list)
	return list, err
}

// fillAsNobody writes bytes to a folder until there is no room, and then files
// without bytes.
func fillAsNobody(dir string) (err error) {
	onThreadOfNobody(func() {
		var f *os.File
		f, err = os.Create(filepath.Join(dir, "full"))
		chunk, most := make([]byte, 1<<20), 128
		for n := 0; err == nil && n < most; n++ {
			_, err = f.Write(chunk)
		}
		for i := range 8 * most << 10 {
			if empty, err := os.Create(filepath.Join(dir, fmt.Sprint(i))); err != nil {
				break
			} else {
				empty.Close()
			}
		}
	})
	return reason(err)
}

// onThreadOfNobody runs f with the rights of nobody on files.
func onThreadOfNobody(f func()) { onThreadOf(65534, 65534, f) }

// onThreadOf runs f with the rights of a user on files.
func onThreadOf(uid, gid uintptr, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread is not used again
		for _, call := range []struct{ number, id uintptr }{{unix.SYS_SETFSGID, gid}, {unix.SYS_SETFSUID, uid}} {
			unix.RawSyscall(call.number, call.id, 0, 0) // of this thread only
		}
		f()
	}()
	<-done
}

// pathsOf are the lines of openToAll without the modes.
func pathsOf(lines []string) (paths []string) {
	for _, line := range lines {
		path, _, _ := strings.Cut(line, " ")
		paths = append(paths, path)
	}
	return paths
}
