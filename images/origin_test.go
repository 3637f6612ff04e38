package images

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"bantam/gpt"
)

// The origin is the last sector of the initrd, wherever the layout puts it, and the sector that it names.
func TestTheInitrdOfADiskEndsWithItsOrigin(t *testing.T) {
	dir := t.TempDir()
	for name, write := range map[string]func(path string, initrd Content) error{
		"PC": func(path string, initrd Content) error {
			parts := fakeParts(t, 8192, 1)
			parts.Initrd, parts.Origin = initrd, true
			return WriteHybrid(path, parts)
		},
		"EFI disk": func(path string, initrd Content) error {
			return WriteEFIDisk(path, EFIDisk{Program: []byte("program"), Kernel: numbered(70_000, 1), Initrd: initrd, Disk: testDisk, Label: "BANTAM", Origin: true})
		},
	} {
		for _, size := range []int64{4, 508, 512, 516, 5_000_000} {
			path := filepath.Join(dir, "image")
			if err := write(path, numbered(size, 2)); err != nil {
				t.Fatal(err)
			}
			image, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(image, []byte("Bantam disk\n")) / gpt.SectorSize * gpt.SectorSize
			origin, ok := gpt.ReadOrigin(image[at:][:gpt.SectorSize])
			if !ok || origin != (gpt.Origin{Image: testDisk, Sector: uint64(at / gpt.SectorSize)}) {
				t.Errorf("%s, %d bytes: at byte %d is %+v, %v", name, size, at, origin, ok)
			}
			if start := at - int(roundUp(size, 512)); start < 0 || !bytes.Equal(image[start:][:size], all(t, numbered(size, 2))) {
				t.Errorf("%s, %d bytes: the initrd is not before its origin", name, size)
			}
		}
	}
}

func TestJoinedContentIsReadFromAnyPlace(t *testing.T) {
	want := append(append(all(t, numbered(100, 1)), all(t, numbered(1, 2))...), all(t, numbered(50, 3))...)
	c := joined(numbered(100, 1), Bytes(nil), numbered(1, 2), numbered(50, 3))
	for from := range len(want) {
		for to := from; to <= len(want); to++ {
			got := make([]byte, to-from)
			if n, err := c.ReadAt(got, int64(from)); n != len(got) || err != nil && to < len(want) || !bytes.Equal(got, want[from:to]) {
				t.Fatalf("%d to %d: %d bytes, %v", from, to, n, err)
			}
		}
	}
}
