package control

import "testing"

func TestBootIsToldInALine(t *testing.T) {
	for want, b := range map[string]Boot{
		"the kernel of the image, no boot slots":         {Loader: "fixed-image"},
		"the kernel of the image: the disk is too small": {Loader: "fixed-image", Why: "the disk is too small"},
		"grub, slot A (booted, generation 1, good), slot B (empty)": {Loader: "grub", Tries: true, Slots: []BootSlot{
			{Name: "A", Booted: true, First: true, Good: true, Generation: 1}, {Name: "B", Empty: true, Fault: "slot header: nothing is in this slot"}}},
		"u-boot, slot A (booted, generation 1, good), slot B (generation 4, 3 tries left, next)": {Loader: "u-boot", Tries: true, Slots: []BootSlot{
			{Name: "A", Booted: true, Good: true, Generation: 1}, {Name: "B", Tries: 3, First: true, Generation: 4}}},
		"grub, slot A (slot header: damaged), slot B (booted, 1 try left); /dev/vda is read-only": {Loader: "grub", Why: "/dev/vda is read-only", Slots: []BootSlot{
			{Name: "A", Fault: "slot header: damaged", Good: true, First: true}, {Name: "B", Booted: true, Tries: 1}}},
	} {
		if got := b.line(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
