// Programs for another machine cannot be started as a child by an emulator of one
// process, so this is for the machine that runs the tests.

//go:build !mips && !mipsle

package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// mounted mounts a small file system where only the calling goroutine and the
// programs it starts see it. It needs root.
func mounted(t *testing.T, kind string) string {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatalf("unshare (be root): %v", err)
	}
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	at := filepath.Join(dir, "mnt")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "tmpfs":
		if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size=256k,mode=755"); err != nil {
			t.Fatalf("mount a tmpfs: %v", err)
		}
	default:
		image := filepath.Join(dir, "image")
		tool(t, "coreutils", "truncate", "-s", "4M", image)
		if kind == "ext4" {
			tool(t, "e2fsprogs", "mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", image)
		} else {
			tool(t, "dosfstools", "mkfs."+kind, image)
		}
		tool(t, "mount", "mount", "-t", kind, "-o", "loop", image, at)
	}
	t.Cleanup(func() { unix.Unmount(at, unix.MNT_DETACH) })
	return at
}

func tool(t *testing.T, pkg, name string, args ...string) string {
	t.Helper()
	if os.Getenv("PATH") != "" {
		os.Setenv("PATH", os.Getenv("PATH")+":/sbin:/usr/sbin")
	}
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v: apt-get install %s", err, pkg)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// known says whether the kernel has a file system.
func known(t *testing.T, kind string) bool {
	return strings.Contains(read(t, "/proc/filesystems"), "\t"+kind+"\n")
}

func TestAFullDiskLeavesTheOldFileWhole(t *testing.T) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		for _, way := range []string{"replaced", "two names"} {
			t.Run(kind+", "+way, func(t *testing.T) {
				dir := mounted(t, kind)
				path := filepath.Join(dir, "f")
				old, new := strings.Repeat("old text\n", 2000), strings.Repeat("THE NEW TEXT\n", 3000)
				want := "f filler"
				if kind == "ext4" {
					want = "f filler lost+found"
				}
				failed := 0
				for free := 0; ; free += 4 << 10 {
					created(t, path, old)
					if way == "two names" {
						if err := os.Link(path, filepath.Join(dir, "g")); err != nil {
							t.Fatal(err)
						}
						want = strings.Replace(want, "f filler", "f filler g", 1)
					}
					fillDisk(t, filepath.Join(dir, "filler"), free)
					f := openedFile(t, path)
					err := f.Save(bytesContent(new))
					if err == nil {
						if got := read(t, path); got != new {
							t.Fatal("the file does not hold the new text")
						}
						break
					}
					failed++
					if !errors.Is(err, unix.ENOSPC) {
						t.Fatal(err)
					}
					if got := read(t, path); got != old {
						t.Fatalf("%d bytes free: the file holds %d bytes, which are not the old ones", free, len(got))
					}
					if got := list(t, dir); got != want {
						t.Fatalf("%d bytes free: in the folder: %s", free, got)
					}
					if changed, err := f.Changed(); changed || err != nil {
						t.Fatalf("it counts as changed by somebody else: %v", err)
					}
					for _, name := range []string{"f", "g", "filler"} {
						os.Remove(filepath.Join(dir, name))
					}
					want = strings.Replace(want, " g", "", 1)
				}
				if failed < 5 {
					t.Errorf("only %d saves met a full disk", failed)
				}
			})
		}
	}
}

// fillDisk leaves so many bytes free.
func fillDisk(t *testing.T, path string, free int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 1<<10)
	size := 0
	for err == nil {
		var n int
		n, err = f.Write(page)
		size += n
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Truncate(int64(max(0, size-free))), f.Sync()); err != nil {
		t.Fatal(err)
	}
}

func TestAReadOnlyFileSystemLeavesTheOldFileWhole(t *testing.T) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			dir := mounted(t, kind)
			path := created(t, filepath.Join(dir, "f"), "old")
			f := openedFile(t, path)
			if err := f.ReadOnly(); err != nil {
				t.Fatal(err)
			}
			remount := func(flags uintptr) {
				if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
					t.Fatal(err)
				}
			}
			remount(unix.MS_RDONLY)
			for _, err := range []error{f.ReadOnly(), f.Save(bytesContent("new"))} {
				if !errors.Is(err, unix.EROFS) {
					t.Errorf("got %v", err)
				}
			}
			missing := openedFile(t, filepath.Join(dir, "missing"))
			if err := missing.ReadOnly(); !errors.Is(err, unix.EROFS) {
				t.Errorf("a new file: got %v", err)
			}
			remount(0)
			if got := read(t, path); got != "old" {
				t.Errorf("the file holds %q", got)
			}
			if err := f.Save(bytesContent("new")); err != nil || read(t, path) != "new" {
				t.Errorf("writable again: %v", err)
			}
		})
	}
}

