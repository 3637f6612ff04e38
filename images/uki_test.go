package images

import (
	"bytes"
	"debug/pe"
	"os"
	"testing"

	"bantam/gpt"
)

func readTable(t testing.TB, image string) gpt.Table {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	c, err := gpt.Read(f, uint64(info.Size()/gpt.SectorSize))
	if err != nil || c.PrimaryErr != nil || c.BackupErr != nil {
		t.Fatalf("partition table: %v, primary %v, backup %v", err, c.PrimaryErr, c.BackupErr)
	}
	return c.Table
}

// checkUKI reads an EFI program with Go's reader and compares its sections with what was put in.
func checkUKI(t testing.TB, path string, parts Parts) {
	t.Helper()
	f, err := pe.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string][]byte{".osrel": []byte(parts.OSRelease), ".cmdline": []byte(parts.Cmdline), ".linux": all(t, parts.Kernel), ".initrd": all(t, parts.Initrd)}
	header := f.OptionalHeader.(*pe.OptionalHeader64)
	end := uint32(0)
	for _, s := range f.Sections {
		if s.VirtualAddress < end {
			t.Errorf("section %s at %#x begins inside the one before, which ends at %#x", s.Name, s.VirtualAddress, end)
		}
		end = s.VirtualAddress + max(s.VirtualSize, 1)
		content, ok := want[s.Name]
		if !ok {
			continue
		}
		delete(want, s.Name)
		got, err := s.Data()
		if err != nil || len(got) < len(content) || !bytes.Equal(got[:len(content)], content) || s.VirtualSize != uint32(len(content)) {
			t.Errorf("section %s: %d bytes (%v), virtual size %d; want the %d that were put in", s.Name, len(got), err, s.VirtualSize, len(content))
		}
		if s.Offset%ukiAlign != 0 {
			t.Errorf("section %s begins at byte %d, not at a multiple of %d", s.Name, s.Offset, ukiAlign)
		}
	}
	if len(want) > 0 {
		t.Errorf("sections are missing: %v", want)
	}
	if header.SizeOfImage < end {
		t.Errorf("the image's size %#x ends before its last section %#x", header.SizeOfImage, end)
	}
}
