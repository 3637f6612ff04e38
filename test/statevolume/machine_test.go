// Package statevolume_test boots real machines with the state volume's code as their PID 1.
package statevolume_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
	"bantam/images"
	"bantam/init/statevolume"
	"bantam/test/vm"

	"github.com/u-root/u-root/pkg/cpio"
)

var machineDisk = gpt.DeriveGUID("test", "state volume")

// A rig is what every machine of this test is started with.
type rig struct {
	kernel, initrd string
	image          []byte // a PC medium with the disk GUID; the kernel comes from outside, for speed
}

func newRig(t *testing.T) rig {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	cache, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(names ...string) map[string]images.Package {
		p, err := images.Archive{CacheDir: cache, Release: "bookworm", Arch: "amd64"}.Packages(ctx, names...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	// The kernel for virtual machines unpacks itself in a tenth of the time, having been packed by lz4, and ext4 is in it.
	const meta = "linux-image-cloud-amd64"
	name, _, _ := strings.Cut(fetch(meta)[meta].Depends, " ")
	kernelRoot := fetch(name)[name].Dir
	r := rig{initrd: filepath.Join(dir, "initrd")}
	found, _ := filepath.Glob(filepath.Join(kernelRoot, "boot/vmlinuz-*"))
	if len(found) != 1 {
		t.Fatalf("kernels in %s: %v", kernelRoot, found)
	}
	r.kernel = found[0]

	medium := filepath.Join(dir, "image")
	digest := "sha256:" + strings.Repeat("0", 64)
	if err := images.WriteDisk(medium, images.Disk{Programs: images.GRUBPrograms{EFI: []byte("program"), EFIPath: "EFI/BOOT/BOOTX64.EFI"},
		Kernel: []byte("kernel"), Initrd: []byte("initrd"), Generation: digest, Boot: digest, Disk: machineDisk, Label: "BANTAM"}); err != nil {
		t.Fatal(err)
	}
	if r.image, err = os.ReadFile(medium); err != nil {
		t.Fatal(err)
	}
	r.packInitrd(t, dir, kernelRoot)
	return r
}

func (r rig) packInitrd(t *testing.T, dir, kernelRoot string) {
	t.Helper()
	binary := filepath.Join(dir, "init")
	build := exec.Command("go", "build", "-o", binary, "./guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	packed, err := images.StateImage(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(r.initrd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := cpio.Newc.Writer(f)
	put := func(name string, content []byte) {
		if err := w.WriteRecord(cpio.StaticFile(name, string(content), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"dev", "bantam", "modules"} {
		if err := w.WriteRecord(cpio.Directory(d, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteRecord(cpio.CharDev("dev/console", 0o600, 5, 1)); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	put("init", code)
	put("bantam/state.template", packed)
	wanted := map[string]bool{"virtio.ko": true, "virtio_ring.ko": true, "virtio_pci.ko": true, "virtio_pci_modern_dev.ko": true, "virtio_pci_legacy_dev.ko": true, "virtio_blk.ko": true}
	err = filepath.WalkDir(filepath.Join(kernelRoot, "lib/modules"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !wanted[d.Name()] {
			return err
		}
		delete(wanted, d.Name())
		b, err := os.ReadFile(path)
		put("modules/"+d.Name(), b)
		return err
	})
	if err != nil || len(wanted) > 0 {
		t.Fatalf("modules of %s: %v, missing %v", kernelRoot, err, wanted)
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
}

// disk makes a disk file of a size with the image on it.
func (r rig) disk(t *testing.T, size int64) string {
	t.Helper()
	// Not t.TempDir: that has the test's name in it, and QEMU's options end at a comma.
	dir, err := os.MkdirTemp("", "bantam-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "disk")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	r.flash(t, path)
	return path
}

// flash writes the image over the beginning of a disk.
func (r rig) flash(t *testing.T, path string) {
	t.Helper()
	write(t, path, 0, r.image)
}

func write(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func readAt(t *testing.T, path string, at int64, n int) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	return b
}

func (r rig) start(t *testing.T, words string, drives ...string) *vm.Machine {
	t.Helper()
	args := []string{"qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nic", "none", "-kernel", r.kernel, "-initrd", r.initrd,
		"-append", "console=ttyS0 quiet panic=-1 " + words}
	for _, d := range drives {
		args = append(args, "-drive", "format=raw,if=virtio,file="+d)
	}
	return vm.Start(t, args...)
}

// boot starts a machine, waits until it says what volume it has, checks that, and switches it off.
func (r rig) boot(t *testing.T, want string, drives ...string) {
	t.Helper()
	r.bootAnd(t, want, nil, drives...)
}

// bootAnd is boot with lines said to the machine before it is switched off; each is answered with success.
func (r rig) bootAnd(t *testing.T, want string, lines []string, drives ...string) {
	t.Helper()
	m := r.start(t, "bantam.disk="+machineDisk.String(), drives...)
	expectVolume(t, m, want)
	for _, line := range lines {
		m.Send(line + "\n")
		m.Expect("TEST " + line + ": <nil>")
	}
	m.Send("off\n")
	m.Expect("TEST close: <nil>")
	m.WaitEnd()
}

// expectVolume waits until the machine says what volume it has, and checks that.
func expectVolume(t *testing.T, m *vm.Machine, want string) {
	t.Helper()
	got := m.Expect(`TEST volume (.*)\.\r?\n`)[1]
	if !regexp.MustCompile(want).MatchString(got) {
		t.Fatalf("got volume %s\nwant %s", got, want)
	}
}

const (
	mib     = 1 << 20
	stateAt = 64 * mib
)

func e2fsck(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("/usr/sbin/e2fsck", "-fn", fmt.Sprintf("%s?offset=%d", path, volumeAt(t, path))).CombinedOutput()
	if err != nil {
		t.Errorf("e2fsck: %v\n%s", err, out)
	}
}

// volumeAt is where the state volume begins on a disk, in bytes: not at stateAt on one of more than a GiB.
func volumeAt(t *testing.T, path string) int64 {
	t.Helper()
	disk, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	info, err := disk.Stat()
	if err != nil {
		t.Fatal(err)
	}
	copies, err := gpt.Read(disk, uint64(info.Size())/gpt.SectorSize)
	if err != nil {
		t.Fatal(err)
	}
	number, p := copies.Table.Find(statevolume.PartitionType)
	if number == 0 {
		t.Fatalf("%s has no state partition", path)
	}
	return int64(p.First) * gpt.SectorSize
}

func TestStateVolumeOnAMachine(t *testing.T) {
	r := newRig(t)

	t.Run("is made on the first boot, grown, and found on the second", func(t *testing.T) {
		disk := r.disk(t, 512*mib)
		write(t, disk, 64*mib, bytes.Repeat([]byte("old data"), 4*mib)) // the disk was something else before
		r.boot(t, `kind=disk origin=made device=/dev/vda8 size=4[0-9]{8} boots=1 check=""`, disk)
		r.boot(t, `kind=disk origin=found device=/dev/vda8 size=4[0-9]{8} boots=2 check=""`, disk)
		e2fsck(t, disk)
		out, err := exec.Command("/usr/sbin/sgdisk", "-v", disk).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "No problems found") {
			t.Errorf("sgdisk -v: %v\n%s", err, out)
		}
	})

	t.Run("is adopted after an image was written over the disk", func(t *testing.T) {
		disk := r.disk(t, 512*mib)
		r.boot(t, `kind=disk origin=made .*boots=1`, disk)
		r.flash(t, disk)
		r.boot(t, `kind=disk origin=adopted .*boots=2`, disk)
		r.boot(t, `kind=disk origin=found .*boots=3`, disk)
		e2fsck(t, disk)
	})

	t.Run("replays its journal after a power cut", func(t *testing.T) {
		disk := r.disk(t, 256*mib)
		for n := 1; n <= 3; n++ {
			m := r.start(t, "bantam.disk="+machineDisk.String(), disk)
			expectVolume(t, m, fmt.Sprintf(`kind=disk .*boots=%d check=""`, n))
			m.PowerCut()
		}
		r.boot(t, `kind=disk origin=found .*boots=4`, disk)
		e2fsck(t, disk)
	})

	t.Run("comes to be although the power is cut while it is made", func(t *testing.T) {
		disk := r.disk(t, 256*mib)
		for cut := range 6 {
			r.flash(t, disk) // or else it would be there after the first
			write(t, disk, stateAt, make([]byte, 4096))
			m := r.start(t, "bantam.disk="+machineDisk.String(), disk)
			m.Expect("TEST opening")
			time.Sleep(time.Duration(cut) * 200 * time.Millisecond)
			m.PowerCut()
		}
		r.boot(t, `kind=disk .*check=""`, disk)
		e2fsck(t, disk)
	})

	t.Run("is made anew when it is marked", func(t *testing.T) {
		disk := r.disk(t, 128*mib)
		r.bootAnd(t, `kind=disk origin=made .*boots=1`, []string{"renew"}, disk)
		r.bootAnd(t, `kind=disk origin=made device=/dev/vda8 .*boots=1 check=""`, []string{"renew", "keep"}, disk)
		r.boot(t, `kind=disk origin=found .*boots=2 check=""`, disk)
		e2fsck(t, disk)

		debugfs(t, disk, "set_super_value state 2")
		r.bootAnd(t, `kind=untrusted .*boots=1`, []string{"renew"}, disk)
		r.boot(t, `kind=disk origin=made device=/dev/vda8 .*boots=1 check=""`, disk)
		e2fsck(t, disk)
	})

	for name, spoil := range map[string]func(t *testing.T, disk string){
		"whose error flag is set": func(t *testing.T, disk string) {
			debugfs(t, disk, "set_super_value state 2")
		},
		"in which the kernel has counted errors": func(t *testing.T, disk string) {
			m := r.start(t, "bantam.disk="+machineDisk.String(), disk)
			expectVolume(t, m, "kind=disk")
			m.Send("spoil\n")
			m.Expect(`TEST check="the kernel has counted 1 errors in it"`)
			m.PowerCut()
		},
		"with a flipped bit in its superblock": func(t *testing.T, disk string) {
			b := readAt(t, disk, stateAt+1024+0x10, 1)
			write(t, disk, stateAt+1024+0x10, []byte{b[0] ^ 1})
		},
		"whose superblock is gone": func(t *testing.T, disk string) {
			write(t, disk, stateAt, make([]byte, 4096))
		},
		"that is larger than its partition": func(t *testing.T, disk string) {
			debugfs(t, disk, "set_super_value blocks_count 2000000")
		},
		"whose group descriptors are garbage": func(t *testing.T, disk string) {
			write(t, disk, stateAt+4096, bytes.Repeat([]byte{0x55}, 4096))
		},
	} {
		t.Run("is left untouched "+name, func(t *testing.T) {
			disk := r.disk(t, 128*mib)
			r.boot(t, `kind=disk origin=made .*boots=1`, disk)
			spoil(t, disk)
			before := readAt(t, disk, 0, 128*mib)
			r.boot(t, `kind=untrusted origin= device= .*boots=1 .*reason=the state volume on .*untouched|kind=untrusted .*cannot be mounted.*left as it is`, disk)
			if !bytes.Equal(before, readAt(t, disk, 0, 128*mib)) {
				t.Error("the disk was changed")
			}
		})
	}

	for name, c := range map[string]struct {
		disk   func(t *testing.T) []string
		words  string
		reason string
	}{
		"the disk is full": {func(t *testing.T) []string { return []string{r.disk(t, int64(len(r.image)))} },
			"bantam.disk=" + machineDisk.String(), "vda has no 32 MiB free behind the image"},
		"the disk is read-only": {func(t *testing.T) []string { return []string{r.disk(t, 128*mib) + ",readonly=on"} },
			"bantam.disk=" + machineDisk.String(), "vda is read-only"},
		"there is no disk": {func(t *testing.T) []string { return nil },
			"bantam.disk=" + machineDisk.String(), "no disk has the GUID .* of this image"},
		"the medium runs from memory": {func(t *testing.T) []string { return []string{r.disk(t, 128*mib)} },
			"bantam.state=memory", "this medium runs from memory"},
	} {
		t.Run("is memory when "+name, func(t *testing.T) {
			m := r.start(t, c.words, c.disk(t)...)
			expectVolume(t, m, `kind=memory origin= device= size=[1-9][0-9]+ boots=1 .*reason=`+c.reason)
			m.PowerCut()
		})
	}

	t.Run("is the one that is there when two disks carry the image", func(t *testing.T) {
		old, fresh := r.disk(t, 128*mib), r.disk(t, 128*mib)
		r.boot(t, `kind=disk origin=made`, old)
		m := r.start(t, "drivers=first bantam.disk="+machineDisk.String(), fresh, old)
		m.Expect("TEST note 2 disks carry this image; vdb is used, not vda")
		expectVolume(t, m, `kind=disk origin=found device=/dev/vdb8 .*boots=2`)
		m.PowerCut()
	})

	t.Run("is used at once on a disk of 12 TiB, and grows meanwhile over power cuts", func(t *testing.T) {
		disk := r.disk(t, 12<<40)
		// Step 16 leaves what the image has reserved room for: from there on the kernel places group descriptors otherwise.
		for n, cut := range []string{`TEST opening`, `TEST step 2:`, `TEST step 1[45]:`, `TEST step [3-9]:`} {
			m := r.start(t, "bantam.disk="+machineDisk.String(), disk)
			if n > 0 {
				expectVolume(t, m, fmt.Sprintf(`kind=disk .*size=[1-9][0-9]{9,12} boots=%d check=""`, n))
				m.Send("grow\n")
			}
			m.Expect(cut)
			m.PowerCut()
		}
		r.boot(t, `kind=disk origin=found .*size=1[0-9]{12} boots=4 check=""`, disk)
		e2fsck(t, disk)
	})
}

func debugfs(t *testing.T, disk, command string) {
	t.Helper()
	out, err := exec.Command("/usr/sbin/debugfs", "-w", "-R", command, fmt.Sprintf("%s?offset=%d", disk, stateAt)).CombinedOutput()
	if err != nil {
		t.Fatalf("debugfs (apt-get install e2fsprogs): %v\n%s", err, out)
	}
}
