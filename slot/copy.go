package slot

import "fmt"

// CopySize is the partition of one copy of the state. No two copies share one, nor a page: what tears one leaves the other.
const CopySize = 4096

// GRUBBlockAt is where GRUB's environment block lies in the partition. GRUB writes to files only, in place, and a tar archive is
// the smallest file system that it knows: what is in front is the header of the file. GRUBFile holds the state; GRUBSpare, behind
// it, has what GRUB counts by where neither copy's GRUBFile is an environment block any more, for it cannot make one.
const (
	GRUBBlockAt = SectorSize
	GRUBFile    = "env"
	GRUBSpare   = "spare"
)

// Spare is the state where none is readable: each slot gets its tries, so that one which does not start is not tried for ever.
// U-Boot makes it itself and keeps it in the sector behind that of the state, where a written copy has zeros.
var Spare = State{Order: []string{A, B}, LeftA: MaxTries, LeftB: MaxTries, Seen: Unseen}

// GRUBCopy is the partition around a block of EncodeGRUB.
func GRUBCopy(block []byte) []byte {
	spare, err := Spare.EncodeGRUB()
	if err != nil {
		panic(err) // it is a constant
	}
	b := append(tarFile(GRUBFile, block), tarFile(GRUBSpare, spare)...)
	return append(b, make([]byte, CopySize-len(b))...)
}

// tarFile is a file of StateSize bytes in a tar archive.
func tarFile(name string, content []byte) []byte {
	b := make([]byte, SectorSize, SectorSize+StateSize)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")             // mode, owner, group
	copy(b[124:], fmt.Sprintf("%011o\x00%011o\x00", StateSize, 0)) // size, time
	copy(b[148:], "        0")                                     // checksum, counted as blanks; a plain file
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(b, content...)
}

// UBootCopy is the partition of an environment of EncodeUBoot, which lies at its start.
func UBootCopy(environment []byte) []byte {
	b := make([]byte, CopySize)
	copy(b, environment)
	return b
}
