package switcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"bantam/layer"
	"bantam/newc"
)

// GenerationPath is the folder of the root file system in which a machine finds what it was started from: Segment's files.
const GenerationPath = "/bantam/generation"

// The files in it, beside layer.AreaPath.
const (
	ManifestName = "manifest.json"
	SystemName   = "system.toml"
)

// Segment is the last archive of an initrd: it tells the machine what it was started from, and what layers lie on the medium.
// It is no blob of the generation, whose digest is in it, and it is left uncompressed: a change of configuration makes it
// anew and alone, and xz would gain a sector.
func (g Generation) Segment(system []byte, onMedium layer.Area) ([]byte, error) {
	files := []newc.File{
		{Path: GenerationPath[1:] + "/" + ManifestName, Mode: 0o644, Data: g.Manifest()},
		{Path: GenerationPath[1:] + "/" + SystemName, Mode: 0o644, Data: system},
	}
	if len(onMedium) > 0 {
		files = append(files, newc.File{Path: layer.AreaPath[1:], Mode: 0o644, Data: onMedium.Encode()})
	}
	return newc.Pack(files)
}

// Carried is what such an archive says.
type Carried struct {
	Generation
	Text []byte     // its system.toml
	Area layer.Area // where its layers lie on the medium
}

// mostSegment is how much of the end of an initrd is searched: manifest, system.toml and the area of layers are far smaller.
const mostSegment = 4 << 20

// FindSegment finds that archive at the end of an initrd, of the generation with that digest. What its files are called also stands
// elsewhere, but nothing else has the digest.
func FindSegment(initrd *io.SectionReader, want Digest) (c Carried, err error) {
	from := max(0, initrd.Size()-mostSegment)
	tail := make([]byte, initrd.Size()-from)
	if _, err := initrd.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("read its initrd: %w", err)
	}
	const name = GenerationPath + "/" + ManifestName
	for end := 0; ; {
		i := bytes.Index(tail[end:], []byte(name[1:]+"\x00"))
		if i < 0 {
			return c, fmt.Errorf("its initrd does not name generation %s", want.Short())
		}
		begin := end + i - newc.HeaderSize
		end += i + len(name)
		if begin < 0 {
			continue
		}
		path, manifest, rest, ok := newc.Next(tail[begin:])
		if !ok || path != name[1:] || DigestOf(manifest) != want {
			continue
		}
		if c.Generation, err = ParseManifest(manifest); err != nil {
			return c, err
		}
		if c.Area, err = areaBefore(tail, begin); err != nil {
			return c, err
		}
		if path, text, _, ok := newc.Next(rest); ok && path == GenerationPath[1:]+"/"+SystemName && int64(len(text)) == c.System.Size {
			c.Text = bytes.Clone(text)
		}
		if have := DigestOf(c.Text); have != c.System.Digest {
			return c, fmt.Errorf("its system.toml is %s, its manifest names %s", have.Short(), c.System.Digest.Short())
		}
		return c, nil
	}
}

// areaBefore is the area of layers in the file of the archive that ends where the manifest's begins; nil: there is none.
func areaBefore(tail []byte, manifest int) (layer.Area, error) {
	const name = layer.AreaPath
	begin := bytes.LastIndex(tail[:manifest], []byte(name[1:]+"\x00")) - newc.HeaderSize
	if begin < 0 {
		return nil, nil
	}
	path, text, rest, ok := newc.Next(tail[begin:])
	if !ok || path != name[1:] || len(tail)-len(rest) != manifest {
		return nil, nil
	}
	return layer.ReadArea(text)
}

// Places are where the blobs of g lie that a boot loader starts, in a medium that has the kernel and, one behind the other, the segments.
func (g Generation) Places(kernel, initrd *io.SectionReader) (map[Digest]*io.SectionReader, error) {
	if g.Kernel.Size > kernel.Size() {
		return nil, errors.New("its kernel is longer than its place")
	}
	part := func(of *io.SectionReader, at, size int64) *io.SectionReader {
		medium, begin, _ := of.Outer() // whoever asks for a place wants that on the medium
		return io.NewSectionReader(medium, begin+at, size)
	}
	at, places := int64(0), map[Digest]*io.SectionReader{g.Kernel.Digest: part(kernel, 0, g.Kernel.Size)}
	for _, segment := range g.Initrd {
		if segment.Size > initrd.Size()-at {
			return nil, errors.New("its segments are longer than its initrd")
		}
		places[segment.Digest] = part(initrd, at, segment.Size)
		at += segment.Size
	}
	return places, nil
}
