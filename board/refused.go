package board

import "bantam/spelling"

const tooLarge = "; the smallest image, kernel and programs, has more than 7 MB"

// refused are boards that people ask for and that are too small, with the reason, by names as Refused compares them.
var refused = map[string]string{
	"mr3020":   "TP-Link's TL-MR3020 has 4 MB of flash (v1) or 8 MB (v3), and 32 or 64 MB of memory" + tooLarge,
	"mr3220":   small("TP-Link's TL-MR3220"),
	"mr3420":   small("TP-Link's TL-MR3420"),
	"wa901nd":  small("TP-Link's TL-WA901ND"),
	"wr703n":   small("TP-Link's TL-WR703N"),
	"wr740n":   small("TP-Link's TL-WR740N"),
	"wr741nd":  small("TP-Link's TL-WR741ND"),
	"wr841n":   small("TP-Link's TL-WR841N"),
	"wr841nd":  small("TP-Link's TL-WR841ND"),
	"wr842nd":  "TP-Link's TL-WR842ND v1" + littleMemory,
	"wr1043nd": "TP-Link's TL-WR1043ND v1" + littleMemory,
	"dir300":   "D-Link's DIR-300 has 4 MB of flash and 16 or 32 MB of memory" + tooLarge,
	"dir600":   small("D-Link's DIR-600"),
	"wrt54g":   "Linksys' WRT54G has 2 to 4 MB of flash and 8 to 16 MB of memory" + tooLarge,
	"wrt54gl":  "Linksys' WRT54GL has 4 MB of flash and 16 MB of memory" + tooLarge,
}

// littleMemory is why the flash of a board does not help it.
const littleMemory = " has 32 MB of memory: kernel and initrd take more while they start"

// small is the reason for the most usual of these boards.
func small(board string) string { return board + " has 4 MB of flash and 32 MB of memory" + tooLarge }

// Refused is why a board is none of ours and will be none, e.g. for tl-mr3020 or MR3020; "" for all others.
func Refused(name string) string {
	name = spelling.Folded(name)
	if len(name) > 2 && name[:2] == "tl" {
		name = name[2:]
	}
	return refused[name]
}
