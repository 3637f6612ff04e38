package switcher

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"bantam/signature"
)

// Media types of a generation and its blobs.
const (
	GenerationType = "application/vnd.bantam.generation.v1" // artifactType of the manifest
	SystemType     = "application/vnd.bantam.system.v1+toml"
	KernelType     = "application/vnd.bantam.kernel.v1"
	InitrdType     = "application/vnd.bantam.initrd.v1.cpio+xz"
	LayerType      = "application/vnd.bantam.layer.v1.squashfs"

	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	emptyType    = "application/vnd.oci.empty.v1+json"
)

// Annotations of descriptors and manifests.
const (
	BoardAnnotation   = "bantam.board"   // manifest: e.g. pc
	ArchAnnotation    = "bantam.arch"    // manifest: e.g. amd64
	ReleaseAnnotation = "bantam.release" // manifest: version of its system.toml, e.g. 7; absent if that says none
	VersionAnnotation = "bantam.version" // kernel: e.g. 6.1.0-40-amd64; layer: of its package or Go module
	SegmentAnnotation = "bantam.segment" // initrd segment: "modules" or "init"
	LayerAnnotation   = "bantam.layer"   // layer: its name, e.g. package/libc6, program/sensor, files
	ForAnnotation     = "bantam.for"     // layer: what asks for it, sorted, e.g. "package/mosquitto package/tcpdump", "files"
	CmdlineAnnotation = "bantam.cmdline" // kernel: its board's words, e.g. "console=ttyS0,115200 panic=10"
)

// emptyConfig is the config blob of an OCI artifact that has none.
var emptyConfig = []byte("{}")

// imageConfig is the config blob of a generation. It says what is known otherwise: but tools for images, as skopeo inspect, refuse a manifest without one.
func imageConfig(arch string) []byte {
	return fmt.Appendf(nil, `{"architecture":%q,"os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`, arch)
}

// Descriptor points to a blob, as an OCI content descriptor does.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      Digest            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// LayerName is the name of a layer, e.g. package/libc6; "" for another blob.
func (d Descriptor) LayerName() string { return d.Annotations[LayerAnnotation] }

// Generation is one complete machine: what its manifest says, as plain data.
type Generation struct {
	Board   string     // e.g. pc
	Arch    string     // Go's name of it, e.g. amd64
	Release int        // version of its system.toml; 0: it has none
	System  Descriptor // the text of system.toml
	Kernel  Descriptor
	Initrd  []Descriptor // segments in the order in which the kernel gets them
	Layers  []Descriptor // read-only file systems, by name

	noConfig bool // its config is the empty one, as before generations had another
}

