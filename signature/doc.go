// Package signature decides whether somebody who is trusted has signed a generation.
//
// A signature is cosign's: Ed25519 or ECDSA (P-256, P-384, over SHA-256), over a small document in JSON, cosign's "simple signing"
// payload, that names the digest of a manifest. So `cosign verify --key` accepts what Bantam signs, and the other way round. What such a signature does not bind is
// bound elsewhere: architecture, board and release are annotations of the signed manifest, and the bytes of every blob are named there by digest.
// A name or tag of a registry is not bound at all: the docker-reference of a payload is not looked at, so that a generation may be copied from
// registry to registry.
//
// The package verifies and does not sign, for it is part of the device: package images/signing makes keys and signatures. RSA, certificates,
// Fulcio's and Rekor's proofs, and the bundles of cosign 3 are not read.
package signature
