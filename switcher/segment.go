package switcher

import (
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