// manifest is an OCI image manifest; the field order is that of the bytes we write.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        Descriptor        `json:"config"`
	Layers        Descriptors       `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

// Config returns the config blob of g's manifest and its descriptor. It follows from the rest of g, so that nobody has to
// carry it, and is none of Blobs.
func (g Generation) Config() ([]byte, Descriptor) {
	data, mediaType := imageConfig(g.Arch), configType
	if g.noConfig {
		data, mediaType = emptyConfig, emptyType
	}
	return data, Descriptor{MediaType: mediaType, Digest: DigestOf(data), Size: int64(len(data))}
}

// Manifest returns g as an OCI image manifest: an artifact with a config that says the architecture,
// its layers being system.toml, the kernel, the initrd segments in load order and the file systems by name.
// Equal generations give equal bytes on every host.
func (g Generation) Manifest() []byte {
	_, config := g.Config()
	m := manifest{
		SchemaVersion: 2,
		MediaType:     manifestType,
		ArtifactType:  GenerationType,
		Config:        config,
		Layers:        g.Blobs(),
		Annotations:   map[string]string{BoardAnnotation: g.Board, ArchAnnotation: g.Arch},
	}
	if g.Release != 0 {
		m.Annotations[ReleaseAnnotation] = strconv.Itoa(g.Release)
	}
	data, err := json.Marshal(m)
	if err != nil {
		panic("switcher: a manifest of strings and numbers does not marshal: " + err.Error())
	}
	return data
}

// Digest returns the digest of g's manifest, which is the generation's name everywhere.
func (g Generation) Digest() Digest { return DigestOf(g.Manifest()) }

// Blobs returns the descriptors of everything that g names but its config, in manifest order.
func (g Generation) Blobs() []Descriptor {
	return slices.Concat([]Descriptor{g.System, g.Kernel}, g.Initrd, g.Layers)
}

// BootBlobs returns the descriptors of what a boot loader starts: the kernel, then the segments in load order.
func (g Generation) BootBlobs() []Descriptor {
	return slices.Concat([]Descriptor{g.Kernel}, g.Initrd)
}

// BootID names kernel and initrd segments. Generations that have it in common run from each other's slot.
func (g Generation) BootID() Digest {
	text := fmt.Appendf(nil, "kernel %s\n", g.Kernel.Digest)
	for _, segment := range g.Initrd {
		text = fmt.Appendf(text, "segment %s\n", segment.Digest)
	}
	return DigestOf(text)
}

// KernelVersion returns the version of g's kernel, e.g. 6.1.0-40-amd64.
func (g Generation) KernelVersion() string {
	if v := g.Kernel.Annotations[VersionAnnotation]; v != "" {
		return v
	}
	return "of unknown version"
}

// maxManifest bounds what ParseManifest looks at; real manifests have some 300 bytes for each layer.
const maxManifest = 256 << 10

// maxWord bounds what a manifest calls something, in bytes: it is told on consoles of 960 bytes a second, also of what is refused.
const maxWord = 255

// shortWords says which annotation is longer than that; those in lists may be.
func shortWords(annotations map[string]string, lists ...string) error {
	for name, text := range annotations {
		if len(text) > maxWord && !slices.Contains(lists, name) {
			return fmt.Errorf("annotation %.80q has %d bytes, the limit is %d", name, len(text), maxWord)
		}
	}
	return nil
}

// ParseManifest reads a manifest that Generation.Manifest wrote. A layer of an
// unknown type or an unknown annotation is an error: a generation that is only half understood must not run.
func ParseManifest(data []byte) (Generation, error) {
	if len(data) > maxManifest {
		return Generation{}, fmt.Errorf("manifest: %d bytes, the limit is %d", len(data), maxManifest)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Generation{}, fmt.Errorf("manifest: %w", err)
	}
	if m.SchemaVersion != 2 || m.MediaType != manifestType || m.ArtifactType != GenerationType {
		return Generation{}, fmt.Errorf("manifest: not a Bantam generation (schema %d, type %.80q, artifact type %.80q)",
			m.SchemaVersion, m.MediaType, m.ArtifactType)
	}
	if err := shortWords(m.Annotations); err != nil {
		return Generation{}, fmt.Errorf("manifest: %w", err)
	}
	for name := range m.Annotations { // e.g. a variant of the system, which later versions may have
		if name != BoardAnnotation && name != ArchAnnotation && name != ReleaseAnnotation {
			return Generation{}, fmt.Errorf("manifest: unknown annotation %.80q; it was made for another version of Bantam", name)
		}
	}
	g := Generation{Board: m.Annotations[BoardAnnotation], Arch: m.Annotations[ArchAnnotation]}
	if text, released := m.Annotations[ReleaseAnnotation]; released {
		var err error
		if g.Release, err = strconv.Atoi(text); err != nil || g.Release < 1 || g.Release > signature.MaxRelease || strconv.Itoa(g.Release) != text {
			return Generation{}, fmt.Errorf("manifest: %s is %q, not a number from 1 to %d", ReleaseAnnotation, text, signature.MaxRelease)
		}
	}
	for i, layer := range m.Layers {
		if !layer.Digest.Valid() || layer.Size < 0 {
			return Generation{}, fmt.Errorf("manifest: layer %d: bad digest %.80q or size %d", i, layer.Digest, layer.Size)
		}
		if err := shortWords(layer.Annotations, ForAnnotation, CmdlineAnnotation); err != nil {
			return Generation{}, fmt.Errorf("manifest: layer %d: %w", i, err)
		}
		switch {
		case layer.MediaType == SystemType && g.System.Digest == "":
			g.System = layer
		case layer.MediaType == KernelType && g.Kernel.Digest == "":
			g.Kernel = layer
		case layer.MediaType == InitrdType:
			g.Initrd = append(g.Initrd, layer)
		case layer.MediaType == LayerType:
			if n := len(g.Layers); n > 0 && g.Layers[n-1].LayerName() >= layer.LayerName() || layer.LayerName() == "" {
				return Generation{}, fmt.Errorf("manifest: layer %d: %q is not in its place", i, layer.LayerName())
			}
			g.Layers = append(g.Layers, layer)
		default:
			return Generation{}, fmt.Errorf("manifest: layer %d: unknown or repeated type %.80q; it was made for another version of Bantam", i, layer.MediaType)
		}
	}
	switch {
	case g.Board == "" || g.Arch == "":
		return Generation{}, errors.New("manifest: names no board or no architecture")
	case g.System.Digest == "" || g.Kernel.Digest == "":
		return Generation{}, errors.New("manifest: names no system.toml or no kernel")
	}
	g.noConfig = m.Config.MediaType == emptyType
	if _, want := g.Config(); m.Config.MediaType != want.MediaType || m.Config.Digest != want.Digest || m.Config.Size != want.Size {
		return Generation{}, fmt.Errorf("manifest: unknown config %.40q of type %.80q; it was made for another version of Bantam", m.Config.Digest, m.Config.MediaType)
	}
	return g, nil
}
