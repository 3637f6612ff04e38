package supervise

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"bantam/regular"
)

// LookAt reads the facts of one path for CanStart. On a file system that does
// not answer it does not return.
func LookAt(path string) (Fact, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return Fact{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
		}
		return Fact{}, fmt.Errorf("%s: %w", path, err)
	}
	f := Fact{Mode: uint32(st.Mode), UID: st.Uid, GID: st.Gid}
	if f.is(unix.S_IFLNK) {
		var err error
		f.Target, err = os.Readlink(path)
		return f, err
	}
	if n, err := unix.Lgetxattr(path, "system.posix_acl_access", nil); err == nil && n > 0 {
		f.List = true
	}
	if f.is(unix.S_IFREG) && f.Mode&0o111 != 0 {
		var fsStat unix.Statfs_t
		if err := unix.Statfs(path, &fsStat); err == nil {
			f.NoExec = fsStat.Flags&unix.ST_NOEXEC != 0
		}
		f.Head = scriptLine(path)
	}
	return f, nil
}

// scriptLine is the beginning of a file that starts with #!, as much of it as the kernel looks at.
func scriptLine(path string) string {
	file, err := regular.Open(path, unix.O_NOFOLLOW, math.MaxInt64)
	if err != nil {
		return ""
	}
	defer file.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(file, head)
	if n < 2 || head[0] != '#' || head[1] != '!' {
		return ""
	}
	return string(head[:n])
}
