package supervise

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tree is a file system as facts: path to what is there.
type tree map[string]Fact

func (f tree) look(path string) (Fact, error) {
	if fact, ok := f[path]; ok {
		return fact, nil
	}
	return Fact{}, fmt.Errorf("%s: %w", path, os.ErrNotExist)
}

const (
	folder  = unix.S_IFDIR
	program = unix.S_IFREG | 0o755
	link    = unix.S_IFLNK | 0o777
)

func TestWhatAServicesUserMayNotDoIsKnownBefore(t *testing.T) {
	machine := tree{
		"/": {Mode: folder | 0o755}, "/bin": {Mode: folder | 0o755}, "/bin/web": {Mode: program}, "/bin/sh": {Mode: program},
		"/bin/own": {Mode: unix.S_IFREG | 0o700}, "/bin/root": {Mode: unix.S_IFREG | 0o600},
		"/state":         {Mode: folder | 0o711},
		"/state/data":    {Mode: folder | 0o700, UID: 1000, GID: 1000},
		"/state/other":   {Mode: folder | 0o700, UID: 1001, GID: 1001},
		"/state/shared":  {Mode: folder | 0o750, GID: 2000},
		"/state/listed":  {Mode: folder | 0o750, List: true},
		"/state/link":    {Mode: link, Target: "other"},
		"/state/up":      {Mode: link, Target: "/state/data/../other/x"},
		"/state/loop":    {Mode: link, Target: "loop"},
		"/state/other/x": {Mode: folder | 0o755}, "/state/data/conf": {Mode: unix.S_IFREG | 0o600},
		"/state/data/run": {Mode: program, UID: 1000, Head: "#!/bin/sh -e\necho"},
		"/state/data/bad": {Mode: program, UID: 1000, Head: "#! /bin/none\n"},
		"/state/data/odd": {Mode: program, UID: 1000, Head: "#! \n"},
		"/state/data/x":   {Mode: unix.S_IFREG | 0o111, UID: 0, Head: "#!/bin/sh\n"},
		"/mnt":            {Mode: folder | 0o755}, "/mnt/p": {Mode: program, NoExec: true},
		"/old": {Mode: folder | 0o700},
	}
	web := Definition{UID: 1000, GID: 1000, Env: []string{"PATH=/bin", "USER=web"}, Dir: "/"}
	bare := Definition{Caps: []int{unix.CAP_NET_ADMIN}, Env: []string{"PATH=/bin"}, Dir: "/"}
	root := Definition{Env: []string{"PATH=/bin"}, Dir: "/"}
	for _, c := range []struct {
		name      string
		def       Definition
		dir       string
		argv      []string
		says      string
		doubt     string
		secondary []uint32
	}{
		{"its own folder", web, "/state/data", []string{"web"}, "", "", nil},
		{"a volume that only root enters", web, "/old/x", []string{"web"}, "dir /old/x: user web may not enter /old: its mode is 0700, its owner 0:0", "", nil},
		{"another's folder", web, "/state/other", []string{"web"}, "user web may not enter /state/other: its mode is 0700, its owner 1001:1001", "", nil},
		{"another's folder by a link", web, "/state/link", []string{"web"}, "may not enter /state/other", "", nil},
		{"another's folder by a link out of its own", web, "/state/up", []string{"web"}, "may not enter /state/other", "", nil},
		{"a link that leads to itself", web, "/state/loop", []string{"web"}, "too many levels of symbolic links", "", nil},
		{"a folder that is not there", web, "/state/none", []string{"web"}, "dir /state/none: file does not exist; make it", "", nil},
		{"a folder that is a file", web, "/bin/web", []string{"web"}, "dir /bin/web: not a directory", "", nil},
		{"a group's folder", web, "/state/shared", []string{"web"}, "may not enter /state/shared", "", nil},
		{"a folder of a supplementary group", web, "/state/shared", []string{"web"}, "", "", []uint32{5, 2000}},
		{"a folder with an access list, which may say more", web, "/state/listed", []string{"web"}, "", "", nil},
		{"root enters what it likes", root, "/state/other/x", []string{"own"}, "", "", nil},
		{"root without its capabilities does not", bare, "/state/other", []string{"web"}, "root with these capabilities may not enter /state/other", "", nil},
		{"but what is root's", bare, "/old", []string{"own"}, "", "", nil},
		{"a program of root's", web, "/", []string{"own"}, "user web may not run /bin/own: its mode is 0700, its owner 0:0", "", nil},
		{"no program, also for root", root, "/", []string{"root"}, "/bin/root: not an executable file", "", nil},
		{"a program nowhere", web, "/", []string{"none"}, "none: file does not exist", "", nil},
		{"a program on a file system without programs", root, "/", []string{"/mnt/p"}, "/mnt/p: no program runs from there", "", nil},
		{"a script", web, "/state/data", []string{"./run"}, "", "", nil},
		{"a script without interpreter", web, "/state/data", []string{"./bad"}, "/state/data/bad, whose first line is #! /bin/none: there is no such interpreter", "", nil},
		{"a script whose interpreter the kernel chooses", web, "/state/data", []string{"./odd"}, "", "", nil},
		{"a script that it cannot read", web, "/state/data", []string{"./x"}, "user web may not read the script /state/data/x", "", nil},
		{"a file that its command names", web, "/", []string{"web", "-c", "/state/data/conf"}, "", "user web may not read /state/data/conf: its mode is 0600, its owner 0:0", nil},
		{"a file in a folder of another", web, "/", []string{"web", "/state/other/x/y"}, "", "user web may not enter /state/other", nil},
		{"a file that is not there yet", web, "/", []string{"web", "-o", "/state/data/log"}, "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.def.Dir, c.def.Argv, c.def.Groups = c.dir, c.argv, c.secondary
			notes, err := CanStart(c.def, machine.look)
			if got := fmt.Sprint(err); c.says == "" && err != nil || !strings.Contains(got, c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if got := strings.Join(notes, "\n"); !strings.Contains(got, c.doubt) || c.doubt == "" && got != "" {
				t.Errorf("notes %q, want %q", got, c.doubt)
			}
		})
	}
}

