package oci

import (
	"encoding/base64"
	"fmt"
	"strings"

	"bantam/signature"
	"bantam/switcher"
)

// SignatureTag is the name under which cosign keeps the signatures of a manifest, beside it: sha256-<hex>.sig.
func SignatureTag(d switcher.Digest) string { return "sha256-" + d.Hex() + ".sig" }

func isSignatureTag(name string) bool {
	hexa, ok := strings.CutSuffix(name, ".sig")
	hexa, ok2 := strings.CutPrefix(hexa, "sha256-")
	return ok && ok2 && switcher.Digest("sha256:"+hexa).Valid()
}

// readSignatures takes the signatures out of the manifest that SignatureTag names. Layers of other types, which are somebody else's, are passed over.
func readSignatures(raw []byte, payload func(switcher.Descriptor) ([]byte, error)) (list []signature.Signed, err error) {
	m, err := parseManifest(raw)
	if err != nil {
		return nil, err
	}
	for _, d := range m.Layers {
		text := d.Annotations[signature.Annotation]
		if d.MediaType != signature.PayloadType || text == "" || d.Size > signature.MaxPayload {
			continue
		}
		if len(list) == signature.MaxSigned {
			return nil, fmt.Errorf("more than %d", signature.MaxSigned)
		}
		bytes, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		data, err := payload(d)
		if err != nil {
			return nil, err
		}
		list = append(list, signature.Signed{Payload: data, Signature: bytes})
	}
	return list, nil
}

// SignatureManifest is the manifest that cosign keeps signatures in, and its config; the payloads are its layers. The same signatures give
// the same bytes.
func SignatureManifest(signed []signature.Signed) (raw, config []byte) {
	type rootfs struct {
		Type    string            `json:"type"`
		DiffIDs []switcher.Digest `json:"diff_ids"`
	}
	fs := rootfs{Type: "layers", DiffIDs: []switcher.Digest{}}
	m := manifest{SchemaVersion: 2, MediaType: manifestType, Layers: []switcher.Descriptor{}}
	for _, s := range signed {
		d := describe(signature.PayloadType, s.Payload)
		d.Annotations = map[string]string{signature.Annotation: base64.StdEncoding.EncodeToString(s.Signature)}
		m.Layers = append(m.Layers, d)
		fs.DiffIDs = append(fs.DiffIDs, d.Digest)
	}
	config = marshal(struct {
		Architecture string   `json:"architecture"`
		OS           string   `json:"os"`
		Config       struct{} `json:"config"`
		RootFS       rootfs   `json:"rootfs"`
	}{RootFS: fs})
	m.Config = describe(configType, config)
	return marshal(m), config
}

func describe(mediaType string, data []byte) switcher.Descriptor {
	return switcher.Descriptor{MediaType: mediaType, Digest: switcher.DigestOf(data), Size: int64(len(data))}
}
