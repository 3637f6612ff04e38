package pid1

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
)

// Creator is a part of the root file system that PID 1 makes at boot. The root
// is the kernel's initramfs and stays so; it is writable and forgets.
type Creator interface {
	Create() error   // making what is there already is no error
	Essential() bool // without it there is no machine
	fmt.Stringer
}

// Dir is a folder and its parents.
type Dir struct {
	Path string
	Mode fs.FileMode
}

// Mount is a file system; its mount point is made if need be.
type Mount struct {
	Type   string
	Target string
	Flags  uintptr
	Data   string
	Must   bool
	// IfPresent: mounted only where the kernel made the mount point, and not at
	// all by a kernel that does not know the type.
	IfPresent bool
}

// Symlink replaces a file or a link of its name, not a folder.
type Symlink struct {
	Target string
	Path   string
}

// File is a text file, left alone if it has this text.
type File struct {
	Path string
	Mode fs.FileMode
	Text string
}

const quiet = unix.MS_NOSUID | unix.MS_NODEV

// Mounts are the kernel's file systems and the folders in memory, in order, for
// a machine of so many bytes of memory.
func Mounts(memory int64) []Creator {
	list := []Creator{
		Mount{Type: "devtmpfs", Target: "/dev", Flags: unix.MS_NOSUID, Data: fmt.Sprintf("mode=0755,size=%d", devBytes), Must: true},
		Mount{Type: "proc", Target: "/proc", Flags: quiet | unix.MS_NOEXEC, Must: true},
		Mount{Type: "sysfs", Target: "/sys", Flags: quiet | unix.MS_NOEXEC, Must: true},
		Mount{Type: "devpts", Target: "/dev/pts", Flags: unix.MS_NOSUID | unix.MS_NOEXEC, Data: "gid=5,mode=620,ptmxmode=666"},
		Mount{Type: "cgroup2", Target: "/sys/fs/cgroup", Flags: quiet | unix.MS_NOEXEC, Data: "nsdelegate"},
		Mount{Type: "pstore", Target: "/sys/fs/pstore", Flags: quiet | unix.MS_NOEXEC, IfPresent: true},
		Mount{Type: "efivarfs", Target: "/sys/firmware/efi/efivars", Flags: quiet | unix.MS_NOEXEC, IfPresent: true},
		Symlink{"/proc/self/fd", "/dev/fd"},
		Symlink{"/proc/self/fd/0", "/dev/stdin"},
		Symlink{"/proc/self/fd/1", "/dev/stdout"},
		Symlink{"/proc/self/fd/2", "/dev/stderr"},
	}
	for _, a := range areas {
		list = append(list, a.mount(memory))
	}
	return append(list, Root{Share: rootShare, Memory: memory})
}

// Skeleton is the rest of the root: folders, links and files that programs
// expect. applets are the names under /bin by which the device binary is called.
func Skeleton(applets []string) []Creator {
	list := []Creator{
		Dir{"/bin", 0o755}, Dir{"/etc", 0o755}, Dir{"/root", 0o700}, Dir{"/mnt", 0o755}, Dir{"/state", 0o755},
		Dir{"/usr", 0o755}, Dir{"/var", 0o755}, Dir{"/var/lib", 0o755}, Dir{"/var/empty", 0o555},
		Dir{"/bantam", 0o700},        // the image's system.toml
		Symlink{"usr/sbin", "/sbin"}, // the kernel calls /sbin/modprobe, scripts begin with /usr/bin/env
		Symlink{"../bin", "/usr/bin"},
		Symlink{"../bin", "/usr/sbin"},
		Symlink{"/run", "/var/run"},
		Symlink{"/run/lock", "/var/lock"},
		Symlink{"/tmp", "/var/tmp"},
		Symlink{"/run/bantam/net/resolv.conf", "/etc/resolv.conf"},
		Symlink{"/proc/self/mounts", "/etc/mtab"},
		madeAtBoot["/etc/profile"],
		madeAtBoot["/etc/shells"],
		File{"/etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"},
		Symlink{"../init", "/bin/bantam"},
	}
	for _, name := range applets {
		list = append(list, Symlink{"bantam", "/bin/" + name})
	}
	return list
}

// Make creates all of a list. It goes on after an error; fatal is the first
// error of something essential.
func Make(list []Creator) (errs []error, fatal error) {
	for _, c := range list {
		err := c.Create()
		if err == nil {
			continue
		}
		err = fmt.Errorf("%v: %w", c, err)
		errs = append(errs, err)
		if c.Essential() && fatal == nil {
			fatal = err
		}
	}
	return errs, fatal
}

func (d Dir) String() string   { return "dir " + d.Path }
func (d Dir) Essential() bool  { return false }
func (m Mount) String() string { return "mount " + m.Type + " on " + m.Target }

// Essential says whether the machine cannot do without the mount.
func (m Mount) Essential() bool   { return m.Must }
func (s Symlink) String() string  { return "symlink " + s.Path + " -> " + s.Target }
func (s Symlink) Essential() bool { return false }
func (f File) String() string     { return "file " + f.Path }
func (f File) Essential() bool    { return false }

// Create makes the folder with its mode whatever the umask, and missing parents with 0755.
func (d Dir) Create() error {
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return err
	}
	return unix.Chmod(d.Path, uint32(d.Mode)) // not os.Chmod, whose sticky bit is not 01000
}

// Create mounts the file system unless it is there.
func (m Mount) Create() error {
	if m.IfPresent {
		if _, err := os.Stat(m.Target); err != nil {
			return nil
		}
	} else if err := os.MkdirAll(m.Target, 0o755); err != nil {
		return err
	}
	err := unix.Mount(m.Type, m.Target, m.Type, m.Flags, m.Data)
	switch {
	case errors.Is(err, unix.EBUSY):
		return nil // mounted there already
	case errors.Is(err, unix.ENODEV) && m.IfPresent:
		return nil // the kernel has it as a module that the image does not carry
	}
	return err
}

// Create makes the link in place of another link or file.
func (s Symlink) Create() error {
	if err := os.Symlink(s.Target, s.Path); err == nil { // as of nearly all two hundred at a boot
		return nil
	}
	if now, err := os.Readlink(s.Path); err == nil && now == s.Target {
		return nil
	}
	if info, err := os.Lstat(s.Path); err == nil {
		if info.IsDir() {
			return fmt.Errorf("there is a folder of that name")
		}
		if err := os.Remove(s.Path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		return err
	}
	return os.Symlink(s.Target, s.Path)
}

// Create writes the file unless it has the text.
func (f File) Create() error {
	if now, err := os.ReadFile(f.Path); err == nil && bytes.Equal(now, []byte(f.Text)) {
		return nil
	}
	return atomicfile.Write(f.Path, []byte(f.Text), f.Mode)
}
