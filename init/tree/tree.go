// Package tree makes one /usr of the layers of a generation.
//
// /usr is a read-only overlay: files of the generation's own first, then its layers, then the commands of Bantam. Another
// tree takes the place of the one before at once: there is no moment at which a path below /usr is not there. What runs
// keeps the files that it has open, and the kernel lets go of a layer when the last of them is closed.
//
// A layer is mounted for as long as something is read from it or a tree is made of it, so that nothing of it is left in the
// mount namespaces of services. Linux 5.8 is needed (LOOP_CONFIGURE).
package tree

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// Most is how many layers a tree may have: their names fit in the page that mount(2) takes.
const Most = 140

// A Layer is a squashfs image.
type Layer struct {
	Name string // for people, e.g. package/libc6
	Hex  string // its SHA-256
	Size int64  // bytes
}

// A Place is where the bytes of a layer lie: in a file or on a device.
type Place struct {
	Path   string // e.g. /dev/vda
	Offset int64  // bytes, a multiple of 512
}

// A File is one of the generation's own below /usr.
type File struct {
	Data     []byte
	Mode     uint32
	UID, GID int
}

// A Bind is a file or folder of a layer that is seen at its own path outside of /usr.
type Bind struct {
	Path  string // e.g. /srv/www
	Layer Layer
}

// Options are what a tree needs of the machine.
type Options struct {
	Work     string                     // a folder in memory that all may enter, of the tree's own, e.g. /run/bantam/tree
	Commands func() []string            // names of Bantam's own commands in /bin
	Find     func(Layer) (Place, error) // says where a layer is
	Load     func(module string) error  // loads a module of the kernel; no error if it is there
}

// Tree is what is mounted at /usr. All methods may be called from any goroutine.
type Tree struct {
	o Options

	mu     sync.Mutex
	begun  bool         // what follows is there
	under  filetree.Dir // the folder below the mount
	own    bool         // the folder of commands is made
	serial int          // of the last tree that was tried
	there  int          // the number of the one that is at /usr; 0: none
	source string       // of what is mounted, as mountinfo shows it; "" without
	binds  []Bind
	loaded []string // modules
	held   mounts   // layers that are open for Read
}

// usr is where the tree is mounted.
const usr = "/usr"

// New begins with nothing mounted.
func New(o Options) *Tree { return &Tree{o: o} }

// Set makes the tree of these layers and files, by their paths below /usr, and the binds. With none of each /usr is what
// it was before the first. An error leaves the tree as it was, but for binds.
func (t *Tree) Set(layers []Layer, files map[string]File, binds []Bind) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(layers) > Most {
		return fmt.Errorf("%d layers: a tree has at most %d", len(layers), Most)
	}
	if len(layers) > 0 || len(files) > 0 {
		if err := t.begin(); err != nil {
			return err
		}
	}
	mounted, err := t.mountAll(layers)
	if err != nil {
		mounted.close()
		return err
	}
	defer func() {
		mounted.detach()
		t.held.close()
		t.held = mounted
	}()
	if err := t.setBinds(binds, mounted); err != nil {
		return err
	}
	if len(layers) == 0 && len(files) == 0 {
		return t.clear()
	}
	return t.replace(layers, mounted, files)
}

// Mounted says whether the tree that was set last is still there.
func (t *Tree) Mounted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.source == "" || topSource(usr) == t.source
}

// replace builds a tree beside the one there is, and exchanges them.
func (t *Tree) replace(layers []Layer, mounted mounts, files map[string]File) error {
	if err := t.load("overlay"); err != nil {
		return err
	}
	own, err := t.commands()
	if err != nil {
		return err
	}
	t.serial++
	dir := fmt.Sprintf("%s/%d", t.o.Work, t.serial)
	if err := writeFiles(dir+".files", files); err != nil {
		t.forget(t.serial)
		return err
	}
	lowers := []string{dir + ".files"}
	for _, l := range layers {
		if lower := mounted[l.Hex].at + usr; isDir(lower) { // it may have only etc
			lowers = append(lowers, lower)
		}
	}
	lowers = append(lowers, own)
	source := fmt.Sprintf("bantam-%d", t.serial)
	err = os.Mkdir(dir, 0o755)
	if err == nil {
		err = unix.Mount(source, dir, "overlay", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID, "lowerdir="+strings.Join(lowers, ":"))
	}
	if err == nil {
		err = t.exchange(dir, source)
	}
	if err != nil {
		t.forget(t.serial)
		return fmt.Errorf("mount /usr: %w", err)
	}
	return t.merge()
}

// exchange puts the tree at dir in the place of the one there is. Between the two system calls that this takes, /usr is the
// folder below the mounts, whose links lead to the new one; who follows them then finds it at dir also later.
func (t *Tree) exchange(dir, source string) error {
	if err := t.pointTo(dir); err != nil {
		return err
	}
	if t.source != "" {
		if err := unix.Unmount(usr, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL { // EINVAL: somebody has unmounted it
			return err
		}
	}
	t.source = ""
	if err := unix.Mount(dir, usr, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	t.source = source
	t.forget(t.there)
	t.there = t.serial
	return nil
}

// clear takes the tree away. What is below was there before.
func (t *Tree) clear() error {
	if t.source == "" {
		return nil
	}
	if err := t.pointBack(); err != nil {
		return err
	}
	if err := unix.Unmount(usr, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL {
		return fmt.Errorf("unmount /usr: %w", err)
	}
	t.source = ""
	t.forget(t.there)
	t.there = 0
	return t.merge()
}

// forget removes a tree that is no longer at /usr, and what it was made from.
func (t *Tree) forget(serial int) {
	dir := fmt.Sprintf("%s/%d", t.o.Work, serial)
	_ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	_ = os.Remove(dir)
	_ = os.RemoveAll(dir + ".files")
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
