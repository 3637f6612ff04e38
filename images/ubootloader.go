package images

import (
	"context"
	"encoding/binary"
	"fmt"

	"bantam/board"
)

// An SD card brings U-Boot along: for some boards as raw bytes at a place that the boot ROM knows, for others as files on the FAT
// partition, which firmware of the board reads. Both are Debian's.

// A rawProgram lies at a byte of a medium.
type rawProgram struct {
	at    int64
	name  string
	bytes []byte
}

// A ubootLoader is all of it.
type ubootLoader struct {
	programs []rawProgram
	files    []fatFile
	size     int64
}

// loaderArchive is where a board's boot programs come from: of the board's own release of Debian, whichever the rest is of.
func (a Archive) loaderArchive(b board.Board, component string) Archive {
	a.Component = component
	a.fixed = b.Release
	return a
}

// loaderPackages are the packages that a board's loader is made from, by component.
func loaderPackages(b board.Board) map[string][]string {
	all := make(map[string][]string)
	add := func(s board.Source) {
		if s.Package != "" {
			all[s.Component] = append(all[s.Component], s.Package)
		}
	}
	for _, p := range b.Loader.Programs {
		add(p.Source)
	}
	for _, f := range b.Loader.Files {
		add(f.Source)
	}
	return all
}

// fetchUBoot fetches those packages.
func fetchUBoot(ctx context.Context, archive Archive, b board.Board) error {
	for component, names := range loaderPackages(b) {
		if _, err := archive.loaderArchive(b, component).roots(ctx, names); err != nil {
			return err
		}
	}
	return nil
}

// ubootOf reads what an image of a board brings along. The kernel is as Compose leaves it, with the device trees.
func ubootOf(ctx context.Context, archive Archive, b board.Board, kernel []byte) (l ubootLoader, err error) {
	read := func(s board.Source) ([]byte, error) {
		a := archive.loaderArchive(b, s.Component)
		roots, err := a.roots(ctx, []string{s.Package})
		if err != nil {
			return nil, err
		}
		data, err := readFromRoots(roots, s.Path)
		if err != nil {
			return nil, fmt.Errorf("board %s: boot loader of Debian package %s: %w", b.Name, s.Package, err)
		}
		l.size += int64(len(data))
		return data, nil
	}
	for _, p := range b.Loader.Programs {
		data, err := read(p.Source)
		if err != nil {
			return l, err
		}
		if !p.Has(data) {
			return l, fmt.Errorf("board %s: %s of Debian package %s does not have %q at byte %d: not what the boot ROM starts", b.Name, p.Path, p.Package, p.Magic, p.At)
		}
		l.programs = append(l.programs, rawProgram{p.Offset, p.Path, data})
	}
	for _, f := range b.Loader.Files {
		data := []byte(f.Text)
		switch {
		case f.Tree != "":
			data = treeIn(b, kernel, f.Tree)
			l.size += int64(len(data))
		case f.Package != "":
			if data, err = read(f.Source); err != nil {
				return l, err
			}
		}
		l.files = append(l.files, fatFile{f.Name, layout{size: int64(len(data)), regions: []region{{name: f.Name, content: Bytes(data)}}}})
	}
	return l, nil
}

// treeIn is a device tree in front of a kernel, as withTrees has put it there.
func treeIn(b board.Board, kernel []byte, name string) []byte {
	for i, tree := range b.DeviceTrees {
		if tree == name {
			at := kernel[i*treeRoom:]
			return at[:binary.BigEndian.Uint32(at[4:])]
		}
	}
	return nil // which the board's file would not have got away with
}
