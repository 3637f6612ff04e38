package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"bantam/switcher"
)

// Media types and annotations of OCI and of cosign.
const (
	indexType    = "application/vnd.oci.image.index.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"

	refName        = "org.opencontainers.image.ref.name"
	kindAnnotation = "kind" // cosign --local-image looks for it in an index
	imageKind      = "dev.cosignproject.cosign/image"
	signaturesKind = "dev.cosignproject.cosign/sigs"
)

// manifest is what is looked at of any manifest; the field order is that of the bytes we write.
type manifest struct {
	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	Config        switcher.Descriptor  `json:"config"`
	Layers        switcher.Descriptors `json:"layers"`
}

// index is OCI's index.json; the field order is that of the bytes we write.
type index struct {
	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	Manifests     switcher.Descriptors `json:"manifests"`
}

// parseManifest refuses what is no manifest of an image or artifact. Every digest in what it returns is valid and no size negative.
func parseManifest(raw []byte) (m manifest, err error) {
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	switch m.MediaType {
	case manifestType, "":
	case indexType, "application/vnd.docker.distribution.manifest.list.v2+json":
		return m, fmt.Errorf("manifest: it is an index of several images; name the one of this board")
	default:
		return m, fmt.Errorf("manifest: of the unknown type %.80q", m.MediaType)
	}
	if m.SchemaVersion != 2 {
		return m, fmt.Errorf("manifest: schema version %d, want 2", m.SchemaVersion)
	}
	for i, d := range m.blobs() {
		if !d.Digest.Valid() || d.Size < 0 {
			return m, fmt.Errorf("manifest: blob %d: bad digest %.80q or size %d", i, d.Digest, d.Size)
		}
	}
	return m, nil
}

// blobs are all that the manifest names, each once, the config first.
func (m manifest) blobs() []switcher.Descriptor {
	var list []switcher.Descriptor
	seen := make(map[switcher.Digest]bool)
	for _, d := range append([]switcher.Descriptor{m.Config}, m.Layers...) {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			list = append(list, d)
		}
	}
	return list
}

// marshal is for what cannot fail: structs of strings and numbers.
func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("oci: " + err.Error())
	}
	return data
}

// inMemory is the body of a request that is in memory.
func inMemory(data []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}
