package slot

import "fmt"

// CopySize is the partition of one copy of the state. No two copies share one, nor a page: what tears one leaves the other.
const CopySize = 4096

// GRUBBlockAt is where GRUB's environment block lies in the partition. GRUB writes to files only, in place, and a tar archive is
// the smallest file system that it knows: what is in front is the header of the one file in it, GRUBFile.
const (
	GRUBBlockAt = SectorSize
	GRUBFile    = "env"
)

// GRUBCopy is the partition around a block of EncodeGRUB.
func GRUBCopy(block []byte) []byte {
	b := make([]byte, CopySize)
	copy(b, GRUBFile)
	copy(b[100:], "0000644\x000000000\x000000000\x00")             // mode, owner, group
	copy(b[124:], fmt.Sprintf("%011o\x00%011o\x00", StateSize, 0)) // size, time
	copy(b[148:], "        0")                                     // checksum, counted as blanks; a plain file
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b[:SectorSize] {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	copy(b[GRUBBlockAt:], block)
	return b
}

// UBootCopy is the partition of an environment of EncodeUBoot, which lies at its start.
func UBootCopy(environment []byte) []byte {
	b := make([]byte, CopySize)
	copy(b, environment)
	return b
}
