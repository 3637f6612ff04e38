package test

import (
	"path/filepath"
	"testing"

	"bantam/images"
)

// GRUB chooses the slot also where UEFI is U-Boot's, as on boards whose U-Boot lacks what its own script needs: it reads raw partitions by it, and
// writes the state.
func TestBoardGRUBStartsByTheUEFIOfUBoot(t *testing.T) {
	forBoard(t, "qemu-arm64")
	image := filepath.Join(build(t, "qemu-arm64", "../examples/qemu-arm64/system.toml"), "qemu-arm64.img")
	c := startAs(t, "bantam-arm64", onBoard(t, "qemu-arm64-uboot", images.RunOptions{Image: image}))
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=grub\n")
	got := c.must("bantam status --json", `"loader": "grub"`, `"tries": true`, `"fallback": true`)
	t.Log(got)
	c.off()
}
