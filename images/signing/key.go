package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"bantam/signature"
)

// PrivateKey signs.
type PrivateKey struct {
	signer crypto.Signer
	public signature.PublicKey
}

// Types are the kinds of keys that Generate makes, the best for a device first.
var Types = []string{"ed25519", "p256"}

// Generate makes a key of one of Types.
func Generate(kind string) (PrivateKey, error) {
	switch kind {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return PrivateKey{}, err
		}
		return privateKey(key)
	case "p256":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return PrivateKey{}, err
		}
		return privateKey(key)
	}
	return PrivateKey{}, fmt.Errorf("no kind of key is called %q; there are %q", kind, Types)
}

// privateKey takes what crypto/x509 has read, if devices verify its signatures.
func privateKey(key any) (PrivateKey, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return PrivateKey{}, fmt.Errorf("a key of type %T does not sign", key)
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return PrivateKey{}, err
	}
	public, err := signature.ParseKey(base64.StdEncoding.EncodeToString(der))
	if err != nil {
		return PrivateKey{}, fmt.Errorf("the key %w", err)
	}
	return PrivateKey{signer, public}, nil
}

// Public is what stands in [trust] keys.
func (k PrivateKey) Public() signature.PublicKey { return k.public }

// payload is cosign's; the field order is that of the bytes it writes.
type payload struct {
	Critical struct {
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
		Image struct {
			Digest string `json:"docker-manifest-digest"`
		} `json:"image"`
		Type string `json:"type"`
	} `json:"critical"`
	Optional map[string]string `json:"optional"`
}

// Sign signs the manifest with that digest (sha256: and 64 digits). The reference is where it lies, e.g. registry.example/machines/router; it is told, and
// nobody checks it.
func (k PrivateKey) Sign(reference, digest string) (signature.Signed, error) {
	var p payload
	p.Critical.Identity.Reference = reference
	p.Critical.Image.Digest = digest
	p.Critical.Type = signature.PayloadKind
	text, err := json.Marshal(p)
	if err != nil {
		return signature.Signed{}, err
	}
	message, hash := text, crypto.Hash(0) // Ed25519 signs the text itself
	if _, ec := k.signer.(*ecdsa.PrivateKey); ec {
		sum := sha256.Sum256(text)
		message, hash = sum[:], crypto.SHA256
	}
	sig, err := k.signer.Sign(rand.Reader, message, hash)
	if err != nil {
		return signature.Signed{}, fmt.Errorf("sign: %w", err)
	}
	return signature.Signed{Payload: text, Signature: sig}, nil
}
