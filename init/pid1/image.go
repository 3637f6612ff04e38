package pid1

import (
	"fmt"
	"os"
	"path/filepath"

	"bantam/switcher"
)

// imageGeneration is what the boot medium carries in its initrd.
type imageGeneration struct {
	switcher.Generation
	text []byte // its system.toml
}

func readImage(dir string) (imageGeneration, error) {
	manifest, err := os.ReadFile(filepath.Join(dir, switcher.ManifestName))
	if err != nil {
		return imageGeneration{}, fmt.Errorf("the image's own generation: %w", err)
	}
	g, err := switcher.ParseManifest(manifest)
	if err != nil {
		return imageGeneration{}, fmt.Errorf("the image's own generation: %s/manifest.json: %w", dir, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, switcher.SystemName))
	if err != nil {
		return imageGeneration{}, fmt.Errorf("the image's own generation: %w", err)
	}
	if have := switcher.DigestOf(text); have != g.System.Digest {
		return imageGeneration{}, fmt.Errorf("the image's own generation: its system.toml is %s, its manifest names %s", have, g.System.Digest)
	}
	return imageGeneration{g, text}, nil
}

// standIn is what the state volume knows of an image with this kernel, for one
// that cannot be read for the reason in unread: its generations then still run.
func standIn(unread error, dir, kernel string) (imageGeneration, error) {
	g, text, err := switcher.ImageGeneration(dir, kernel)
	if err != nil {
		return imageGeneration{}, fmt.Errorf("%w; nor is there another to take its place: %w", unread, err)
	}
	return imageGeneration{g, text}, nil
}

// initDigest names the segment that holds the device binary.
func (g imageGeneration) initDigest() switcher.Digest {
	for _, segment := range g.Initrd {
		if segment.Annotations[switcher.SegmentAnnotation] == "init" {
			return segment.Digest
		}
	}
	return ""
}
