package recovery

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// own is what a boot loader keeps below the places that it names, in bytes: its stack grows, and its heap may lie there.
const own = 1 << 20

var (
	banks    = regexp.MustCompile(`(?s)start\s*=\s*0x([0-9a-fA-F]+).{0,40}?size\s*=\s*0x([0-9a-fA-F]+)`)
	keeps    = regexp.MustCompile(`(?:relocaddr|sp start|irq_sp|fdt_blob|TLB addr)\s*=\s*0x([0-9a-fA-F]+)`)
	reserves = regexp.MustCompile(`reserved\[\d+\]\s*\[0x([0-9a-fA-F]+)`)
	variable = regexp.MustCompile(`=\s*(?:0x)?([0-9a-fA-F]+)\s*$`)
)

// room is how many bytes of memory are free from an address on, by what `bdinfo` says of a board. 0: it does not say.
func room(bdinfo string, address int64) (bytes int64) {
	var end int64
	for _, bank := range banks.FindAllStringSubmatch(bdinfo, -1) {
		start, size := number(bank[1]), number(bank[2])
		if start <= address && address < start+size {
			end = start + size
		}
	}
	if end == 0 {
		return 0
	}
	for _, kept := range append(keeps.FindAllStringSubmatch(bdinfo, -1), reserves.FindAllStringSubmatch(bdinfo, -1)...) {
		if at := number(kept[1]); at > address {
			end = min(end, at)
		}
	}
	return max(end-address-own, 0)
}

func number(hex string) int64 {
	n, err := strconv.ParseInt(hex, 16, 64)
	if err != nil {
		return 0 // of more than 63 bits: of no memory
	}
	return n
}

// memory finds where pieces are loaded to, and how large they may be.
func (w *work) memory() error {
	w.address = w.Rescue.Address
	if w.address == 0 {
		said, err := w.twice("printenv loadaddr", func(said string) (int64, bool) {
			found := variable.FindStringSubmatch(strings.TrimSpace(said))
			if found == nil {
				return 0, false
			}
			return number(found[1]), true
		})
		if w.address = said; errors.Is(err, errUnclear) {
			return errors.New("the boot loader has no loadaddr; say where memory is free: [rescue] address")
		} else if err != nil {
			return err
		}
	}
	w.piece = w.Rescue.Piece
	if !w.ByTFTP && w.Rescue.Line != "" {
		w.piece = min(w.piece, max(pieceOnLine/w.Rescue.Block, 1)*w.Rescue.Block)
	}
	free, err := w.twice("bdinfo", func(said string) (int64, bool) { return room(said, w.address), true })
	if err != nil && !errors.Is(err, errUnclear) { // an old one has no such command; the board's file says what fits
		return err
	}
	if free > 0 {
		w.piece = min(w.piece, free/w.Rescue.Block*w.Rescue.Block)
		if w.piece == 0 {
			return fmt.Errorf("of its memory %d bytes are free from %#x on, less than one block of %d: [rescue] address", free, w.address, w.Rescue.Block)
		}
	}
	return nil
}

var errUnclear = errors.New("its answers are not understood")

// twice has a command say a number, which is believed when it is the same two times in a row: a line may alter it.
func (l *loader) twice(command string, read func(said string) (n int64, ok bool)) (int64, error) {
	const mostUnclear = 8
	var last *int64
	for unclear := 0; unclear < mostUnclear; {
		said, err := l.run(command, commandPatience)
		if err != nil && !errors.As(err, new(*RefusedError)) {
			return 0, err
		}
		n, ok := read(said)
		switch {
		case err != nil || !ok:
			unclear++
		case last != nil && n == *last:
			return n, nil
		default:
			last = &n
		}
	}
	return 0, errUnclear
}