// acl is a POSIX ACL as the kernel takes it: user::rw-, user:1:r--, group::r--, mask::rw-, other::---.
var acl = "\x02\x00\x00\x00" +
	"\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\x01\x00\x00\x00" +
	"\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x06\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"

// capability is cap_net_raw+ep, which each write to the file takes away.
var capability = "\x01\x00\x00\x02" + "\x00\x20\x00\x00" + strings.Repeat("\x00", 12)

func TestEveryAttributeIsKept(t *testing.T) {
	for _, way := range []string{"replaced", "two names"} {
		for name, xattrs := range map[string]map[string]string{
			"none":                   nil,
			"every name space":       {"user.empty": "", "user.long": strings.Repeat("x", 500), "trusted.a": "b", "security.label": "c\x00d"},
			"an ACL":                 {"system.posix_acl_access": acl},
			"a capability":           {"security.capability": capability},
			"an ACL and a user name": {"system.posix_acl_access": acl, "user.n": "1"},
		} {
			t.Run(way+", "+name, func(t *testing.T) {
				dir := mounted(t, "ext4")
				// What is new in the folder gets an ACL that the file does not have.
				if err := unix.Setxattr(dir, "system.posix_acl_default", []byte(acl), 0); err != nil {
					t.Fatal(err)
				}
				path := created(t, filepath.Join(dir, "f"), "old")
				if err := errors.Join(unix.Removexattr(path, "system.posix_acl_access"), os.Chown(path, 1234, 4321), syscall.Chmod(path, 0o6754)); err != nil {
					t.Fatal(err)
				}
				for name, value := range xattrs {
					if err := unix.Setxattr(path, name, []byte(value), 0); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				if way == "two names" {
					if err := os.Link(path, filepath.Join(dir, "g")); err != nil {
						t.Fatal(err)
					}
				}
				before := describe(t, path)
				f := openedFile(t, path)
				if err := f.Save(bytesContent("the new text")); err != nil {
					t.Fatal(err)
				}
				if got := read(t, path); got != "the new text" {
					t.Errorf("the file holds %q", got)
				}
				if after := describe(t, path); after != before {
					t.Errorf("got\n%s\nwant\n%s", after, before)
				}
				if way == "two names" {
					if got := read(t, filepath.Join(dir, "g")); got != "the new text" {
						t.Errorf("its other name has %q", got)
					}
				}
				if got := list(t, dir); strings.Contains(got, "~") {
					t.Errorf("in the folder: %s", got)
				}
			})
		}
	}
}

// describe is owner, mode and attributes.
func describe(t *testing.T, path string) string {
	t.Helper()
	h, err := linux{}.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	a, err := attributesOf(h)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d %o %q", a.uid, a.gid, a.mode, a.xattrs)
}

func TestAnImmutableFileIsNotSaved(t *testing.T) {
	dir := mounted(t, "ext4")
	for flag, want := range map[string]string{"+i": "-i", "+a": "-a"} {
		path := created(t, filepath.Join(dir, "f"), "old")
		tool(t, "e2fsprogs", "chattr", flag, path)
		f := openedFile(t, path)
		if flag == "+i" && !errors.Is(f.ReadOnly(), unix.EPERM) {
			t.Errorf("before: %v", f.ReadOnly())
		}
		if err := f.Save(bytesContent("new")); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", flag, err)
		}
		tool(t, "e2fsprogs", "chattr", want, path)
		if got := read(t, path); got != "old" || list(t, dir) != "f lost+found" {
			t.Errorf("%s: the file holds %q; in the folder: %s", flag, got, list(t, dir))
		}
	}
}

func TestAFileInAnImmutableFolderIsOverwritten(t *testing.T) {
	dir, spare := filepath.Join(mounted(t, "ext4"), "dir"), folder(t) // on two file systems
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := created(t, filepath.Join(dir, "f"), "old")
	tool(t, "e2fsprogs", "chattr", "+i", dir)
	defer tool(t, "e2fsprogs", "chattr", "-i", dir)
	f := openedFile(t, path)
	if err := f.Save(bytesContent("new")); !errors.Is(err, unix.EPERM) || read(t, path) != "old" {
		t.Errorf("without a place for the copy: %v", err)
	}
	f.Spare = spare
	if err := f.Save(bytesContent("new")); err != nil || read(t, path) != "new" || list(t, spare) != "" {
		t.Errorf("%v; in the other folder: %s", err, list(t, spare))
	}
}

