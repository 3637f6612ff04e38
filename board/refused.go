package board

import "bantam/spelling"

const tooLarge = "; the smallest image, kernel and programs, has more than 7 MB"

// refused are boards that people ask for and that are too small, with the reason, by names as Refused compares them.
var refused = map[string]string{
	"mr3020":   "TP-Link's TL-MR3020 has 4 MB of flash (v1) or 8 MB (v3), and 32 or 64 MB of memory" + tooLarge,
	"wr703n":   "TP-Link's TL-WR703N has 4 MB of flash and 32 MB of memory" + tooLarge,
	"wr841n":   "TP-Link's TL-WR841N has 4 MB of flash and 32 MB of memory" + tooLarge,
	"wr1043nd": "TP-Link's TL-WR1043ND v1 has 32 MB of memory: kernel and initrd take more while they start",
	"wrt54gl":  "Linksys' WRT54GL has 4 MB of flash and 16 MB of memory" + tooLarge,
}

// Refused is why a board is none of ours and will be none, e.g. for tl-mr3020 or MR3020; "" for all others.
func Refused(name string) string {
	name = spelling.Folded(name)
	if len(name) > 2 && name[:2] == "tl" {
		name = name[2:]
	}
	return refused[name]
}
