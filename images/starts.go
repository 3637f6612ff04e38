package images

import (
	"bantam/board"
	"bantam/slot"
)

// Start is how a medium of a board starts a kernel, and what that means for another one.
type Start struct {
	Medium string   `json:"medium"`          // as in Media, or KindNetboot
	Loader string   `json:"loader"`          // for people, e.g. GRUB by BIOS and UEFI
	Slots  []string `json:"slots,omitempty"` // boot slots on a disk with room for all; none: the kernel is the medium's
	Tries  int      `json:"tries,omitempty"` // starts that the loader gives a new kernel before it goes back to the other slot
}

// Starts lists the ways in which a board starts a kernel, one a medium.
func Starts(b board.Board) (list []Start) {
	disk := map[string]string{board.Hybrid: "GRUB by BIOS and UEFI", board.EFIGrub: "GRUB by UEFI", board.UBoot: "U-Boot", board.Direct: "who starts the machine, with kernel and initrd of slot A"}[b.Boot]
	if b.Boot == board.EFIGrub && !b.Loader.IsZero() {
		disk = "GRUB by U-Boot's UEFI"
	}
	loaders := map[string]Start{
		"img":             {Loader: disk, Slots: []string{slot.A, slot.B}, Tries: slot.MaxTries},
		"iso":             {Loader: "isolinux by BIOS, a unified kernel image by UEFI"},
		KindUImage:        {Loader: "U-Boot of the board's maker, out of flash or over the network"},
		KindFactory:       {Loader: "U-Boot of the board's maker, out of flash or over the network"},
		KindSysupgrade:    {Loader: "the same, once sysupgrade has written it"},
		KindFIT:           {Loader: "the board's U-Boot, out of a volume of UBI or over the network"},
		KindSysupgradeFIT: {Loader: "the same, once sysupgrade has written it"},
		KindNetboot:       {Loader: "iPXE, or what else the network starts"},
	}
	if b.Boot == board.Direct {
		loaders["img"] = Start{Loader: disk}
		loaders[KindSysupgrade] = Start{Loader: "who starts the machine, with kernel and initrd of the firmware in its flash"}
	}
	media := Media(b)
	if Netboots(b) {
		media = append(media, KindNetboot)
	}
	for _, medium := range media {
		s := loaders[medium]
		s.Medium = medium
		list = append(list, s)
	}
	return list
}