// A file on which something is mounted, e.g. /etc/resolv.conf in a container,
// cannot be replaced.
func TestAFileThatIsAMountIsOverwritten(t *testing.T) {
	dir := mounted(t, "tmpfs")
	path, other := created(t, filepath.Join(dir, "f"), "under it"), created(t, filepath.Join(dir, "other"), "old")
	if err := unix.Mount(other, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(path, unix.MNT_DETACH)
	if err := openedFile(t, path).Save(bytesContent("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, other); got != "new" || list(t, dir) != "f other" {
		t.Errorf("got %q; in the folder: %s", got, list(t, dir))
	}
}

// vfat has neither owners nor links, inode numbers only until it is unmounted,
// and times of two seconds.
func TestAFileOnVFATIsSaved(t *testing.T) {
	if !known(t, "vfat") {
		t.Log("this kernel has no vfat; TestAfterAPowerCut... shows a file system without owners")
		return
	}
	dir := mounted(t, "vfat")
	path := created(t, filepath.Join(dir, "system.toml"), "old")
	f := openedFile(t, path)
	if err := f.Save(bytesContent("new")); err != nil || read(t, path) != "new" || list(t, dir) != "system.toml" {
		t.Errorf("%v; in the folder: %s", err, list(t, dir))
	}
	if changed, err := f.Changed(); changed || err != nil {
		t.Errorf("changed: %v, %v", changed, err)
	}
}

func TestUsersWhoMayNotEverything(t *testing.T) {
	const user, other = 4711, 4712
	for _, c := range []struct {
		name  string
		dir   os.FileMode // of the folder, which is of root
		file  os.FileMode
		owner int
		group int
		says  string // saved, or a part of what is said instead
		spare bool
	}{
		{name: "the user's own file in a folder of everybody", dir: 0o777, file: 0o640, owner: user, group: user, says: "saved"},
		{name: "a file of another who lets the group write", dir: 0o777, file: 0o660, owner: other, group: user, says: "saved"},
		{name: "a file of another who lets all write, in a sticky folder", dir: 0o777 | os.ModeSticky, file: 0o666, owner: other, group: other, says: "saved"},
		{name: "no right to write, though to replace", dir: 0o777, file: 0o644, owner: other, group: other, says: "permission denied"},
		{name: "the folder takes no new file", dir: 0o755, file: 0o644, owner: user, group: user, says: "permission denied"},
		{name: "the folder takes no new file and there is another for the copy", dir: 0o755, file: 0o644, owner: user, group: user, says: "saved", spare: true},
		{name: "a folder that cannot be listed", dir: 0o733, file: 0o644, owner: user, group: user, says: "saved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			top := folder(t)
			dir, spare := filepath.Join(top, "dir"), ""
			if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, c.dir)); err != nil {
				t.Fatal(err)
			}
			if c.spare {
				spare = filepath.Join(top, "spare")
				if err := errors.Join(os.Mkdir(spare, 0o700), os.Chown(spare, user, user)); err != nil {
					t.Fatal(err)
				}
			}
			path := created(t, filepath.Join(dir, "f"), "old")
			if err := errors.Join(os.Chown(path, c.owner, c.group), os.Chmod(path, c.file)); err != nil {
				t.Fatal(err)
			}
			before := describe(t, path)
			got, want := saveAs(t, user, 0, path, spare, "the new text"), "old"
			if c.says == "saved" {
				want = "the new text"
			}
			if !strings.Contains(got, c.says) {
				t.Errorf("it said %s", got)
			}
			if now := read(t, path); now != want {
				t.Errorf("the file holds %q", now)
			}
			if after := describe(t, path); after != before {
				t.Errorf("attributes: got %s, want %s", after, before)
			}
			if got := list(t, dir); got != "f" {
				t.Errorf("in the folder: %s", got)
			}
			if c.spare && list(t, spare) != "" {
				t.Errorf("in the other folder: %s", list(t, spare))
			}
		})
	}
}

func TestTheLimitForFileSizesIsAnErrorAndNotTheEnd(t *testing.T) {
	for _, links := range []int{1, 2} {
		dir := folder(t)
		path := created(t, filepath.Join(dir, "f"), "old")
		want := "f"
		if links == 2 {
			if err := os.Link(path, filepath.Join(dir, "g")); err != nil {
				t.Fatal(err)
			}
			want = "f g"
		}
		said := saveAs(t, 0, 10<<10, path, "", string(bytes.Repeat([]byte("x"), 30<<10)))
		if !strings.Contains(said, unix.EFBIG.Error()) {
			t.Errorf("it said %s", said)
		}
		if got := read(t, path); got != "old" || list(t, dir) != want {
			t.Errorf("the file holds %d bytes; in the folder: %s", len(got), list(t, dir))
		}
	}
}
