package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Signed is one signature as cosign keeps it: a layer of the artifact that the tag sha256-<hex>.sig names.
type Signed struct {
	Payload   []byte `json:"payload"`   // the bytes of the layer, of media type PayloadType
	Signature []byte `json:"signature"` // what its annotation Annotation holds, base64 decoded
}

// Equal says whether two signatures are the same, byte by byte.
func (s Signed) Equal(other Signed) bool {
	return bytes.Equal(s.Payload, other.Payload) && bytes.Equal(s.Signature, other.Signature)
}

// What the manifest of signatures says of each.
const (
	PayloadType = "application/vnd.dev.cosign.simplesigning.v1+json" // media type of the layer
	Annotation  = "dev.cosignproject.cosign/signature"               // annotation of the layer, standard base64
)

// PayloadKind is critical.type of every payload.
const PayloadKind = "cosign container image signature"

// Bounds: the time that a hostile source can cost is that of MaxSigned signatures times the keys that are trusted.
const (
	MaxPayload = 16 << 10 // bytes of a payload; cosign's have some 250
	MaxSigned  = 16       // signatures of one generation
)

// Why a generation is not accepted.
var (
	ErrUnsigned = errors.New("it is not signed")
	ErrForeign  = errors.New("no key of [trust] keys has signed it")
)

// Verify says which of the keys has signed the manifest with this digest (sha256: and 64 lower-case digits): its index. Signatures of others and of other
// manifests do no harm beside a good one. The error is or wraps ErrUnsigned or ErrForeign.
func Verify(digest string, signed []Signed, keys []PublicKey) (by int, err error) {
	if len(signed) == 0 {
		return -1, ErrUnsigned
	}
	if len(signed) > MaxSigned {
		return -1, fmt.Errorf("%w: %d signatures are more than the %d that are looked at", ErrForeign, len(signed), MaxSigned)
	}
	var last error
	for _, s := range signed {
		by := slices.IndexFunc(keys, func(k PublicKey) bool { return k.verifies(s.Payload, s.Signature) })
		if by < 0 {
			continue // nor is it read
		}
		if last = checkPayload(s.Payload, digest); last == nil {
			return by, nil
		}
	}
	if last != nil {
		return -1, fmt.Errorf("%w: %w", ErrForeign, last)
	}
	return -1, ErrForeign
}

// simpleSigning is what a payload says; the rest of it ("optional", and critical.identity) is the signer's own.
type simpleSigning struct {
	Critical struct {
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
}

// checkPayload says why a payload, which somebody who is trusted has signed, is not about the manifest with this digest.
func checkPayload(payload []byte, digest string) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("what is signed has %d bytes, more than %d", len(payload), MaxPayload)
	}
	var p simpleSigning
	if err := json.Unmarshal(payload, &p); err != nil {
		return errors.New("what is signed is not a payload of cosign")
	}
	if p.Critical.Type != PayloadKind {
		return fmt.Errorf("what is signed is %.60q, not %q", p.Critical.Type, PayloadKind)
	}
	if p.Critical.Image.Digest != digest || digest == "" {
		return fmt.Errorf("what is signed is another manifest, %.80q", p.Critical.Image.Digest)
	}
	return nil
}
