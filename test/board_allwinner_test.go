package test

import (
	"path/filepath"
	"testing"

	"bantam/images"
)

// What becomes of an SD card with the PC's example in QEMU's machines of boards by Allwinner, from their boot ROM's first sector on.

func TestBoardOrangePiPC(t *testing.T) { livesOnItsCard(t, "orangepi-pc") }

func TestBoardBananaPiM2Ultra(t *testing.T) { livesOnItsCard(t, "bananapi-m2-ultra") }

func livesOnItsCard(t *testing.T, board string) {
	forBoard(t, board)
	out := build(t, board, "../examples/pc/system.toml")
	image := filepath.Join(out, board+".img")
	card := image + ".kept"
	args := newerQEMU(t, onBoard(t, board, images.RunOptions{Image: image, Keep: card}))
	virtualBoard{board: board, args: args, card: card, network: true, restart: true}.lives(t, panicking(t, out))
}
