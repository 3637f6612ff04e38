package images

import (
	"debug/pe"
	"encoding/binary"
	"fmt"
)

// A UKI (unified kernel image) is systemd's EFI stub with further sections: the command line, the kernel and the initrd.
// Their raw data begins at multiples of 2048 in the file, so that ISO 9660 records can point into it.

const ukiAlign = 2048 // of raw data in the file: one ISO 9660 sector

// A uki is the composed file and where its kernel and initrd begin in it.
type uki struct {
	file     layout
	kernelAt int64
	initrdAt int64
}

// newUKI adds the sections to the stub. Addresses follow from the sizes: in fixed places a large kernel would lie over
// the initrd. The result is unsigned; Secure Boot needs it signed afterwards.
func newUKI(stub []byte, osRelease, cmdline string, kernel, initrd Content) (uki, error) {
	const (
		offPE          = 0x3C
		sectionSize    = 40
		offSizeOfImage = 56 // in the optional header, of PE32 and PE32+ alike
		offChecksum    = 64
	)
	var u uki
	if len(stub) < 0x40 {
		return u, fmt.Errorf("EFI stub: %d bytes are no program", len(stub))
	}
	parsed, err := pe.NewFile(Bytes(stub))
	if err != nil {
		return u, fmt.Errorf("EFI stub: %w", err)
	}
	header, ok := parsed.OptionalHeader.(*pe.OptionalHeader64)
	if !ok {
		return u, fmt.Errorf("EFI stub: not a 64-bit program")
	}
	out := append([]byte(nil), stub...)
	le := binary.LittleEndian
	peAt := int64(le.Uint32(out[offPE:]))
	optionalAt := peAt + 24
	tableAt := optionalAt + int64(parsed.FileHeader.SizeOfOptionalHeader)

	// systemd's stub says 512 bytes, but the kernel is better off on a page of its own.
	addressAlign := max(int64(header.SectionAlignment), 4096)
	address, firstRaw := int64(0), int64(len(stub))
	for _, s := range parsed.Sections {
		address = max(address, int64(s.VirtualAddress)+int64(max(s.VirtualSize, s.Size)))
		if s.Offset != 0 {
			firstRaw = min(firstRaw, int64(s.Offset))
		}
		switch s.Name {
		case ".osrel", ".cmdline", ".linux", ".initrd":
			return u, fmt.Errorf("EFI stub: already has a section %s", s.Name)
		}
	}
	sections := []struct {
		name    string
		content Content
	}{
		{".osrel", Bytes([]byte(osRelease))},
		{".cmdline", Bytes([]byte(cmdline))},
		{".linux", kernel},
		{".initrd", initrd},
	}
	entryAt := tableAt + int64(len(parsed.Sections))*sectionSize
	headersEnd := entryAt + int64(len(sections))*sectionSize
	if headersEnd > firstRaw || headersEnd > int64(header.SizeOfHeaders) {
		return u, fmt.Errorf("EFI stub: no room for %d more section headers before byte %d", len(sections), min(firstRaw, int64(header.SizeOfHeaders)))
	}

	at := roundUp(int64(len(stub)), ukiAlign)
	for _, s := range sections {
		address = roundUp(address, addressAlign)
		size := s.content.Size()
		raw := roundUp(size, int64(header.FileAlignment))
		if address+size >= 1<<32 || at+raw >= 1<<32 {
			return u, fmt.Errorf("section %s of %d bytes: an EFI program is smaller than 4 GiB", s.name, size)
		}
		e := out[entryAt : entryAt+sectionSize]
		clear(e)
		copy(e[0:8], s.name)
		le.PutUint32(e[8:], uint32(size))
		le.PutUint32(e[12:], uint32(address))
		le.PutUint32(e[16:], uint32(raw))
		le.PutUint32(e[20:], uint32(at))
		le.PutUint32(e[36:], pe.IMAGE_SCN_CNT_INITIALIZED_DATA|pe.IMAGE_SCN_MEM_READ)
		entryAt += sectionSize

		u.file.add(at, s.name, s.content)
		switch s.name {
		case ".linux":
			u.kernelAt = at
		case ".initrd":
			u.initrdAt = at
		}
		address += size
		at = roundUp(at+raw, ukiAlign)
	}
	le.PutUint16(out[peAt+6:], uint16(len(parsed.Sections)+len(sections)))
	le.PutUint32(out[optionalAt+offSizeOfImage:], uint32(roundUp(address, addressAlign)))
	le.PutUint32(out[optionalAt+offChecksum:], 0)
	u.file.add(0, "EFI stub", Bytes(out))
	u.file.size = at
	return u, nil
}
