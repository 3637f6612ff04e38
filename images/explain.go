package images

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/u-root/u-root/pkg/cpio"

	"bantam/board"
	"bantam/switcher"
)

// Explanation says what takes the bytes of the generation that was built last for a board.
type Explanation struct {
	Generation switcher.Digest `json:"generation"`
	Parts      []Part          `json:"parts"`    // as they lie in the image
	Asked      []Part          `json:"asked"`    // layers by the entries of system.toml that ask for them, largest first
	Modules    []Part          `json:"modules"`  // largest first, uncompressed
	Sections   []Part          `json:"sections"` // of the device binary, uncompressed
	Packages   []Part          `json:"packages"` // machine code in the device binary by Go package, largest first
}

// Explain reads a board's generation from the store that Compose wrote it to.
func Explain(ctx context.Context, storeDir string, b board.Board) (*Explanation, error) {
	store, digest, g, err := lastGeneration(storeDir, b)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Generation: digest}
	kernel := Part{Name: "kernel", Size: g.Kernel.Size, Detail: "Linux " + g.KernelVersion()}
	if packsKernel(b) {
		packed, err := store.Blob(g.Kernel.Digest)
		if err != nil {
			return nil, err
		}
		plain, err := unpackKernel(ctx, b, packed)
		if err != nil {
			return nil, err
		}
		kernel.Detail += ", " + Commas(int64(len(plain))) + " unpacked"
	}
	x.Parts = append(x.Parts, kernel)
	for _, d := range g.Initrd {
		packed, err := store.Blob(d.Digest)
		if err != nil {
			return nil, err
		}
		raw, err := unpackSegment(packed)
		if err != nil {
			return nil, err
		}
		name := d.Annotations[switcher.SegmentAnnotation]
		x.Parts = append(x.Parts, Part{name, d.Size, Commas(int64(len(raw))) + " unpacked"})
		if err := x.explainSegment(raw); err != nil {
			return nil, fmt.Errorf("segment %s: %w", name, err)
		}
	}
	x.Parts = append(x.Parts, layerParts(g.Layers)...)
	x.Asked = askedParts(g.Layers)
	x.Parts = append(x.Parts, Part{Name: "system.toml", Size: g.System.Size})
	for _, list := range [][]Part{x.Modules, x.Packages, x.Sections} {
		slices.SortStableFunc(list, func(a, b Part) int { return cmp.Compare(b.Size, a.Size) })
	}
	return x, nil
}

// lastGeneration opens a store that Compose wrote, and finds the generation of a board.
func lastGeneration(dir string, b board.Board) (store *switcher.Store, digest switcher.Digest, g switcher.Generation, err error) {
	missing := fmt.Errorf("%s has no generation for board %s; make one: bantam build --board %s SYSTEM.toml", dir, b.Name, b.Name)
	if !isFile(filepath.Join(dir, "oci-layout")) {
		return nil, "", g, missing // OpenStore would make one
	}
	if store, err = switcher.OpenStore(dir); err != nil {
		return nil, "", g, err
	}
	entries, err := store.Index()
	if err != nil {
		return nil, "", g, err
	}
	i := slices.IndexFunc(entries, func(e switcher.Descriptor) bool { return e.Annotations[refName] == b.Name })
	if i < 0 {
		return nil, "", g, missing
	}
	g, err = store.Generation(entries[i].Digest)
	return store, entries[i].Digest, g, err
}

func (x *Explanation) explainSegment(raw []byte) error {
	return cpio.ForEachRecord(cpio.EOFReader{RecordReader: cpio.Newc.Reader(bytes.NewReader(raw))}, func(r cpio.Record) error {
		switch {
		case r.Name == "init":
			binary := make([]byte, r.FileSize)
			if _, err := r.ReadAt(binary, 0); err != nil && len(binary) > 0 {
				return err
			}
			return x.explainBinary(binary)
		case isModule(r.Name):
			x.Modules = append(x.Modules, Part{Name: moduleName(r.Name), Size: int64(r.FileSize), Detail: r.Name})
		}
		return nil
	})
}

// explainBinary adds up functions by package. The table that Go's runtime needs for stack traces
// names them all, so a stripped binary will do.
func (x *Explanation) explainBinary(data []byte) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return err
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS && s.Size > 0 {
			x.Sections = append(x.Sections, Part{Name: s.Name, Size: int64(s.Size)})
		}
	}
	text, lines := f.Section(".text"), f.Section(".gopclntab")
	if text == nil || lines == nil {
		return nil // not linked by Go
	}
	table, err := lines.Data()
	if err != nil {
		return err
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(table, text.Addr))
	if err != nil {
		return fmt.Errorf("function table: %w", err)
	}
	sizes := make(map[string]int64)
	for _, f := range symbols.Funcs {
		name := f.PackageName()
		if name == "" {
			name = "(assembly and generated)"
		}
		sizes[name] += int64(f.End - f.Entry)
	}
	for name, size := range sizes {
		x.Packages = append(x.Packages, Part{Name: name, Size: size})
	}
	slices.SortFunc(x.Packages, func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}
