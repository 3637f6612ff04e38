package images

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/switcher"
)

// Layer is a read-only file system of a generation, made and kept in the cache.
type Layer struct {
	Name, Version string          // e.g. package/libc6, 2.36-9+deb12u13
	For           []string        // what asks for it, sorted, e.g. package/mosquitto
	File          string          // the squashfs, in the cache; it stays there while it is read
	Digest        switcher.Digest // of the squashfs
	Size          int64           // its bytes
	Index         layer.Index     // what it says of itself
}

func (l Layer) descriptor() switcher.Descriptor {
	d := switcher.Descriptor{MediaType: switcher.LayerType, Digest: l.Digest, Size: l.Size, Annotations: map[string]string{
		switcher.LayerAnnotation: l.Name,
		switcher.ForAnnotation:   strings.Join(l.For, " "),
	}}
	if l.Version != "" {
		d.Annotations[switcher.VersionAnnotation] = l.Version
	}
	return d
}

// byName sorts layers as a manifest has them.
func byName(layers []Layer) []Layer {
	return slices.SortedFunc(slices.Values(layers), func(a, b Layer) int { return cmp.Compare(a.Name, b.Name) })
}

// storeLayers puts layers into the store, sorted by name, never one of them into memory.
func storeLayers(store *switcher.Store, layers []Layer) (list []switcher.Descriptor, err error) {
	for i, l := range layers {
		if i > 0 && layers[i-1].Name == l.Name {
			return nil, fmt.Errorf("layer %s: there are two", l.Name)
		}
		if l.Size <= 0 || !l.Digest.Valid() {
			return nil, fmt.Errorf("layer %s: %d bytes of digest %q", l.Name, l.Size, l.Digest)
		}
		if err := storeLayer(store, l); err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Name, err)
		}
		list = append(list, l.descriptor())
	}
	return list, nil
}

func storeLayer(store *switcher.Store, l Layer) error {
	if sum, err := FileDigest(store.BlobPath(l.Digest)); err == nil && sum == l.Digest.Hex() {
		return nil // of an earlier build
	}
	f, err := os.Open(l.File)
	if err != nil {
		return err
	}
	defer f.Close()
	got, size, err := store.PutBlob(f)
	if err != nil {
		return err
	}
	return l.check(got, size)
}

// errDamagedLayer: what lies in the cache is no longer what was put there.
var errDamagedLayer = errors.New("is damaged; remove it, and build again")

func (l Layer) check(got switcher.Digest, size int64) error {
	if got != l.Digest || size != l.Size {
		return fmt.Errorf("%s %w (it has %d bytes of %s, not %d of %s)", l.File, errDamagedLayer, size, got.Short(), l.Size, l.Digest.Short())
	}
	return nil
}

// openLayers lays layers out as they lie on a medium. They stay open until done is called.
func (c *Composed) openLayers() (area layout, done func(), err error) {
	var files []*os.File
	done = func() {
		for _, f := range files {
			f.Close()
		}
	}
	for _, e := range layersArea(c.Generation.Layers) {
		l := c.Layers[slices.IndexFunc(c.Layers, func(l Layer) bool { return l.Digest.Hex() == e.SHA256 })]
		f, err := os.Open(l.File)
		if err != nil {
			done()
			return layout{}, nil, fmt.Errorf("layer %s: %w", l.Name, err)
		}
		files = append(files, f)
		area.regions = append(area.regions, region{at: e.Offset, content: io.NewSectionReader(f, 0, e.Length), name: l.Name, digest: l.Digest})
		area.size = roundUp(e.Offset+e.Length, layer.AreaUnit)
	}
	return area, done, nil
}

// layersArea says where layers lie on a medium: one behind the other, those with equal bytes once.
func layersArea(layers []switcher.Descriptor) layer.Area {
	var area layer.Area
	next := int64(0)
	for _, d := range layers {
		if slices.ContainsFunc(area, func(e layer.Extent) bool { return e.SHA256 == d.Digest.Hex() }) {
			continue
		}
		area = append(area, layer.Extent{SHA256: d.Digest.Hex(), Offset: next, Length: d.Size})
		next = roundUp(next+d.Size, layer.AreaUnit)
	}
	return area
}
