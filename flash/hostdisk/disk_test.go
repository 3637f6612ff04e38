package hostdisk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/flash"
	"bantam/flash/hostdisk/looptest"
)

func TestMain(m *testing.M) {
	patience = 300 * time.Millisecond // there is no udev in these tests
	os.Exit(m.Run())
}

func device(t *testing.T, name string) flash.Device {
	t.Helper()
	h, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	d, ok := h.Find(name)
	if !ok {
		t.Fatalf("no device %s", name)
	}
	return d
}

func open(t *testing.T, loop looptest.Disk) *Disk {
	t.Helper()
	d, err := Open(t.Context(), device(t, loop.Name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestWhatIsWrittenIsReadPastTheHostsCache(t *testing.T) {
	loop := looptest.Make(t, 3<<20)
	d := open(t, loop)
	if d.Size() != 3<<20 || d.Block() != 512 || !d.direct {
		t.Fatalf("size %d, block %d, direct %v", d.Size(), d.Block(), d.direct)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MiB: more than the buffer
	if n, err := d.WriteAt(want, 512); n != len(want) || err != nil {
		t.Fatal(n, err)
	}
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(loop.File, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// A card that changes what it was given: the device's cache has not seen it.
	if _, err := file.WriteAt([]byte("X"), 512+7); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := d.ReadAt(got, 512); n != len(got) || err != nil {
		t.Fatal(n, err)
	}
	if got[7] != 'X' || !bytes.Equal(got[8:], want[8:]) {
		t.Errorf("read %q", got[:16])
	}
}

func TestZeroGivesMemoryBack(t *testing.T) {
	loop := looptest.Make(t, 4<<20)
	d := open(t, loop)
	if _, err := d.WriteAt(bytes.Repeat([]byte{7}, 4<<20), 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := d.Zero(1<<20, 2<<20); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4<<20)
	if _, err := d.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if b[1<<20-1] != 7 || b[3<<20] != 7 || bytes.Count(b[1<<20:3<<20], []byte{0}) != 2<<20 {
		t.Error("other bytes are zeros than were meant")
	}
	var info unix.Stat_t
	if err := unix.Stat(loop.File, &info); err != nil || info.Blocks*512 > 2<<20+64<<10 {
		t.Errorf("the file still takes %d bytes, %v", info.Blocks*512, err)
	}
}

func TestADiskHasOneWriter(t *testing.T) {
	loop := looptest.Make(t, 1<<20)
	open(t, loop)
	_, err := Open(t.Context(), device(t, loop.Name))
	if want := fmt.Sprintf("%s: it is in use: process %d (", loop.Path, os.Getpid()); !errors.Is(err, ErrBusy) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestWhatTheKernelUsesIsNotOpened(t *testing.T) {
	loop := looptest.Make(t, 8<<20)
	looptest.Tool(t, "e2fsprogs", "mkfs.ext4", "-q", loop.Path)
	dir := t.TempDir()
	looptest.Tool(t, "mount", "mount", loop.Path, dir)
	mounted := true
	t.Cleanup(func() {
		if mounted {
			looptest.Tool(t, "mount", "umount", dir)
		}
	})
	if _, err := Open(t.Context(), device(t, loop.Name)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	busy, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmount(dir); err == nil || !strings.Contains(err.Error(), "somebody still uses it; `fuser -vm "+dir+"` says who") {
		t.Errorf("a file is open there: %v", err)
	}
	busy.Close()
	if err := Unmount(dir); err != nil {
		t.Fatal(err)
	}
	mounted = false
	// Whoever made a namespace of mounts meanwhile, as tests of networks do, keeps the file system until he ends.
	for deadline := time.Now().Add(4 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		d, err := Open(t.Context(), device(t, loop.Name))
		if err == nil {
			d.Close()
			break
		}
		if !errors.Is(err, ErrBusy) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if err := Unmount(dir); err == nil {
		t.Error("unmounted twice")
	}
}

func TestFaultsOfADeviceHaveTheirNames(t *testing.T) {
	page := make([]byte, 4096)
	page[0] = 1
	t.Run("write-protected", func(t *testing.T) {
		loop := looptest.Make(t, 1<<20, "--read-only")
		if d := device(t, loop.Name); !d.ReadOnly {
			t.Error("sysfs does not say so")
		}
		// Whoever may do everything opens it, and learns it from the first write.
		d, err := Open(t.Context(), device(t, loop.Name))
		if err == nil {
			_, err = d.WriteAt(page, 0)
			d.Close()
		}
		if !errors.Is(err, flash.ErrProtected) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no memory is left", func(t *testing.T) {
		dir := t.TempDir()
		looptest.Tool(t, "mount", "mount", "-t", "tmpfs", "-o", "size=64k", "none", dir)
		t.Cleanup(func() { looptest.Tool(t, "mount", "umount", dir) })
		// Detached before the tmpfs is unmounted: cleanups run in reverse.
		d := open(t, looptest.On(t, filepath.Join(dir, "disk"), 1<<20))
		// One page at a time: of a longer write Linux's loop device takes for done what was only begun.
		var err error
		for at := int64(0); at < d.Size() && err == nil; at += int64(len(page)) {
			_, err = d.WriteAt(page, at)
		}
		if !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENOSPC) || errors.Is(err, flash.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the card is pulled out of its reader", func(t *testing.T) {
		loop := looptest.Make(t, 1<<20)
		d := open(t, loop)
		if _, err := d.WriteAt(page, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(loop.File, 0); err != nil {
			t.Fatal(err)
		}
		looptest.Tool(t, "mount", "losetup", "--set-capacity", loop.Path)
		if _, err := d.WriteAt(page, 8192); !errors.Is(err, flash.ErrGone) {
			t.Errorf("write: %v", err)
		}
		if _, err := d.ReadAt(page, 0); !errors.Is(err, flash.ErrGone) {
			t.Errorf("read: %v", err)
		}
		if err := d.Zero(0, 4096); !errors.Is(err, flash.ErrGone) {
			t.Errorf("zero: %v", err)
		}
	})
	t.Run("it was pulled out before", func(t *testing.T) {
		if _, err := Open(t.Context(), flash.Device{Name: "sdzz", Path: "/dev/sdzz", Number: "1:2"}); !errors.Is(err, flash.ErrGone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another was put in", func(t *testing.T) {
		d := device(t, looptest.Make(t, 1<<20).Name)
		d.Sequence = "1000000"
		if _, err := Open(t.Context(), d); err == nil || !strings.Contains(err.Error(), "it is another disk than a moment ago") {
			t.Errorf("got %v", err)
		}
	})
}