// A file system of a user's own shows itself to nobody else, not even to root.
func TestWhatCannotBeLookedAtIsNotRefused(t *testing.T) {
	def := Definition{UID: 1000, GID: 1000, Argv: []string{"/mnt/p"}}
	if _, err := CanStart(def, func(string) (Fact, error) { return Fact{}, unix.EACCES }); err != nil {
		t.Error(err)
	}
	if _, err := CanStart(def, func(string) (Fact, error) { return Fact{}, unix.EIO }); !errors.Is(err, unix.EIO) {
		t.Errorf("a broken disk: %v", err)
	}
}

// The kernel says who may do what in a tree of folders, files and links with
// any modes and owners.
func TestTheKernelAgreesOnWhoMayDoWhat(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become others")
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		top := t.TempDir()
		for dir := top; dir != "/"; dir = filepath.Dir(dir) {
			if dir != os.TempDir() {
				os.Chmod(dir, 0o755)
			}
		}
		paths := []string{top}
		owners := []int{0, 1000, 1001}
		groups := []int{0, 1000, 2000}
		for i := range 40 {
			parent := paths[r.IntN(len(paths))]
			if !below(top, parent) {
				continue
			}
			name := filepath.Join(parent, fmt.Sprint(i))
			var err error
			switch r.IntN(4) {
			case 0:
				err = os.WriteFile(name, nil, 0o644)
			case 1:
				target := paths[r.IntN(len(paths))]
				if r.IntN(2) == 0 {
					target = []string{"..", "../..", "../0", name, "none", "./" + fmt.Sprint(i-1), ""}[r.IntN(6)]
				}
				err = os.Symlink(target, name)
			default:
				err = os.Mkdir(name, 0o755)
			}
			if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOENT) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, name, name+"/..", name+"/"+fmt.Sprint(i+1))
		}
		for _, path := range paths {
			if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink == 0 && path != top && below(top, path) {
				os.Chmod(path, os.FileMode(r.IntN(0o1000)))
				os.Lchown(path, owners[r.IntN(3)], groups[r.IntN(3)])
			}
		}
		for _, def := range []Definition{
			{}, {Caps: []int{}}, {Caps: []int{unix.CAP_DAC_READ_SEARCH}}, {Caps: []int{unix.CAP_DAC_OVERRIDE}},
			{UID: 1000, GID: 1000}, {UID: 1001, GID: 1000, Groups: []uint32{2000}}, {UID: 1001, GID: 1001},
		} {
			said := kernelSays(t, def, paths)
			for i, path := range paths {
				_, fact, err := def.reach(path, LookAt)
				for want, says := range said[i] {
					ours := err == nil && def.may(fact, uint32(1)<<want)
					if ours != says {
						t.Errorf("seed %d: %d:%d %v caps %v, access %d to %s: %v (%v), the kernel says %v", seed, def.UID, def.GID, def.Groups, def.Caps, 1<<want, path, ours, err, says)
					}
				}
			}
		}
	}
}

// below tells whether a path leads to top or to what is in it.
func below(top, path string) bool {
	real, err := filepath.EvalSymlinks(path)
	return err == nil && strings.HasPrefix(real+"/", top+"/")
}

// kernelSays asks for each path whether a process like def may execute or enter, write and read it.
func kernelSays(t *testing.T, def Definition, paths []string) (said [][3]bool) {
	t.Helper()
	fault := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread is not used again
		err := becomeOnThread(def)
		for _, path := range paths {
			var may [3]bool
			for want := range may {
				may[want] = unix.Access(path, 1<<want) == nil
			}
			said = append(said, may)
		}
		fault <- err
	}()
	if err := <-fault; err != nil {
		t.Fatal(err)
	}
	return said
}

// becomeOnThread takes the rights of def for this thread alone.
func becomeOnThread(def Definition) error {
	groups := append([]uint32{}, def.Groups...)
	var first *uint32
	if len(groups) > 0 {
		first = &groups[0]
	}
	if err := setGroupsOnThread(first, len(groups)); err != nil {
		return err
	}
	for _, call := range []struct{ number, id uintptr }{{unix.SYS_SETRESGID, uintptr(def.GID)}, {unix.SYS_SETRESUID, uintptr(def.UID)}} {
		if _, _, errno := unix.RawSyscall(call.number, call.id, call.id, call.id); errno != 0 {
			return errno
		}
	}
	caps, restricted := capsOf(def)
	if !restricted {
		return nil
	}
	var data [2]unix.CapUserData
	for _, c := range caps {
		data[c/32].Effective |= 1 << (c % 32)
		data[c/32].Permitted |= 1 << (c % 32)
	}
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
}

func setGroupsOnThread(first *uint32, n int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(n), uintptr(unsafe.Pointer(first)), 0); errno != 0 {
		return errno
	}
	return nil
}
