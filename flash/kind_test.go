package flash

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/switcher"
)

// file makes a file with a tool and gives what is in it.
func file(t *testing.T, pkg string, command ...string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "FILE", name)
	}
	if out, err := exec.Command("sh", "-c", strings.Join(command, " ")).CombinedOutput(); err != nil {
		t.Fatalf("%v (apt-get install %s): %s", err, pkg, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// guidImage is an empty image with a partition of a type.
func guidImage(t *testing.T, kind gpt.GUID, size int64) []byte {
	t.Helper()
	table := gpt.Table{Disk: gpt.DeriveGUID("x", "disk"), Sectors: uint64(size) / gpt.SectorSize,
		Partitions: []gpt.Partition{{Type: kind, ID: gpt.DeriveGUID("x", "p"), First: 100, Last: 200, Name: "p"}}}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	gpt.ProtectiveMBR(b[:gpt.SectorSize], table.Sectors, false)
	copy(b[gpt.SectorSize:], table.Primary())
	copy(b[size-gpt.TableSectors*gpt.SectorSize:], table.Backup())
	return b
}

func TestWhatAFileIsIsTold(t *testing.T) {
	const mib = 1 << 20
	sparse := "truncate -s 4M FILE; "
	for _, test := range []struct {
		name string
		b    []byte
		want string // of Check, or of What when that has nothing against it
	}{
		{"one of ours", guidImage(t, gpt.Slot, mib), "a disk image of Bantam"},
		{"another's", guidImage(t, gpt.ESP, mib), "a disk image with 1 partition in a GUID partition table"},
		{"one that is cut off", guidImage(t, gpt.Slot, mib)[:mib/2], "it is cut off: by its partition table it has 1.0 MB, and there are 524.3 kB: fetch or build it again; --force writes it nevertheless"},
		{"sgdisk's", file(t, "gdisk", sparse, "sgdisk -n 1:0:+1M -n 2:0:+1M FILE"), "a disk image with 2 partitions in a GUID partition table"},
		{"sfdisk's", file(t, "util-linux", sparse, "echo '2048,,c,*' | sfdisk -q FILE"), "a disk image with 1 partition in an MBR"},
		{"a CD", file(t, "xorriso", "xorriso -as mkisofs -quiet -V DATA -o FILE /etc/hostname"), `it looks like an ISO image "DATA" for CDs alone, not like an image of a disk: it has no boot sector, so nothing starts it from a disk`},
		{"a hybrid ISO", file(t, "xorriso", "xorriso -as mkisofs -quiet -V LIVE --protective-msdos-label -o FILE /etc/hostname"), `a hybrid ISO image "LIVE"`},
		{"ext4", file(t, "e2fsprogs", sparse, "mkfs.ext4 -q FILE"), "it looks like an ext2, ext3 or ext4 file system, not like an image of a disk: it belongs into a partition"},
		{"FAT16", file(t, "dosfstools", "truncate -s 20M FILE; mkfs.fat -F 16 FILE"), "a FAT file system"},
		{"FAT32", file(t, "dosfstools", "truncate -s 40M FILE; mkfs.fat -F 32 FILE"), "a FAT file system"},
		{"squashfs", file(t, "squashfs-tools", "mksquashfs /etc/hostname FILE -quiet -no-progress"), "a squashfs file system"},
		{"swap", file(t, "util-linux", sparse, "mkswap -q FILE"), "a swap area"},
		{"qcow2", file(t, "qemu-utils", "qemu-img create -q -f qcow2 FILE 4M"), "qemu-img convert -O raw"},
		{"VMDK", file(t, "qemu-utils", "qemu-img create -q -f vmdk FILE 4M"), "a disk of a virtual machine (VMDK)"},
		{"VDI", file(t, "qemu-utils", "qemu-img create -q -f vdi FILE 4M"), "a disk of a virtual machine (VDI)"},
		{"tar", file(t, "tar", "tar -cf FILE /etc/hostname"), "it looks like a tar archive"},
		{"uImage", file(t, "u-boot-tools", "mkimage -A mips -T kernel -C none -n x -d /etc/hostname FILE"), "it looks like firmware (uImage), not like an image of a disk: it is for the flash of a router"},
		{"of another vendor", []byte("device:R6100\nversion:V1\n" + strings.Repeat("\x00", 200)), "it looks like firmware (Netgear DNI), not like an image of a disk: it is for the flash of a router"},
		{"twice compressed", file(t, "xz-utils", "echo x | xz > FILE"), "data compressed twice"},
		{"a program", file(t, "coreutils", "cp /bin/true FILE"), "it looks like a program, not like an image of a disk; --force"},
		{"a system.toml", []byte("[network.lan]\n"), "it looks like text, not like an image of a disk: if it is a system.toml, make an image of it: bantam build"},
		{"other text", []byte("Dear Sir\n"), "it looks like text, not like an image of a disk; --force"},
		{"zeros", make([]byte, 5000), "it looks like nothing but zeros"},
		{"noise", bytes.Repeat([]byte{0x9c, 0, 7}, 90000), "it looks like something without a partition table"},
		{"sectors of 4096 bytes", append(make([]byte, 4096), "EFI PART"...), "a disk image with a GUID partition table"},
		{"an escape in a label", append(append(make([]byte, 32768), "\x01CD001\x01"...), append(make([]byte, 33), "\x1b[2J"...)...), "for CDs alone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := survey(t, test.b).Kind
			got := k.What
			if err := k.Check(false); err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || strings.ContainsRune(got, '\x1b') {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if err := k.Check(true); err != nil {
				t.Errorf("--force: %v", err)
			}
		})
	}
}

func TestTheBoardOfAnImageIsFoundWhereverItLies(t *testing.T) {
	digest := switcher.DigestOf([]byte("x"))
	g := switcher.Generation{
		Board: "orangepi-pc", Arch: "arm", Release: 7,
		System: switcher.Descriptor{MediaType: switcher.SystemType, Digest: digest, Size: 1},
		Kernel: switcher.Descriptor{MediaType: switcher.KernelType, Digest: digest, Size: 1, Annotations: map[string]string{switcher.VersionAnnotation: "6.1.0-40-armmp"}},
		Initrd: []switcher.Descriptor{{MediaType: switcher.InitrdType, Digest: digest, Size: 1, Annotations: map[string]string{switcher.SegmentAnnotation: "init"}}},
	}
	manifest := g.Manifest()
	const want = "a disk image of Bantam for board orangepi-pc (Linux 6.1.0-40-armmp, version 7)"
	for _, at := range []int{1 << 20, 3*ChunkSize - 1, 3*ChunkSize - len(manifest)/2, 3*ChunkSize - len(manifest), 4*ChunkSize - 100000} {
		b := guidImage(t, gpt.Slot, 5*ChunkSize)
		copy(b[at-2000:], manifest[:90]) // the beginning of another
		copy(b[at:], manifest)
		if got := survey(t, b).Kind.String(); got != want {
			t.Errorf("at byte %d: got %q", at, got)
		}
	}
}

func TestWhatCannotBeReadToItsEndIsNoImage(t *testing.T) {
	if _, err := Survey(t.Context(), strings.NewReader(""), nil); err == nil || err.Error() != "it is empty" {
		t.Errorf("empty: %v", err)
	}
	broken := io.MultiReader(bytes.NewReader(make([]byte, 1500000)), errReader{errors.New("cut off")})
	if _, err := Survey(t.Context(), broken, nil); err == nil || err.Error() != "after 1500000 bytes: cut off" {
		t.Errorf("broken: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Survey(ctx, strings.NewReader("x"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// What is on a disk may be anything.
func FuzzIdentify(f *testing.F) {
	f.Add([]byte("EFI PART"), 512)
	f.Add([]byte("CD001"), 32769)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		head := make([]byte, 70000)
		copy(head[max(0, min(at, len(head))):], b)
		for _, head := range [][]byte{head, head[:600], b} {
			if k := Identify(head, int64(len(head))); k.What == "" || strings.ContainsAny(k.String(), "\x1b\n") {
				t.Errorf("%+v", k)
			}
		}
	})
}
