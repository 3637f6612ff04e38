package test

import (
	"path/filepath"
	"testing"

	"bantam/images"
)

// What becomes of an SD card with the PC's example in QEMU's Orange Pi PC, from its boot ROM's first sector on.
func TestBoardOrangePiPC(t *testing.T) {
	forBoard(t, "orangepi-pc")
	out := build(t, "orangepi-pc", "../examples/pc/system.toml")
	image := filepath.Join(out, "orangepi-pc.img")
	panics := panicking(t, out)
	card := image + ".kept"
	args := newerQEMU(t, onBoard(t, "orangepi-pc", images.RunOptions{Image: image, Keep: card}))
	virtualBoard{board: "orangepi-pc", args: args, card: card, network: true, restart: true}.lives(t, panics)
}
